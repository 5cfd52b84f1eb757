"""Requests to the HTTP doors that are most likely bad. A few are still good: no harm in that.

Not asked for: what ends with 504 by right, as a time-out of a microsecond does, and loading and unloading,
which change what others ask.
"""

from __future__ import annotations

import gzip
import json
import random
import struct
import zlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tests.fuzz.bodies import VALUES, body
from tests.fuzz.damage import damaged

LENGTH: Final = "Inference-Header-Content-Length"
LARGE: Final = 400_000  # what is kept of such a body is seen in the memory of a gateway
_DATATYPES: Final = ("FP32", "FP16", "FP64", "BOOL", "INT8", "UINT64", "BYTES", "BF16", "fp32", "")
_VERSIONS: Final = ("", "1", "77", "..", "%00", "%2e%2e", "a~b", "~", "9" * 400, "-1", "1%2F2")
_HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "content-type": ("text/plain", "", "application/json; charset=utf-16", "multipart/form-data; boundary=x"),
    "content-encoding": ("gzip", "deflate", "br", "gzip, gzip", "identity", "\xe9" * 50),
    "accept-encoding": ("gzip", "deflate;q=0", "*", ";;q=,", "gzip;q=0.000"),
    "x-pointsman-timeout-ms": ("-1", "abc", "", "1e3", "²", "99999999999", "30000"),
    "x-pointsman-unit": ("", "u", "\xff" * 100, "u" * 8_000),
    "x-pointsman-label": ("none", "\xe9", "~", "l" * 3_000),
    "x-request-id": ("", "\xfe\xff", "i" * 8_000, "\t"),
    "traceparent": ("", "00-0-0-0", "t" * 2_000),
    LENGTH: ("0", "-1", "1", "7", "abc", "", "1e2", "²", "0x10", "9" * 18, "9" * 40, "+5", "5, 5"),
}


class HttpRequest(NamedTuple):
    """A POST."""

    path: str
    body: bytes
    headers: dict[str, str]


def good(model: str, width: int, number: float = 1.0) -> HttpRequest:
    """Return a request whose answer is known: one row of `number`s for the input `x`."""
    tensor = {"name": "x", "shape": [1, width], "datatype": "FP32", "data": [number] * width}
    return HttpRequest(f"/v2/models/{model}/infer", json.dumps({"inputs": [tensor]}).encode(), {})


def bad(chance: random.Random, model: str, width: int) -> HttpRequest:
    """Return a request to one of the doors for a model that takes rows of so many FP32 as `x`."""
    made = chance.choice((_json, _json, _binary, _raw))(chance, model, width)
    if chance.random() < 0.1:
        made = made._replace(body=made.body + b" " * LARGE)
    headers = dict(made.headers)
    for name in chance.sample(sorted(_HEADERS), k=chance.choice((0, 0, 0, 1, 2))):
        headers[name] = chance.choice(_HEADERS[name])
    if "content-encoding" not in headers and chance.random() < 0.1:
        return _packed(chance, made._replace(headers=headers))
    return made._replace(headers=headers)


def _json(chance: random.Random, model: str, width: int) -> HttpRequest:
    path, good_body = chance.choice(_good(model, width))
    return HttpRequest(path, body(chance, good_body), {})


def _good(model: str, width: int) -> list[tuple[str, Any]]:
    row = [number / 2 for number in range(width)]
    tensor = {"name": "x", "shape": [1, width], "datatype": "FP32", "data": row}
    two = {"name": "x", "shape": [2, width], "datatype": "FP32", "data": [row, row], "parameters": {"a": 1}}
    outputs = [{"name": "y", "parameters": {"binary_data": True}}]
    infer, predict = f"/v2/models/{model}/infer", f"/v1/models/{model}:predict"
    mixed = {"i": 1, "f": 3.5, "s": "hello", "l": [1, 2], "t": [["a"], ["b"]]}
    sparse = {"shape": [width], "data": [0.5], "indices": [[1]]}
    return [
        (infer, {"inputs": [tensor]}),
        (infer, {"id": "i", "parameters": {"priority": 1}, "inputs": [two], "outputs": outputs}),
        (f"/v2/models/{model}/versions/1/infer", {"inputs": [tensor, {**tensor, "name": "z"}]}),
        (predict, {"instances": [row, row]}),
        (predict, {"instances": [{"x": row}, {"x": row}], "signature_name": "serving_default"}),
        (predict, {"instances": [{"x": sparse}]}),
        (predict, {"instances": [mixed]}),
        (predict, {"instances": [{"x": {"b64": "aGVsbG8="}}]}),
        (predict, {"inputs": {"x": [row]}}),
        (predict, {"inputs": [row]}),
        (f"/v1/models/{model}:classify", {"examples": [{"x": row}], "context": {"c": 1}}),
        (f"/v1/models/{model}:regress", {"examples": [{"x": row}, {"x": row}]}),
        ("/v2/repository/index", {"ready": True}),
    ]


def _binary(chance: random.Random, model: str, width: int) -> HttpRequest:
    """Return JSON with tensors behind it, of which something is not so."""
    tail = struct.pack(f"<{width}f", *range(width))
    tensor: dict[str, Any] = {"name": "x", "shape": [1, width], "datatype": "FP32"}
    tensor["parameters"] = {"binary_data_size": len(tail)}
    lie = chance.randrange(6)
    if lie == 0:
        tensor["parameters"] = {"binary_data_size": chance.choice(VALUES)}
    elif lie == 1:
        tensor["datatype"] = chance.choice(_DATATYPES)
    elif lie == 2:
        tensor["shape"] = chance.choice(([-1, width], [2**62, 4], [0, width], [], [1] * 40, [width], [2**63]))
    elif lie == 3:
        elements = [chance.choice((b"\1\0\0\0a", b"\xff\xff\xff\xffab", b"\0\0\0\0", b"\2\0")) for _ in tail]
        tail = b"".join(elements[: chance.randint(0, 5)])
        tensor |= {"datatype": "BYTES", "parameters": {"binary_data_size": len(tail)}}
    elif lie == 4:
        tail = damaged(chance, tail)
    text = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    length = len(text) + chance.choice((0, 0, 0, 1, -1, -len(text), 10**6, len(tail), -2 * len(text)))
    return HttpRequest(f"/v2/models/{model}/infer", text + tail, {LENGTH: str(length)})


def _raw(chance: random.Random, model: str, width: int) -> HttpRequest:
    """Return bytes that are to be the only input, or no JSON at all, perhaps at a path that is none."""
    size = chance.choice((0, 1, 4 * width, 4 * width + 1, 8 * width, 100_000))
    version = chance.choice(_VERSIONS)
    at = f"/versions/{version}" if version else ""
    verb = chance.choice(("v2/models/{}{}/infer", "v2/models/{}{}/infer", "v1/models/{}{}:predict"))
    path = "/" + verb.format(model, at)
    return HttpRequest(path, chance.randbytes(size), {LENGTH: "0"} if chance.random() < 0.7 else {})


def _packed(chance: random.Random, made: HttpRequest) -> HttpRequest:
    how = chance.choice(("gzip", "deflate"))
    packed = gzip.compress(made.body, 1) if how == "gzip" else zlib.compress(made.body, 1)
    packed = chance.choice((packed, packed, damaged(chance, packed), packed * 3))
    return made._replace(body=packed, headers={**made.headers, "content-encoding": how})
