"""A model of Triton's Python backend: what model.py imports in the repository that peers/triton.py writes."""

from __future__ import annotations

import numpy as np
import triton_python_backend_utils as pb_utils
from network import Network


class TritonPythonModel:
    """One model."""

    def initialize(self, args):
        """Load it."""
        self.network = Network()

    def execute(self, requests):
        """Return the answers of the requests that the dynamic batcher put together."""
        given = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        y = self.network.array(np.concatenate(given))
        ends = np.cumsum([len(each) for each in given])[:-1]
        return [
            pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("y", part)])
            for part in np.split(y, ends)
        ]
