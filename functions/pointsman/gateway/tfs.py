"""The door of TensorFlow Serving's REST interface, and of Cluster Serving's forms: everything below /v1."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from pointsman.core.table import RouteTable, entry_of
from pointsman.errors import Failure
from pointsman.gateway.access import token_from
from pointsman.gateway.call import Call
from pointsman.gateway.desk import Desk
from pointsman.gateway.rest import (
    JSON,
    READING,
    Written,
    answered,
    called,
    not_allowed,
    nothing_at,
    opened,
    refused,
)
from pointsman.http.app import Request, Response
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.tfs import TfsRequest, read_examples, read_predict
from pointsman.wire.tfs_answer import write_classify, write_predict, write_regress
from pointsman.wire.tfs_error import as_called, no_status
from pointsman.wire.tfs_metadata import metadata_body
from pointsman.wire.tfs_path import CLASSIFY, METADATA, PREDICT, TfsPath, parse_path
from pointsman.wire.tfs_status import status_body

_EXAMPLES: Final = {True: write_classify, False: write_regress}


class TfsDoor:
    """Translates; who may, what there is and what comes of it is the desk's business.

    Bodies go to the pod as they are: without datatypes they mean what the signature of the version says that
    they happen to reach.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def __call__(self, request: Request) -> Response:
        """Return the answer to a request whose path begins with /v1."""
        path = parse_path(request.path)
        if path is None:
            return nothing_at(request.path)
        if path.is_call:
            return await self._call(request, path) if request.method == "POST" else not_allowed("POST")
        if request.method not in READING:
            return not_allowed("GET")
        return self._about(request, path)

    async def _call(self, request: Request, path: TfsPath) -> Response:
        body = await opened(self._desk, request, path.model)
        if isinstance(body, Failure):
            return refused(as_called(body, path))
        read = self._desk.bounds.too_long(len(body)) or _read(path, body)
        if isinstance(read, Failure):
            return refused(read)
        call = Call(model=path.model, version=path.version, label=path.label, json=read.json)
        write = _writer(path, read)
        say = partial(as_called, path=path, request=read)
        return await answered(self._desk, request, called(request, call), write, say)

    def _about(self, request: Request, path: TfsPath) -> Response:
        permit = self._desk.access.admit(token_from(request.headers), path.model)
        if isinstance(permit, Failure):
            return refused(permit)
        with permit:
            if not path.model:
                names = sorted(name for name in self._desk.catalogue if permit.allows(name))
                return Response(msgspec.json.encode({"models": names}), 200, JSON)
            table = self._desk.catalogue.get(path.model)
            body = _metadata(path, table) if path.verb == METADATA else status_body(path, table)
        return refused(body) if isinstance(body, Failure) else Response(body, 200, JSON)


def _read(path: TfsPath, body: bytes) -> TfsRequest | Failure:
    return read_predict(body) if path.verb == PREDICT else read_examples(body)


def _writer(path: TfsPath, read: TfsRequest) -> Callable[[pb.InferenceResponse], Written | Failure]:
    def write(answer: pb.InferenceResponse) -> Written | Failure:
        if path.verb == PREDICT:
            body = write_predict(answer, read.form)
        else:
            body = _EXAMPLES[path.verb == CLASSIFY](answer)
        return body if isinstance(body, Failure) else Written(body)

    return write


def _metadata(path: TfsPath, table: RouteTable | None) -> bytes | Failure:
    entry = None if table is None else entry_of(table, path.version, path.label)
    if entry is None:
        return no_status(path)
    return metadata_body(path.model, entry.version, entry.spec.signature)
