"""The frameworks that versions name as their `runtime`, each imported when the first version needs it."""

from __future__ import annotations

import importlib.util
import sys
from typing import Final, NamedTuple

from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, Failure, LoadError

PYTHON: Final = "python"


class Framework(NamedTuple):
    """A module with a `load`, and the packages that it imports; the extra of its name brings them."""

    module: str
    needs: tuple[str, ...] = ()


# Named, not imported: a framework costs seconds and hundreds of megabytes.
FRAMEWORKS: Final = {
    "torch": Framework("torch_runtime", ("torch", "safetensors")),
    "onnx": Framework("onnx_runtime", ("onnxruntime", "onnx")),
    "sklearn": Framework("sklearn_runtime", ("sklearn", "skops")),
    "xgboost": Framework("xgboost_runtime", ("xgboost",)),
    "lightgbm": Framework("lightgbm_runtime", ("lightgbm",)),
    PYTHON: Framework("python_runtime"),
}


def target_of(runtime: str) -> str:
    """Return the `package.module:load` of a runtime whose framework is installed; raises LoadError."""
    found = FRAMEWORKS.get(runtime)
    if found is None:
        message = f"runtime: {runtime!r} is unknown; there are {', '.join(FRAMEWORKS)}"
        raise LoadError(Failure(INVALID_ARGUMENT, message, "runtime"))
    missing = [name for name in found.needs if name not in sys.modules and not importlib.util.find_spec(name)]
    if missing:
        message = f"runtime: the pod has no {', '.join(missing)}; pip install 'pointsman[{runtime}]' there"
        raise LoadError(Failure(FAILED_PRECONDITION, message, "runtime"))
    return f"{__package__}.{found.module}:load"
