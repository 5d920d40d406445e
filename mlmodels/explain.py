"""A model's signal made again: the same version of the registry on the same candles."""

from typing import Any

import numpy as np

from mlmodels.domain.features import FEATURES, LOOKBACK, features_last, model_input, rows_usable
from mlmodels.library import LibraryMissing
from mlmodels.models import ModelVersion
from mlmodels.predictor import ModelRefused, predictor_load
from mlmodels.source import draft_make
from signals.candles.matrix import CandleMatrix
from signals.explainers import Again, CannotTell
from signals.models import Signal


def model_again(signal: Signal, matrix: CandleMatrix) -> Again:
    """For `signals.explainers`. Raises CannotTell when the version, its file or a candle is not there."""
    version = ModelVersion.objects.filter(public_id=signal.inputs.get("model")).first()
    if version is None or version.strategy_id is None:
        raise CannotTell("The model version that made it is not in the registry any more.")
    if matrix.open_time_ms.size != LOOKBACK:
        raise CannotTell(f"The model looks at {LOOKBACK} candles; the signal names {matrix.open_time_ms.size}.")
    features = features_last(matrix, LOOKBACK - 1)
    if not rows_usable(features)[0]:
        return Again("", 0.0, "The model says nothing where candles are missing.", {})
    inputs = model_input(features)
    probability = float(_predicted(version, inputs)[0])
    said = draft_make(
        version, version.strategy_id, signal.instrument.symbol, inputs[0], probability, int(matrix.open_time_ms[0])
    )
    values = {name: float(value) for name, value in zip(FEATURES, inputs[0], strict=True)}
    # The reason names the version's standing, which changes with time: what was said then stays.
    side = said.side if probability >= version.threshold else ""
    return Again(side, said.confidence, signal.reason, said.inputs, values)


def _predicted(version: ModelVersion, inputs: Any) -> np.ndarray:
    try:
        loaded = predictor_load(version.artifact, version.artifact_sha256, version.features, FEATURES)
    except (ModelRefused, LibraryMissing) as error:
        raise CannotTell(f"The model cannot be loaded here: {error}") from None
    return np.asarray(loaded.predict(inputs))
