"""The options of torch itself, apart by their names from those that a factory takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import torch

from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, Failure, LoadError

_PREFIX: Final = "torch."
_KNOWN: Final = ("torch.device", "torch.dtype", "torch.compile", "torch.reset")
_DTYPES: Final = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}


class TorchOptions(NamedTuple):
    """Where and in what precision a network computes, and what is called before each pass."""

    device: torch.device
    dtype: torch.dtype | None
    is_compiled: bool
    reset: str


def torch_options(options: Mapping[str, str]) -> TorchOptions:
    """Return what the options say of torch; raises LoadError where the pod cannot do it."""
    unknown = sorted(name for name in options if name.startswith(_PREFIX) and name not in _KNOWN)
    if unknown:
        raise _fault(unknown[0], f"is unknown; there are {', '.join(_KNOWN)}")
    dtype = options.get("torch.dtype", "")
    if dtype and dtype not in _DTYPES:
        raise _fault("torch.dtype", f"must be one of {', '.join(_DTYPES)}")
    compiled = options.get("torch.compile", "false")
    if compiled not in ("true", "false"):
        raise _fault("torch.compile", "must be true or false")
    device = _device(options.get("torch.device", "cpu"))
    return TorchOptions(device, _DTYPES.get(dtype), compiled == "true", options.get("torch.reset", ""))


def of_the_factory(options: Mapping[str, str]) -> dict[str, str]:
    """Return the options that are none of torch's."""
    return {name: value for name, value in options.items() if not name.startswith(_PREFIX)}


def _device(name: str) -> torch.device:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    there = ["cpu", *(f"cuda:{number}" for number in range(count))]
    if name == "auto":
        return torch.device(there[min(1, count)])
    if name == "cuda":
        name = "cuda:0"
    if name not in there:
        message = f"options.torch.device: the pod has no {name!r}; it has {', '.join(there)}, and takes auto"
        raise LoadError(Failure(FAILED_PRECONDITION, message, "options.torch.device"))
    return torch.device(name)


def _fault(name: str, message: str) -> LoadError:
    field = f"options.{name}"
    return LoadError(Failure(INVALID_ARGUMENT, f"{field}: {message}", field))
