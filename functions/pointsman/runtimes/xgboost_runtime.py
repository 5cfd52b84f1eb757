"""XGBoost: a model that `save_model` wrote, as JSON or UBJSON."""

from __future__ import annotations

from typing import Final

import msgspec
import xgboost

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Item
from pointsman.errors import FAILED_PRECONDITION, Failure, LoadError
from pointsman.runtimes.declared import check_options, file_of, rows_of
from pointsman.runtimes.tensor_model import TensorModel
from pointsman.runtimes.texts import encoded
from pointsman.settings import Settings

OUTPUT: Final = "predict"


class Trees:
    """A booster; early stopping's best iteration is the last one used, as by XGBoost's own estimators."""

    def __init__(self, booster: xgboost.Booster, threads: int) -> None:
        self._booster = booster
        self._threads = threads
        best = booster.attr("best_iteration")
        self._range = (0, int(best) + 1 if best else 0)
        config = msgspec.json.decode(booster.save_config())
        self._is_linear = config["learner"]["gradient_booster"]["name"] == "gblinear"

    def forward(self, batch: Item) -> Item:
        """Return the predictions for rows of numbers, NaN where one is missing."""
        [rows] = batch.values()
        if not self._is_linear:
            return {OUTPUT: encoded(OUTPUT, self._booster.inplace_predict(rows, iteration_range=self._range))}
        matrix = xgboost.DMatrix(rows, nthread=self._threads, feature_names=self._booster.feature_names)
        return {OUTPUT: encoded(OUTPUT, self._booster.predict(matrix))}


def load(spec: VersionSpec, settings: Settings) -> TensorModel:
    """Return the version loaded; raises LoadError, or what xgboost raises."""
    check_options(spec)
    path = file_of(spec)
    try:
        booster = xgboost.Booster({"nthread": settings.threads}, model_file=str(path))
    except xgboost.core.XGBoostError as error:  # its words hold a trace of its own, with paths
        message = f"uri: {path.name} is no whole XGBoost model"
        raise LoadError(Failure(FAILED_PRECONDITION, message, "uri")) from error
    signature = spec.signature or rows_of(booster.num_features(), "FP32")
    return TensorModel(Trees(booster, settings.threads).forward, signature, path.stat().st_size)
