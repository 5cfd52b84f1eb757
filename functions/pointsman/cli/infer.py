"""`infer`: one request over HTTP or gRPC, or many, and the answer to read."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from pointsman.cli import answers, payload
from pointsman.cli.options import AsJson, Name, Timeout, Url, url_of
from pointsman.cli.output import Output
from pointsman.client.prediction import Inputs, Prediction
from pointsman.core.tensor import Signature
from pointsman.errors import Refused, SettingsError

if TYPE_CHECKING:
    from pointsman.client.async_client import AsyncClient

# Requests under way at a time; over HTTP the client has a connection for each.
_TOGETHER: Final = 64


def infer(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    file: Annotated[str, typer.Argument(help=".json, .npy, .npz, .png or .jpg; - for standard input.")] = "",
    text: Annotated[str, typer.Option("--body", "-b", help="A JSON body instead of a file.")] = "",
    repeats: Annotated[int, typer.Option("-n", min=1, help="Send it so many times.")] = 1,
    version: Annotated[str, typer.Option(help="Ask for one version.")] = "",
    label: Annotated[str, typer.Option(help="Ask for a label's version.")] = "",
    unit: Annotated[str, typer.Option(help="User, device or session: keeps to one version.")] = "",
    brightest: Annotated[float, typer.Option("--brightest", help="An image's white as a number.")] = 1.0,
    url: Url = "",
    key: Annotated[str, typer.Option("--key", envvar="POINTSMAN_KEY", help="An API key.")] = "",
    roots: Annotated[str, typer.Option("--ca", help="PEM file of the roots to trust, for TLS.")] = "",
    timeout: Timeout = 10.0,
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Send a request to a gateway over HTTP or gRPC and print its answer."""
    if bool(file) == bool(text):
        raise SettingsError("give a FILE, - for standard input, or a JSON body with --body")
    job = _Job(_client(url_of(url, name), key, roots), model, version, label, unit, timeout)
    found, pace = asyncio.run(job.run(file, text, brightest, repeats))
    answers.show(Output(as_json), found, pace)


class _Job:
    """The same request, a number of times."""

    def __init__(
        self, client: AsyncClient[Any, Any], model: str, version: str, label: str, unit: str, timeout: float
    ) -> None:
        self._client = client
        self._model, self._version, self._label, self._unit = model, version, label, unit
        self._timeout = timeout
        self._session = secrets.token_hex(8)
        self._room = asyncio.Semaphore(_TOGETHER)

    async def run(
        self, file: str, text: str, brightest: float, repeats: int
    ) -> tuple[list[Prediction], answers.Pace]:
        """Return the answers in the order of the requests, and how long they took."""
        async with self._client:
            signature = await self._signature() if file else None
            inputs = payload.read(file, text, signature, brightest)
            began = time.monotonic()
            asked = [self._asked(f"{self._session}-{number}", inputs) for number in range(repeats)]
            timed = await asyncio.gather(*asked)
            seconds = time.monotonic() - began
        pace = answers.Pace(seconds, [taken_ms for _, taken_ms in timed], "there and back")
        return [prediction for prediction, _ in timed], pace

    async def _signature(self) -> Signature | None:
        """Return what the model takes, None where no version has said so yet."""
        about = await self._client.metadata(self._model, version=self._version, timeout=self._timeout)
        return about.signature if about.signature.inputs else None

    async def _asked(self, request_id: str, inputs: Inputs) -> tuple[Prediction, float]:
        """Return the answer, a failed one too, and the milliseconds it took."""
        async with self._room:
            began = time.monotonic()
            try:
                prediction = await self._client.predict(
                    self._model, inputs, version=self._version, label=self._label, unit=self._unit,
                    id=request_id, timeout=self._timeout,
                )  # fmt: skip
            except Refused as refused:
                prediction = Prediction(request_id, self._model, failure=refused.failure)
            return prediction, (time.monotonic() - began) * 1000


def _client(url: str, key: str, roots: str) -> AsyncClient[Any, Any]:
    """Return the client that speaks what the URL's scheme says."""
    verify: Literal[True] | str = roots or True
    extra = "grpc" if url.startswith(("grpc://", "grpcs://")) else "http"
    try:
        if extra == "grpc":
            from pointsman.client.grpc import AsyncGrpcClient

            return AsyncGrpcClient(url, key=key, verify=verify)
        from pointsman.client.http import AsyncHttpClient

        return AsyncHttpClient(url, key=key, verify=verify)
    except ModuleNotFoundError:
        raise SettingsError(f"`infer` needs more for this URL: pip install 'pointsman[{extra}]'") from None
