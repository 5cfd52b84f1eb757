"""OpenAI-compatible endpoints: text in, text or vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal

import msgspec
import numpy as np

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Array, Item, Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, Failure, LoadError
from pointsman.runtimes.base import UNRUN, Fault, Result
from pointsman.runtimes.remote.address import address_of
from pointsman.runtimes.remote.caller import Caller
from pointsman.runtimes.remote.http_line import HttpLine
from pointsman.runtimes.remote.model import RemoteModel, answer_batched
from pointsman.runtimes.remote.opening import introduced, line_to
from pointsman.runtimes.remote.options import Options, options_of
from pointsman.runtimes.remote.trouble import Trouble, Unsent, unreadable
from pointsman.runtimes.texts import decoded
from pointsman.settings import Settings
from pointsman.wire.openai import (
    CHAT,
    EMBEDDINGS,
    PATHS,
    read_text,
    read_vectors,
    write_chat,
    write_completion,
    write_embeddings,
)

_JSON: Final = {"content-type": "application/json"}
_INPUT: Final = TensorSpec("text", "BYTES", (-1,))
_OUTPUTS: Final = {EMBEDDINGS: TensorSpec("embedding", "FP32", (-1, -1))}
_REFUSED: Final = (401, 403)


class OpenAiOptions(Options, kw_only=True):
    """Beside those of all remotes; the last three are passed on where they are given."""

    model: str
    """The model's name there."""

    task: Literal["chat", "completions", "embeddings"] = "chat"
    """What is asked of it."""

    system: str = ""
    """The message that stands before each text of a chat."""

    temperature: float | None = None
    max_tokens: int | None = None
    dimensions: int | None = None


class OpenAiService:
    """An endpoint: vectors for many texts in a call, but a call for each text that is wanted."""

    def __init__(
        self, line: HttpLine, base: str, options: OpenAiOptions, caller: Caller, output: str
    ) -> None:
        self._line = line
        self._base = base
        self._options = options
        named = {name: getattr(options, name) for name in ("temperature", "max_tokens", "dimensions")}
        self._more = {name: value for name, value in named.items() if value is not None}
        self._caller = caller
        self._output = output
        self._threads = ThreadPoolExecutor(options.connections, thread_name_prefix="ask for texts")

    def hello(self, left_s: float) -> None:
        """Return if it answers, whatever it says, unless that is no to the key; raises Trouble."""
        try:
            self._line.ask("GET", f"{self._base}/models", left_s)
        except Trouble as trouble:
            if not trouble.status or trouble.is_down or trouble.is_retryable or trouble.status in _REFUSED:
                raise

    def answer(self, items: Sequence[Item], max_batch: int, until: float) -> list[Result]:
        """See Service."""
        if self._options.task == EMBEDDINGS:
            return answer_batched(self._vectors, items, max_batch, until)
        prompts = [_prompts(item) for item in items]
        flat = [prompt for texts in prompts if not isinstance(texts, Failure) for prompt in texts]
        said = iter(list(self._threads.map(lambda prompt: self._text(prompt, until), flat)))
        return [
            texts if isinstance(texts, Failure) else self._joined([next(said) for _ in texts])
            for texts in prompts
        ]

    def close(self) -> None:
        """See Service."""
        self._caller.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._line.close()

    def _joined(self, texts: Sequence[str | Failure]) -> Result:
        failure = next((text for text in texts if isinstance(text, Failure)), None)
        if failure is not None:
            return failure
        array: Array = np.empty(len(texts), dtype=object)
        array[:] = [text.encode(errors="replace") for text in texts if isinstance(text, str)]
        return {self._output: array}

    def _vectors(self, batch: Item, until: float) -> Item:
        # The endpoints refuse empty texts.
        texts = [text or " " for text in _texts(batch)]
        said = read_vectors(
            self._ask(write_embeddings(self._options.model, texts, self._more), until), len(texts)
        )
        if isinstance(said, Failure):
            raise unreadable(said)
        return {self._output: said}

    def _text(self, prompt: str, until: float) -> str | Failure:
        if not prompt:
            return ""
        try:
            said = read_text(self._ask(self._written(prompt), until))
        except Unsent:
            return UNRUN
        except Trouble as trouble:
            return trouble.failure
        return unreadable(said).failure if isinstance(said, Failure) else said

    def _written(self, prompt: str) -> bytes:
        model = self._options.model
        if self._options.task == CHAT:
            return write_chat(model, prompt, self._options.system, self._more)
        return write_completion(model, prompt, self._more)

    def _ask(self, body: bytes, until: float) -> bytes:
        path = self._base + PATHS[self._options.task]
        return self._caller.call(lambda left_s: self._line.ask("POST", path, left_s, _JSON, body), until).body


def load(spec: VersionSpec, settings: Settings) -> RemoteModel:
    """Return the version, whose remote has just answered; raises LoadError."""
    options = options_of(spec, OpenAiOptions)
    address = address_of(spec.uri, settings.remotes)
    signature = _signature(spec, options.task)
    caller = Caller(options)
    line = line_to(address, options, settings)
    service = OpenAiService(line, address.path, options, caller, signature.outputs[0].name)
    introduced(caller, service.hello, service.close)
    return RemoteModel(service, options, signature)


def _signature(spec: VersionSpec, task: str) -> Signature:
    """Return the version's own signature, one text in and one output, or the usual one; raises LoadError."""
    output = _OUTPUTS.get(task, _INPUT)
    if spec.signature is None:
        return Signature((_INPUT,), (output,))
    own = spec.signature
    outputs = own.outputs or (output,)
    is_text = [(one.datatype, one.shape) for one in own.inputs] in ([("BYTES", (-1,))], [("BYTES", (-1, 1))])
    kind = (output.datatype, len(output.shape))
    if not is_text or [(one.datatype, len(one.shape)) for one in outputs] != [kind]:
        wanted = f"one output {output.datatype} {list(output.shape)}"
        message = f"signature: of {task} it is one input BYTES [-1] and {wanted}"
        raise LoadError(Failure(INVALID_ARGUMENT, message, "signature"))
    return msgspec.structs.replace(own, outputs=outputs)


def _texts(item: Item) -> list[str]:
    """Return the text of each row; raises Fault."""
    [(name, array)] = item.items()
    texts: list[str] = decoded(name, array).ravel().tolist()
    return texts


def _prompts(item: Item) -> list[str] | Failure:
    try:
        return _texts(item)
    except Fault as fault:
        return fault.failure
