"""Text before a network: Hugging Face's `tokenizers`, from a `tokenizer.json`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
from tokenizers import Encoding, Tokenizer

from pointsman.core.tensor import DTYPES, Array, Item, TensorSpec
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, Failure, LoadError
from pointsman.runtimes.base import Fault, one_line
from pointsman.runtimes.step_options import StepOptions
from pointsman.runtimes.steps import Before, Inputs
from pointsman.runtimes.texts import decoded

# A pass has the threads of its settings and no others; and threads would not survive a fork.
os.environ["TOKENIZERS_PARALLELISM"] = "false"

# What a network may take of a text, by the names that all use.
_PARTS: Final = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
_DEFAULT_LENGTH: Final = 512
_MOST_LENGTH: Final = 131_072
_DEFAULT_BYTES: Final = 1 << 18  # a tokenizer reads the whole of a text, also what is cut off afterwards
_PADS: Final = ("[PAD]", "<pad>", "<|endoftext|>")


def text(options: StepOptions, wanted: Inputs | None) -> Before:
    """Return the step from a column of texts to their tokens, padded to the longest of the pass.

    Options: `max_length`, tokens of a text, what is longer is cut; `max_bytes`, a text that has more is
    refused; `input`, the column's name; `pad`, the token that fills up.
    """
    options.only("max_length", "max_bytes", "input", "pad")
    tokenizer = _opened(options.file("a tokenizer.json"), options.field)
    length = options.whole(
        "max_length", (tokenizer.truncation or {}).get("max_length", _DEFAULT_LENGTH), 1, _MOST_LENGTH
    )
    tokenizer.enable_truncation(length)
    _pad(tokenizer, options)
    parts = _parts(options, wanted)
    column, most = options.text("input", "text"), options.whole("max_bytes", _DEFAULT_BYTES, 1, 1 << 30)

    def step(item: Item) -> Item:
        texts = decoded(column, _column(item, column, most)).tolist()
        encodings = tokenizer.encode_batch(texts)
        return {name: _array(encodings, _PARTS[name], dtype) for name, dtype in parts.items()}

    return Before(step, (TensorSpec(column, "BYTES", (-1,)),))


def _opened(path: Path, field: str) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # that is what it raises, and no other
        message = one_line(f"{field}.uri: {path.name} is no tokenizer.json: {error}")
        raise LoadError(Failure(FAILED_PRECONDITION, message, f"{field}.uri")) from error


def _pad(tokenizer: Tokenizer, options: StepOptions) -> None:
    known = tokenizer.padding or {}
    names = [options.text("pad")] if options.text("pad") else [known.get("pad_token", ""), *_PADS]
    found = next((name for name in names if name and tokenizer.token_to_id(name) is not None), None)
    if found is None:
        raise options.fault("pad", "name the token that fills up; the tokenizer says none")
    tokenizer.enable_padding(
        direction=known.get("direction", "right"),
        pad_id=tokenizer.token_to_id(found),
        pad_token=found,
        pad_type_id=known.get("pad_type_id", 0),
    )


def _parts(options: StepOptions, wanted: Inputs | None) -> dict[str, np.dtype[Any]]:
    """Return the tensors that the network takes, with their types; raises LoadError for others."""
    if wanted is None:
        return dict.fromkeys(("input_ids", "attention_mask"), DTYPES["INT64"])
    strange = [tensor.name for tensor in wanted if tensor.name not in _PARTS]
    if strange:
        said = f"the network takes {', '.join(strange)}; of a text there are {', '.join(_PARTS)}"
        raise LoadError(Failure(INVALID_ARGUMENT, f"{options.field}: {said}", options.field))
    return {tensor.name: DTYPES[tensor.datatype] for tensor in wanted}


def _column(item: Item, name: str, most: int) -> Array:
    array = item.get(name)
    if array is None or not array.dtype.hasobject or array.ndim != 1:
        raise Fault(
            Failure(INVALID_ARGUMENT, f"input {name!r} must be texts, BYTES of shape [-1]", name), final=True
        )
    failure = Failure(INVALID_ARGUMENT, f"input {name!r} has a text of more than {most} bytes", name)
    long = {row: failure for row, text in enumerate(array.tolist()) if len(text) > most}
    if long:
        raise Fault(failure, rows=long)
    return array


def _array(encodings: list[Encoding], part: str, dtype: np.dtype[Any]) -> Array:
    return np.asarray([getattr(encoding, part) for encoding in encodings], dtype)
