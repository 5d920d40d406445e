"""Gradient-boosted trees by LightGBM. Imported by the training process only (its package costs 100 MB)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlmodels.library import MISSING_PACKAGE, LibraryMissing

PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "metric": "binary_logloss",
    "num_leaves": 7,
    "max_depth": 3,
    "learning_rate": 0.05,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.7,
    "lambda_l2": 5.0,
    "max_bin": 127,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
MAX_ROUNDS = 250
PATIENCE = 30
Tick = Callable[[float], None]
"""Called during training with the share done, 0 to 1; it may raise to stop."""


@dataclass(frozen=True)
class Fit:
    """A trained booster."""

    booster: Any
    rounds: int

    def predict(self, x: NDArray[np.float32], rounds: int | None = None) -> NDArray[np.float64]:
        """Probabilities (rows,), by the first `rounds` trees when told."""
        return self.booster.predict(x, num_iteration=rounds or self.rounds, num_threads=1)

    def artifact(self) -> str:
        """The model's own text form."""
        return self.booster.model_to_string(num_iteration=self.rounds)

    def importance(self, names: tuple[str, ...]) -> dict[str, float]:
        """Share of the total gain per feature, largest first."""
        gain = self.booster.feature_importance(importance_type="gain")
        total = float(gain.sum()) or 1.0
        order = np.argsort(-gain)
        return {names[index]: round(float(gain[index]) / total, 4) for index in order}


def fit(
    x: NDArray[np.float32],
    wins: NDArray[np.bool_],
    *,
    seed: int,
    rounds: int | None = None,
    test: tuple[NDArray[np.float32], NDArray[np.bool_]] | None = None,
    tick: Tick | None = None,
) -> Fit:
    """Train `rounds` trees (`MAX_ROUNDS` unless told); with `test` rows, stop early on their log loss.

    The same data and seed give the same model.
    Raises LibraryMissing when LightGBM cannot be loaded.
    """
    try:
        import lightgbm
    except OSError as error:
        raise LibraryMissing(f"{MISSING_PACKAGE} ({error})") from error
    parameters = PARAMETERS | {"seed": seed}
    train_set = lightgbm.Dataset(x, wins.astype(np.float32), params=parameters, free_raw_data=True)
    callbacks: list[Any] = [_ticker(tick)] if tick else []
    valid_sets = []
    if test is not None:
        valid_sets = [lightgbm.Dataset(test[0], test[1].astype(np.float32), reference=train_set)]
        callbacks.append(lightgbm.early_stopping(PATIENCE, verbose=False))
    booster = lightgbm.train(parameters, train_set, rounds or MAX_ROUNDS, valid_sets=valid_sets, callbacks=callbacks)
    return Fit(booster, booster.best_iteration or rounds or MAX_ROUNDS)


def _ticker(tick: Tick) -> Callable[[Any], None]:
    def callback(environment: Any) -> None:
        if environment.iteration % 10 == 0:
            tick(environment.iteration / environment.end_iteration)

    return callback
