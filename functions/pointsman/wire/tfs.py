"""Requests of TensorFlow Serving's REST interface: predict, classify and regress.

Its JSON says no datatypes, so only the signature of the version that a request reaches tells what it holds.
The tensors are therefore passed on unread, in a form that the JSON topics have too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from pointsman.errors import INVALID_ARGUMENT, OUT_OF_RANGE, RESOURCE_EXHAUSTED, Failure
from pointsman.topics import MAX_REQUEST_BYTES
from pointsman.wire.json_request import COLUMNS, INSTANCES
from pointsman.wire.non_finite import MAX_TOKEN_BYTES, has_tokens, without_tokens

ROWS: Final = INSTANCES
# A context is repeated for every example; more than a record holds would be refused after all that work.
MAX_CONTEXT_BYTES: Final = MAX_REQUEST_BYTES - 8 * 1024
_PUNCTUATION: Final = 4  # quotes, colon and comma of an entry
T = TypeVar("T")


class TfsRequest(msgspec.Struct, frozen=True):
    """What a body asks: `json`, a body of the JSON topics in `form` ROWS or COLUMNS.

    `key` is the name that the caller gave what `json` holds under the form's name, for messages.
    """

    json: bytes
    form: str
    key: str
    signature_name: str = ""


class _Predict(msgspec.Struct):
    instances: msgspec.Raw = msgspec.Raw()
    inputs: msgspec.Raw = msgspec.Raw()
    signature_name: str = ""


class _Examples(msgspec.Struct):
    examples: list[dict[str, msgspec.Raw]] | None = None
    context: dict[str, msgspec.Raw] | None = None
    signature_name: str = ""


_predict = msgspec.json.Decoder(_Predict)
_examples = msgspec.json.Decoder(_Examples)


def read_predict(body: bytes) -> TfsRequest | Failure:
    """Return the request of a predict body, or why it is none: what its values hold is not looked at."""
    parsed = _parsed(body, _predict)
    if isinstance(parsed, Failure):
        return parsed
    rows, columns = bytes(parsed.instances), bytes(parsed.inputs)
    if rows and columns:
        return _refused("expecting only one of the keys 'inputs' and 'instances'")
    if rows:
        return _rows(rows, parsed.signature_name)
    return _columns(columns, parsed.signature_name)


def _rows(instances: bytes, signature_name: str) -> TfsRequest | Failure:
    if not instances.startswith(b"["):
        return _refused("expecting 'instances' to be a list: a value for each row", "instances")
    return TfsRequest(b'{"instances":%b}' % instances, ROWS, "instances", signature_name)


def _columns(inputs: bytes, signature_name: str) -> TfsRequest | Failure:
    if not inputs:
        return _refused("Missing 'inputs' or 'instances' key")
    if not inputs.startswith((b"[", b"{")):
        return _refused("expecting 'inputs' to be a list, or an object of lists by input name", "inputs")
    return TfsRequest(b'{"columns":%b}' % inputs, COLUMNS, "inputs", signature_name)


def read_examples(body: bytes) -> TfsRequest | Failure:
    """Return the request of a classify or regress body; its context says what an example does not.

    The context may have MAX_CONTEXT_BYTES divided by the number of examples.
    """
    parsed = _parsed(body, _examples)
    if isinstance(parsed, Failure):
        return parsed
    if not parsed.examples:
        return _refused("expecting 'examples': a list of objects by input name, not empty", "examples")
    context = parsed.context or {}
    if _bytes_of(context) * len(parsed.examples) > MAX_CONTEXT_BYTES:
        message = f"the context repeated for every example is over {MAX_CONTEXT_BYTES} bytes; send fewer"
        return Failure(OUT_OF_RANGE, message, "context")
    rows = [{**context, **example} for example in parsed.examples] if context else parsed.examples
    json = msgspec.json.encode({"instances": rows})
    return TfsRequest(json, ROWS, "examples", parsed.signature_name)


def _bytes_of(entries: Mapping[str, msgspec.Raw]) -> int:
    return sum(len(name.encode()) + len(bytes(value)) + _PUNCTUATION for name, value in entries.items())


def _parsed(body: bytes, decoder: msgspec.json.Decoder[T]) -> T | Failure:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        return _refused(f"the body is no request: {error}"[:300])
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        if not has_tokens(body):
            return _malformed(error)
    return _parsed_with_tokens(body, decoder)


def _parsed_with_tokens(body: bytes, decoder: msgspec.json.Decoder[T]) -> T | Failure:
    if len(body) > MAX_TOKEN_BYTES:
        message = f"a body with NaN or Infinity has at most {MAX_TOKEN_BYTES} bytes"
        return Failure(RESOURCE_EXHAUSTED, message)
    try:
        return decoder.decode(without_tokens(body))
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        return _malformed(error)


def _malformed(error: Exception) -> Failure:
    return _refused(f"JSON Parse error: {str(error)[:200]}")


def _refused(message: str, field: str = "") -> Failure:
    return Failure(INVALID_ARGUMENT, message, field)
