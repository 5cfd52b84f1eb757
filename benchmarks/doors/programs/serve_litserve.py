"""LitServe with an API for each model.

Its documentation: `workers_per_device` of a CPU is the number of cores, and as many API servers as workers
(the default); 20 models have a worker each, and then two API servers. `fast_queue` is for hundreds of
requests a second. A batch that waits for nothing would let its worker spin.
"""

from __future__ import annotations

import litserve
from batching import BATCH_WAIT_MS, MAX_BATCH
from given import MODELS, PORT
from network import Network

CORES = 2


class Model(litserve.LitAPI):
    """One model."""

    def setup(self, device):
        """Load it."""
        self.network = Network()

    def decode_request(self, request):
        """Return the row."""
        return request["x"]

    def predict(self, rows):
        """Return the rows of a batch."""
        return self.network.rows(rows)

    def encode_response(self, output):
        """Return the answer of a row."""
        return {"y": output}


def main():
    """Serve until it is ended."""
    apis = [
        Model(max_batch_size=MAX_BATCH, batch_timeout=BATCH_WAIT_MS / 1000, api_path=f"/{name}")
        for name in MODELS
    ]
    workers = CORES if len(apis) == 1 else 1
    server = litserve.LitServer(
        apis, accelerator="cpu", devices=1, workers_per_device=workers, fast_queue=True
    )
    server.run(
        host="127.0.0.1", port=PORT, num_api_servers=CORES, log_level="warning", generate_client_file=False
    )


if __name__ == "__main__":
    main()
