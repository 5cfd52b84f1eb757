"""A model of MLServer; peers/mlserver.py writes its settings."""

from __future__ import annotations

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse
from network import Network


class Model(MLModel):
    """One model."""

    async def load(self):
        """Load it."""
        self.network = Network()
        return True

    async def predict(self, payload):
        """Return the rows of a batch, which MLServer has made one request."""
        y = self.network.array(NumpyCodec.decode_input(payload.inputs[0]))
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("y", y)])
