"""mosec with a route and a worker process for each model.

The default number of workers, one: its Rust server takes the other core. JSON by orjson, in `serialize` and
`deserialize`, which its documentation has for that.
"""

from __future__ import annotations

import mosec
import orjson
from batching import BATCH_WAIT_MS, MAX_BATCH
from given import MODELS
from network import Network


class Model(mosec.Worker):
    """One model."""

    def __init__(self):
        self.network = Network()

    def deserialize(self, data):
        """Return the row of a body."""
        return orjson.loads(data)["x"]

    def forward(self, data):
        """Return the rows of a batch."""
        return self.network.rows(data)

    def serialize(self, data):
        """Return the body of an answer."""
        return orjson.dumps({"y": data})


if __name__ == "__main__":
    server = mosec.Server()
    for name in MODELS:
        server.append_worker(Model, max_batch_size=MAX_BATCH, max_wait_time=BATCH_WAIT_MS, route=f"/{name}")
    server.run()
