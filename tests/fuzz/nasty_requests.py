"""Requests that are known to have broken other servers, with the status and the words that each must get.

The names are those of the tests of a server that had the trouble. Of a list there, cancelled requests, full
queues and time-outs are no matter of one message: tests/unit/gateway/grpc/test_oip.py, test_plane.py and
tests/e2e/test_fuzz.py have them.
"""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from tests.fuzz.http_requests import LENGTH, HttpRequest

Make: TypeAlias = Callable[[str, int], bytes]


class Nasty(NamedTuple):
    """`sent` are all bytes of a connection, for a model and the width of its rows."""

    what: str
    status: int
    said: str
    sent: Make


def raw(head: str, body: bytes = b"") -> Make:
    """Return a request whose head is written out, less the Host."""

    def sent(model: str, _: int) -> bytes:
        lines = head.format(model=model).split("\n")
        lines[1:1] = ["Host: 127.0.0.1"]
        return "\r\n".join((*lines, "", "")).encode("latin-1") + body

    return sent


def as_bytes(request: HttpRequest) -> bytes:
    """Return a request and the wish that its connection ends after it."""
    size = str(len(request.body))
    headers = {"Host": "127.0.0.1", "Content-Length": size, "Connection": "close", **request.headers}
    lines = (f"POST {request.path} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items()), "", "")
    return "\r\n".join(lines).encode("latin-1") + request.body


def infer(
    *tensors: Mapping[str, Any] | None,
    tail: bytes = b"",
    length: int | str | None = None,
    headers: Mapping[str, str] | None = None,
    put: tuple[bytes, bytes] = (b"", b""),
    **more: Any,
) -> Make:
    """Return a request with tensors that differ from a good one in what is given.

    `length` is the header's, "" for what is right; `put` replaces a text in the JSON.
    """

    def sent(model: str, width: int) -> bytes:
        good = {"name": "x", "shape": [1, width], "datatype": "FP32", "data": [7] * width}
        given = [{**good, **(changes or {})} for changes in tensors]
        if tail or length is not None:
            given = [_without_data(one) for one in given]
        text = json.dumps({"inputs": given, **more}).encode().replace(*put)
        said = {} if length is None else {LENGTH: str(len(text) if length == "" else length)}
        request = HttpRequest(f"/v2/models/{model}/infer", text + tail, {**said, **(headers or {})})
        return as_bytes(request)

    return sent


def _without_data(tensor: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in tensor.items() if key != "data" or "parameters" not in tensor}


def sized(size: Any, **frame: Any) -> dict[str, Any]:
    return {"parameters": {"binary_data_size": size}, **frame}


def post(path: str, body: bytes, **headers: str) -> Make:
    def sent(model: str, _: int) -> bytes:
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        return as_bytes(HttpRequest(path.format(model=model), body, names))

    return sent


_DEEP: Final = b"[" * 100_000 + b"]" * 100_000
_TOO_DEEP: Final = "nested too deeply"
_TWO: Final = struct.pack("<I1sI1s", 1, b"a", 1, b"b")
_PREDICT: Final = "/v1/models/{model}:predict"
_ZEROS: Final = gzip.compress(bytes((64 << 20) + 1), 9)

HTTP: Final[Sequence[Nasty]] = (
    Nasty("raw binary shorter than its size", 400, "binary_data_size",
          infer(sized(99), tail=b"\0" * 8, length="")),
    Nasty("raw binary of another size than its shape", 400, "inputs.x",
          infer(sized(7), tail=b"\0" * 7, length="")),
    Nasty("raw binary and more", 400, "left over",
          infer(sized(0, shape=[0, 1]), tail=b"\0" * 9, length="")),
    Nasty("binary size that is negative", 400, "binary_data_size",
          infer(sized(-1), tail=b"\0" * 8, length="")),
    Nasty("binary size beyond 64 bits", 400, "binary_data_size",
          infer(sized(2**64), tail=b"\0" * 8, length="")),
    Nasty("too many BYTES elements", 400, "inputs.x",
          infer(sized(10, datatype="BYTES", shape=[1, 1]), tail=_TWO, length="")),
    Nasty("a BYTES element longer than the body", 400, "cut short",
          infer(sized(6, datatype="BYTES", shape=[1, 1]), tail=b"\xff\xff\xff\x7fab", length="")),
    Nasty("header beyond the body", 400, LENGTH,
          infer(None, length=10**6)),
    Nasty("header that is negative", 400, LENGTH,
          infer(None, length=-1)),
    Nasty("header beyond 64 bits", 400, LENGTH,
          infer(None, length="9" * 40)),
    Nasty("header that is no number", 400, LENGTH,
          infer(None, length="many")),
    Nasty("header that cuts the JSON", 400, "malformed",
          infer(None, length=10)),
    Nasty("raw body of the wrong size", 400, "x",
          post("/v2/models/{model}/infer", b"\0" * 7, **{LENGTH: "0"})),
    Nasty("size overflow", 400, "inputs.x.shape",
          infer({"shape": [2**62, 4]})),
    Nasty("size beyond 64 bits", 400, "shape",
          infer({"shape": [2**64]})),
    Nasty("negative dims", 400, "inputs.x.shape",
          infer({"shape": [-1, -4]})),
    Nasty("an element that does not fit", 400, "inputs.x.data",
          infer({"datatype": "INT8", "data": [128]})),
    Nasty("recursion-depth bomb", 400, _TOO_DEEP,
          infer(None, put=(b"7", _DEEP))),
    Nasty("recursion-depth bomb in rows", 400, "recursion",
          post(_PREDICT, b'{"instances":' + _DEEP + b"}")),
    Nasty("deep JSON on index", 400, "malformed",
          post("/v2/repository/index", b'{"ready":' + _DEEP + b"}")),
    Nasty("deep JSON on load", 400, _TOO_DEEP,
          post("/v2/repository/models/{model}/load", b'{"a":' + _DEEP + b"}")),
    Nasty("duplicate outputs", 400, "outputs.y",
          infer(None, outputs=[{"name": "y"}, {"name": "y"}])),
    Nasty("duplicate inputs", 400, "inputs.x",
          infer(None, None)),
    Nasty("an output that nobody has", 400, "nobody",
          infer(None, outputs=[{"name": "nobody"}])),
    Nasty("shared memory", 400, "shared_memory_region",
          infer({"parameters": {"shared_memory_region": "r"}})),
    Nasty("NaN", 400, "NaN and Infinity are not JSON",
          infer(None, put=(b"7", b"NaN"))),
    Nasty("Infinity", 400, "NaN and Infinity are not JSON",
          infer(None, put=(b"7", b"-Infinity"))),
    Nasty("a number beyond FP32", 400, "inputs.x.data",
          infer(None, put=(b"7", b"1e39"))),
    Nasty("a number beyond any", 400, "malformed",
          infer(None, put=(b"7", b"1e999"))),
    Nasty("null characters in a name", 400, "x",
          infer({"name": "x\0"})),
    Nasty("half of a surrogate pair", 400, "malformed",
          infer(None, id="\ud800")),
    Nasty("null characters in the path", 404, "unknown model",
          post("/v2/models/{model}%00/infer", b"{}")),
    Nasty("no JSON at all", 400, "malformed",
          post("/v2/models/{model}/infer", b"\0\1\2")),
    Nasty("nothing at all", 400, "malformed",
          post("/v2/models/{model}/infer", b"")),
    Nasty("both keys", 400, "'inputs' and 'instances'",
          post(_PREDICT, b'{"instances":[[1]],"inputs":[[1]]}')),
    Nasty("neither key", 400, "Missing 'inputs' or 'instances'",
          post(_PREDICT, b"{}")),
    Nasty("rows of different lengths", 400, "instances",
          post(_PREDICT, b'{"instances":[[1],[1,2]]}')),
    Nasty("base64 that is none", 400, "instances",
          post(_PREDICT, b'{"instances":[{"x":{"b64":"!"}}]}')),
    Nasty("a sparse tensor of petabytes", 400, "instances.x",
          post(_PREDICT, b'{"instances":[{"x":{"shape":[99999999,99999999],"data":[],"indices":[]}}]}')),
    Nasty("a packed body that is none", 400, "Content-Encoding",
          infer(None, headers={"Content-Encoding": "gzip"})),
    Nasty("an unknown packing", 400, "Content-Encoding",
          infer(None, headers={"Content-Encoding": "br"})),
    Nasty("a packed bomb", 413, "unpacked",
          post("/v2/models/{model}/infer", _ZEROS, Content_Encoding="gzip")),
    Nasty("JSON above its limit", 413, "JSON has at most",
          post("/v2/models/{model}/infer", b" " * ((4 << 20) + 1))),
    Nasty("a body above its limit", 413, "at most",
          raw(f"POST /v2/models/{{model}}/infer HTTP/1.1\nContent-Length: {(64 << 20) + 1}")),
    Nasty("a body whose length is beyond 64 bits", 400, "HTTP/1.1",
          raw(f"POST /v2/models/{{model}}/infer HTTP/1.1\nContent-Length: {2**64}")),
    Nasty("a length that is negative", 400, "HTTP/1.1",
          raw("POST /v2 HTTP/1.1\nContent-Length: -1")),
    Nasty("two lengths", 400, "HTTP/1.1",
          raw("POST /v2 HTTP/1.1\nContent-Length: 1\nContent-Length: 2", b"ab")),
    Nasty("an unsupported transfer encoding", 400, "HTTP/1.1",
          raw("POST /v2 HTTP/1.1\nTransfer-Encoding: foo")),
    Nasty("chunks and a length", 400, "HTTP/1.1",
          raw("POST /v2 HTTP/1.1\nTransfer-Encoding: chunked\nContent-Length: 4", b"0\r\n\r\n")),
    Nasty("a chunk whose size is none", 400, "HTTP/1.1",
          raw("POST /v2 HTTP/1.1\nTransfer-Encoding: chunked", b"many\r\n")),
    Nasty("a chunk whose size is beyond 64 bits", 400, "HTTP/1.1",
          raw("POST /v2 HTTP/1.1\nTransfer-Encoding: chunked", b"F" * 17 + b"\r\n")),
    Nasty("a header of 400 KB", 400, "at most",
          raw(f"GET /v2 HTTP/1.1\nX-A: {'a' * 400_000}")),
    Nasty("two hosts", 400, "Host",
          raw("GET /v2 HTTP/1.1\nHost: other")),
    Nasty("no protocol of ours", 400, "HTTP/1.1",
          lambda *_: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
)  # fmt: skip
