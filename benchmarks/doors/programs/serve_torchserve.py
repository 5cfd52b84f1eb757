"""A handler of TorchServe, packed into the .mar by peers/torchserve.py.

Bodies come as bytes (`decode_input_request=false`), so that orjson reads them.
"""

from __future__ import annotations

import orjson
from network import Network

network = None


def handle(data, context):
    """Return the answers of a batch; the first call, without data, loads the model."""
    global network  # noqa: PLW0603  (a handler is a function of a module)
    if network is None:
        network = Network()
    if data is None:
        return None
    rows = network.rows([orjson.loads(bytes(each["body"]))["x"] for each in data])
    return [orjson.dumps({"y": row}) for row in rows]
