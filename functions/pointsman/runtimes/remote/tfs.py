"""TensorFlow Serving over REST: a prediction for each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Item, Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, Failure, LoadError
from pointsman.runtimes.base import Result, one_line
from pointsman.runtimes.remote.caller import Caller
from pointsman.runtimes.remote.http_line import HttpLine
from pointsman.runtimes.remote.model import RemoteModel, answer_batched
from pointsman.runtimes.remote.opening import introduced, line_to, place_of
from pointsman.runtimes.remote.options import Options, options_of
from pointsman.runtimes.remote.signing import signed
from pointsman.runtimes.remote.trouble import unreadable
from pointsman.settings import Settings
from pointsman.wire.tfs_ask import read_outputs, read_signature, write_instances

_FORM: Final = r".*/v1/models/(?P<model>[^/:]+)(/(versions|labels)/(?P<version>[^/:]+))?"
_JSON: Final = {"content-type": "application/json"}


class TfsOptions(Options, kw_only=True):
    """Beside those of all remotes."""

    signature_name: str = "serving_default"
    """The signature that is asked."""


class TfsService:
    """A model of the protocol, many requests in a call."""

    def __init__(self, line: HttpLine, path: str, options: TfsOptions, caller: Caller) -> None:
        self.outputs: tuple[TensorSpec, ...] = ()
        self._line = line
        self._path = path
        self._signature_name = options.signature_name
        self._caller = caller

    def describe(self, left_s: float) -> Signature | Failure | None:
        """Return what the model takes and gives, None where it does not say; raises Trouble."""
        body = self._line.ask("GET", f"{self._path}/metadata", left_s).body
        said = read_signature(body, self._signature_name)
        if isinstance(said, Failure) and said.field != "signature_name":
            raise unreadable(said)
        return said

    def answer(self, items: Sequence[Item], max_batch: int, until: float) -> list[Result]:
        """See Service."""
        return answer_batched(self._exchange, items, max_batch, until)

    def close(self) -> None:
        """See Service."""
        self._caller.close()
        self._line.close()

    def _exchange(self, batch: Item, until: float) -> Item:
        body = write_instances(batch, self._signature_name)
        path = f"{self._path}:predict"
        answer = self._caller.call(lambda left_s: self._line.ask("POST", path, left_s, _JSON, body), until)
        said = read_outputs(answer.body, self.outputs)
        if isinstance(said, Failure):
            raise unreadable(said)
        return said


def load(spec: VersionSpec, settings: Settings) -> RemoteModel:
    """Return the version, whose remote has just answered; raises LoadError."""
    options = options_of(spec, TfsOptions)
    place = place_of(spec, settings, _FORM, "http://HOST:PORT/v1/models/NAME[/versions/V]")
    caller = Caller(options)
    service = TfsService(line_to(place.address, options, settings), place.address.path, options, caller)
    said = introduced(caller, service.describe, service.close)
    try:
        if isinstance(said, Failure):
            raise LoadError(
                Failure(INVALID_ARGUMENT, one_line(f"options.{said.message}"), "options.signature_name")
            )
        signature = signed(spec, said).signature
    except BaseException:
        service.close()
        raise
    service.outputs = () if signature is None else signature.outputs
    return RemoteModel(service, options, signature)
