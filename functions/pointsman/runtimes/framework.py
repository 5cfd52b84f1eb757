"""The frameworks that versions name as their `runtime`, each imported when the first version needs it."""

from __future__ import annotations

import importlib.util
import sys
from typing import Final, NamedTuple

from pointsman.core.spec import PYTHON
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, Failure, LoadError


class Framework(NamedTuple):
    """A module with a `load`; the packages that it imports, by the extra of its name; how its files end.

    `extra` is the extra's name where it is another; a remote one has no file and computes elsewhere.
    """

    module: str
    needs: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    extra: str = ""
    is_remote: bool = False


def _remote(module: str) -> Framework:
    return Framework(f"remote.{module}", ("httpx",), extra="remote", is_remote=True)


# Named, not imported: a framework costs seconds and hundreds of megabytes.
FRAMEWORKS: Final = {
    "torch": Framework("torch_runtime", ("torch", "safetensors"), (".safetensors", ".pt", ".ts", ".pt2")),
    "onnx": Framework("onnx_runtime", ("onnxruntime", "onnx"), (".onnx",)),
    "sklearn": Framework("sklearn_runtime", ("sklearn", "skops"), (".skops",)),
    "xgboost": Framework("xgboost_runtime", ("xgboost",), (".json", ".ubj")),
    "lightgbm": Framework("lightgbm_runtime", ("lightgbm",), (".txt",)),
    "openvino": Framework("openvino_runtime", ("openvino", "onnx"), (".onnx", ".xml")),
    PYTHON: Framework("python_runtime"),
    "oip": _remote("oip"),
    "tensorflow-serving": _remote("tfs"),
    "openai": _remote("openai"),
}


def target_of(runtime: str) -> str:
    """Return the `package.module:load` of a runtime whose framework is installed; raises LoadError."""
    found = FRAMEWORKS.get(runtime)
    if found is None:
        message = f"runtime: {runtime!r} is unknown; there are {', '.join(FRAMEWORKS)}"
        raise LoadError(Failure(INVALID_ARGUMENT, message, "runtime"))
    missing = [name for name in found.needs if name not in sys.modules and not importlib.util.find_spec(name)]
    if missing:
        extra = found.extra or runtime
        message = f"runtime: the pod has no {', '.join(missing)}; pip install 'pointsman[{extra}]' there"
        raise LoadError(Failure(FAILED_PRECONDITION, message, "runtime"))
    return f"{__package__}.{found.module}:load"


def is_remote(runtime: str) -> bool:
    """Whether versions of a runtime compute elsewhere, on another's server."""
    found = FRAMEWORKS.get(runtime)
    return found is not None and found.is_remote


def runtime_of(name: str) -> str:
    """Return the runtime that loads a file of this name; empty where none does."""
    return next((runtime for runtime, one in FRAMEWORKS.items() if name.endswith(one.suffixes)), "")
