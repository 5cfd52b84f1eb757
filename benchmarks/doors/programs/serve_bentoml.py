"""BentoML with a batchable API for each model, in one service.

`workers="cpu_count"` is what its documentation has for work that needs the cores. The dispatcher chooses the
wait by itself; `max_latency_ms` keeps its default. The access log is off, as for all.
"""

from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import DType
from batching import MAX_BATCH
from given import MODELS
from network import Network

Rows = Annotated[np.ndarray, DType("float32")]


def api(model):
    """Return the API of a model."""

    def infer(self, x: Rows) -> Rows:
        return self.networks[model].array(x)

    infer.__name__ = model.replace("-", "_")
    return bentoml.api(route=f"/{model}", batchable=True, max_batch_size=MAX_BATCH)(infer)


def load(self):
    """Load all models."""
    self.networks = {model: Network() for model in MODELS}


Models = bentoml.service(workers="cpu_count", logging={"access": {"enabled": False}})(
    type("Models", (), {"__init__": load} | {model.replace("-", "_"): api(model) for model in MODELS})
)
