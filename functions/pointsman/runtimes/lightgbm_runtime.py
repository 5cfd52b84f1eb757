"""LightGBM: a model that `save_model` wrote, as text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import lightgbm

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Item
from pointsman.errors import FAILED_PRECONDITION, Failure, LoadError
from pointsman.runtimes.declared import check_options, file_of, rows_of
from pointsman.runtimes.tensor_model import TensorModel
from pointsman.runtimes.texts import encoded
from pointsman.settings import Settings

OUTPUT: Final = "predict"
_SIZES: Final = re.compile(rb"^tree_sizes=([0-9 ]+)$", re.MULTILINE)
_TREE: Final = b"Tree="
_END: Final = b"end of trees"


class Trees:
    """A booster, and how many threads a pass has."""

    def __init__(self, booster: lightgbm.Booster, threads: int) -> None:
        self._booster = booster
        self._threads = threads

    def forward(self, batch: Item) -> Item:
        """Return the predictions for rows of numbers, NaN where one is missing."""
        [rows] = batch.values()
        return {OUTPUT: encoded(OUTPUT, self._booster.predict(rows, num_threads=self._threads))}


def load(spec: VersionSpec, settings: Settings) -> TensorModel:
    """Return the version loaded; raises LoadError, or what lightgbm raises."""
    check_options(spec)
    path = file_of(spec)
    _check(path)
    booster = lightgbm.Booster(model_file=str(path))
    signature = spec.signature or rows_of(booster.num_feature(), "FP64")
    return TensorModel(Trees(booster, settings.threads).forward, signature, path.stat().st_size)


def _check(path: Path) -> None:
    """Raise LoadError where the trees are not where the head says: LightGBM would end the process over it."""
    text = path.read_bytes()
    sizes = _SIZES.search(text)
    at = text.find(_TREE)
    for size in sizes[1].split() if sizes is not None else ():
        if not text.startswith(_TREE, at):
            break
        at += int(size)
    if sizes is None or not text.startswith(_END, at):
        raise LoadError(Failure(FAILED_PRECONDITION, f"uri: {path.name} is no whole LightGBM model", "uri"))
