"""Ray Serve with an application for each model, behind HAProxy (peers/ray_serve.py asks for it).

A replica each, the default. `max_ongoing_requests` must let a batch and the next one in. A replica takes no
core of Ray's account, so that 20 of them have room on two.
"""

from __future__ import annotations

import os
import threading

import orjson
import ray
from batching import BATCH_WAIT_MS, MAX_BATCH
from given import MODELS, PORT
from network import Network
from ray import serve
from starlette.responses import Response


@serve.deployment(max_ongoing_requests=1024, ray_actor_options={"num_cpus": 0})
class Model:
    """One model."""

    def __init__(self):
        self.network = Network()

    @serve.batch(max_batch_size=MAX_BATCH, batch_wait_timeout_s=BATCH_WAIT_MS / 1000)
    async def infer(self, rows):
        """Return the rows of a batch."""
        return self.network.rows(rows)

    async def __call__(self, request):
        """Answer a request."""
        body = orjson.loads(await request.body())
        return Response(orjson.dumps({"y": await self.infer(body["x"])}), media_type="application/json")


def main():
    """Serve until it is ended."""
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=200 * 2**20,
        _temp_dir=os.environ["DOORS_RAY"],
    )
    quiet = {"enable_access_log": False}
    serve.start(http_options={"host": "127.0.0.1", "port": PORT}, logging_config=quiet)
    serve.run_many(
        [
            serve.RunTarget(
                target=Model.options(logging_config=quiet).bind(), name=name, route_prefix=f"/{name}"
            )
            for name in MODELS
        ]
    )
    threading.Event().wait()  # Ray itself ends with SIGTERM


if __name__ == "__main__":
    main()
