"""scikit-learn: a `.skops` file, which names the types it is made of before anything of it is built."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import skops.io

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Array, Item, Signature
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, Failure, LoadError
from pointsman.runtimes.base import Fault, broken, one_line
from pointsman.runtimes.declared import check_options, file_of, require_signature, rows_of
from pointsman.runtimes.tensor_model import TensorModel
from pointsman.runtimes.texts import decoded, encoded
from pointsman.settings import Settings

_OPTIONS: Final = ("methods",)
_METHODS: Final = ("predict", "predict_proba", "decision_function", "transform", "score_samples")


class Estimator:
    """A fitted estimator and its methods, each of which gives an output of its name."""

    def __init__(self, estimator: Any, methods: Sequence[str]) -> None:
        self._methods = {method: getattr(estimator, method) for method in methods}

    def forward(self, batch: Item) -> Item:
        """Return the outputs for a batch; text goes in as a list of str."""
        if len(batch) != 1:
            names = ", ".join(map(repr, batch))
            raise Fault(Failure(INVALID_ARGUMENT, f"the model takes one input, not {names}"), final=True)
        [(name, array)] = batch.items()
        rows = decoded(name, array)
        given = rows.tolist() if rows.dtype.hasobject and rows.ndim == 1 else rows
        return {method: _dense(method, call(given)) for method, call in self._methods.items()}


def load(spec: VersionSpec, settings: Settings) -> TensorModel:
    """Return the version loaded; raises LoadError, or what skops raises."""
    check_options(spec, _OPTIONS)
    path = file_of(spec)
    size = _check(path, settings.cache_bytes)
    estimator = skops.io.load(path, trusted=_trusted(path, settings.trusted_types))
    signature = spec.signature or _signature(estimator)
    require_signature(signature, spec)
    methods = _methods(estimator, spec.options.get("methods", ""))
    return TensorModel(Estimator(estimator, methods).forward, signature, size)


def _check(path: Path, most: int) -> int:
    """Return how many bytes the archive unpacks to; raises LoadError where that is more than a pod keeps."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile as error:
        raise LoadError(Failure(FAILED_PRECONDITION, f"uri: {path.name} is no skops file", "uri")) from error
    if size > most:
        message = f"uri: {path.name} unpacks to {size} bytes; a pod keeps {most} (cache_bytes)"
        raise LoadError(Failure(FAILED_PRECONDITION, message, "uri"))
    return size


def _trusted(path: Path, trusted: Collection[str]) -> list[str]:
    """Return the types beyond skops' own that the file is made of; raises LoadError for one not trusted."""
    unknown: list[str] = skops.io.get_untrusted_types(file=path)
    strange = sorted(set(unknown) - set(trusted))
    if strange:
        names = ", ".join(strange)
        message = f"uri: it holds types that nobody trusts; those you do, add to `trusted_types`: {names}"
        raise LoadError(Failure(FAILED_PRECONDITION, one_line(message), "uri"))
    return unknown


def _signature(estimator: Any) -> Signature | None:
    features = getattr(estimator, "n_features_in_", None)
    return None if features is None else rows_of(int(features), "FP64")


def _methods(estimator: Any, asked: str) -> list[str]:
    there = [method for method in _METHODS if hasattr(estimator, method)]
    methods = [name.strip() for name in asked.split(",")] if asked else there[:1]
    missing = [method for method in methods if method not in there]
    if missing or not methods:
        kind = type(estimator).__name__
        said = f"{kind} has no {', '.join(missing)}" if missing else f"{kind} computes nothing"
        message = f"options.methods: {said}; there are {', '.join(there) or 'none'}"
        raise LoadError(Failure(INVALID_ARGUMENT, message, "options.methods"))
    return methods


def _dense(method: str, value: Any) -> Array:
    if hasattr(value, "toarray"):
        value = value.toarray()  # sparse, as vectorisers return it
    if not isinstance(value, np.ndarray):
        raise Fault(broken(f"{method} returned {type(value).__name__}, not an array"))
    return encoded(method, value)
