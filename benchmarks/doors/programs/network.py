"""The network that all serve, with the same weights."""

from __future__ import annotations

import torch
from given import ARTIFACT, WAIT_S
from safetensors.torch import load_file

from pointsman_examples.mlp import Mlp, SlowMlp


class Network:
    """One model. Rows are lists, arrays or tensors; each call is one forward pass."""

    def __init__(self):
        self._network = SlowMlp(WAIT_S) if WAIT_S else Mlp()
        self._network.load_state_dict(load_file(ARTIFACT))
        self._network.eval()

    def rows(self, rows):
        """Return lists for lists, [n, 64]."""
        return self._of(torch.tensor(rows)).tolist()

    def array(self, rows):
        """Return an array for an array, float32 [n, 64]."""
        return self._of(torch.from_numpy(rows)).numpy()

    def _of(self, rows):
        with torch.inference_mode():
            return self._network(rows)
