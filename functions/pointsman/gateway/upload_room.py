"""Uploads through the HTTP door: from a body to a version that serves."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any, Final

import msgspec

from pointsman.core.table import VersionState
from pointsman.errors import ALREADY_EXISTS, INVALID_ARGUMENT, Failure
from pointsman.gateway.access import token_from
from pointsman.gateway.depot import Depot
from pointsman.gateway.desk import Desk
from pointsman.gateway.oip_repository import Repository
from pointsman.gateway.rest import JSON, not_allowed, refused, timeout_of
from pointsman.gateway.upload import Upload, upload_of
from pointsman.http.app import Request, Response

# What a client waits for a version is its own business; this is what we do.
WAIT_MS: Final = 60_000


class Uploaded(msgspec.Struct, frozen=True):
    """What became of an upload: `name` is the model's, `bytes` how many the artifact has."""

    name: str
    version: str
    sha256: str
    bytes: int
    state: str


class UploadRoom:
    """Takes artifacts, each as the body of a PUT."""

    def __init__(self, desk: Desk, repository: Repository, depot: Depot) -> None:
        self._desk = desk
        self._repository = repository
        self._depot = depot

    async def __call__(self, request: Request, model: str, version: str) -> Response:
        """Return the answer: 200 where the version is ready, 202 where it is on its way there."""
        if request.method != "PUT":
            return not_allowed("PUT")
        permit = self._desk.access.admit(token_from(request.headers), model, control=True)
        if isinstance(permit, Failure):
            return refused(permit)
        with permit:
            done = await self._taken(request, model, version, permit.key)
        if isinstance(done, Failure):
            return refused(done)
        status = 200 if done.state == VersionState.READY else 202
        return Response(msgspec.json.encode(done), status, JSON)

    async def _taken(self, request: Request, model: str, version: str, actor: str) -> Uploaded | Failure:
        upload = self._depot.refusal(0) or upload_of(model, version, request.query)
        if isinstance(upload, Failure):
            return upload
        wait_ms = timeout_of(request, WAIT_MS)
        if isinstance(wait_ms, Failure):
            return wait_ms
        content = await self._desk.unpacking.body_of(request)
        if isinstance(content, Failure):
            return content
        if not content:
            return Failure(INVALID_ARGUMENT, "the body is empty; it must be the artifact's bytes")
        return await self._stored(upload, content, actor, min(wait_ms, WAIT_MS) / 1000)

    async def _stored(self, upload: Upload, content: bytes, actor: str, wait_s: float) -> Uploaded | Failure:
        digest = await asyncio.to_thread(_digest, content)
        refusal = self._depot.refusal(len(content)) or self._refusal(upload, digest)
        if refusal is not None:
            return refusal
        artifact = await self._depot.put(upload.name, content)
        if isinstance(artifact, Failure):
            return artifact
        spec: dict[str, Any] = {"uri": artifact.uri, "sha256": digest, "runtime": upload.runtime}
        spec |= {field: text for field in ("pool", "factory") if (text := getattr(upload, field))}
        state = await self._repository.register(upload.model, upload.version, spec, actor, wait_s)
        if isinstance(state, Failure):
            return state
        return Uploaded(upload.model, upload.version, digest, len(content), state)

    def _refusal(self, upload: Upload, digest: str) -> Failure | None:
        """Return why content is not stored at all: it is not what was sent, or the version has another."""
        if upload.sha256 not in ("", digest):
            return Failure(INVALID_ARGUMENT, f"sha256: the body that came has {digest}", "sha256")
        table = self._desk.catalogue.get(upload.model)
        entry = table.versions.get(upload.version) if table else None
        if entry is not None and entry.spec.sha256 not in ("", digest):
            message = (
                f"version {upload.version} has another artifact, {entry.spec.sha256}; upload a new version"
            )
            return Failure(ALREADY_EXISTS, message, "version")
        return None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
