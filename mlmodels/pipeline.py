"""From rows to a judged model: walk-forward folds, the threshold, the final fit, the report on the held-out tail.

The tail is touched once, at the end, and by nothing that is chosen here: rounds come from the last inner fold, the
threshold from the out-of-fold rows. The model that serves is the one that was judged (it is not fitted again on the
tail), so a later challenger can be compared with it on rows that neither has seen.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlmodels.domain.dataset import Dataset
from mlmodels.domain.evaluation import Evaluation, evaluate, threshold_choose
from mlmodels.domain.splits import Split, holdout, walk_forward
from mlmodels.trainers import lightgbm
from mlmodels.trainers.lightgbm import Fit, Tick

TAIL_SHARE = 0.25
FOLDS = 3
MIN_SIGNALS_OOF = 100
SEED = 7
MIN_ROUNDS = 10
MIN_STEPS = 300
MIN_ROWS = 3000


class NotEnoughData(ValueError):
    """There is too little to learn from; the message says how much there is and how much is needed."""


@dataclass(frozen=True)
class Judged:
    """A trained model and what it did on rows it has not seen."""

    fit: Fit
    artifact: str
    threshold: float
    tail: Split
    evaluation: Evaluation
    """On the held-out tail."""
    walk_forward: Evaluation
    """Of the folds' models, on their out-of-fold rows, at the same threshold."""
    report: dict[str, Any]


@dataclass(frozen=True)
class Walked:
    """The walk-forward folds: row numbers, their out-of-fold probabilities, a report per fold."""

    rows: NDArray[np.int64]
    probability: NDArray[np.float64]
    facts: list[dict[str, Any]]


def data_check(data: Dataset) -> None:
    """Raises NotEnoughData unless the rows suffice for the folds and a tail."""
    first, end = data.steps
    if end - first < MIN_STEPS or data.rows < MIN_ROWS:
        raise NotEnoughData(
            f"Not enough data: {end - first} labelled candles and {data.rows} rows, "
            f"{MIN_STEPS} candles and {MIN_ROWS} rows are needed."
        )
    if not 0 < data.wins.sum() < data.rows:
        raise NotEnoughData("Every labelled trade ends the same way: there is nothing to tell apart.")


def tail_evaluate(
    data: Dataset, rows: slice | NDArray[np.int64], probability: NDArray[np.float64], threshold: float, base_rate: float
) -> Evaluation:
    """Measures on some rows of the data set."""
    return evaluate(
        wins=data.wins[rows],
        net=data.net[rows],
        step=data.step[rows],
        times_ms=data.open_time_ms[data.step[rows]],
        probability=probability,
        threshold=threshold,
        train_base_rate=base_rate,
        horizon=data.horizon,
    )


def pipeline_run(data: Dataset, *, seed: int = SEED, tick: Tick = lambda _: None) -> Judged:
    """Train and judge one model. Raises NotEnoughData, or whatever `tick` raises to stop it."""
    data_check(data)
    first, end = data.steps
    tail = holdout(first, end, share=TAIL_SHARE, horizon=data.horizon, embargo=data.horizon)
    folds = walk_forward(first, tail.train_end, folds=FOLDS, horizon=data.horizon, embargo=data.horizon)
    walked, rounds = _folds_run(data, folds, seed, tick)
    seen = walked.rows
    threshold = threshold_choose(
        walked.probability, data.net[seen], data.step[seen], horizon=data.horizon, min_signals=MIN_SIGNALS_OOF
    )
    train = data.between(tail.train_start, tail.train_end)
    final = lightgbm.fit(data.x[train], data.wins[train], seed=seed, rounds=rounds, tick=_part(tick, 0.75, 0.2))
    out_of_fold = tail_evaluate(data, seen, walked.probability, threshold, float(data.wins[seen].mean()))
    rows = data.between(tail.test_start, tail.test_end)
    base_rate = float(data.wins[train].mean())
    evaluation = tail_evaluate(data, rows, final.predict(data.x[rows]), threshold, base_rate)
    report = {
        "tail": evaluation.as_dict(),
        "walk_forward": out_of_fold.as_dict(),
        "folds": walked.facts,
        "importance": final.importance(data.names),
        "data": _data_facts(data, tail, base_rate),
    }
    return Judged(final, final.artifact(), threshold, tail, evaluation, out_of_fold, report)


def _folds_run(data: Dataset, folds: list[Split], seed: int, tick: Tick) -> tuple[Walked, int]:
    """The out-of-fold rows, and the number of rounds at which the last fold did best.

    The last fold comes first: it finds the rounds, which the others then use too, so that all out-of-fold
    probabilities are of one kind with the final model's.
    """
    parts, rounds = [], None
    for number, split in enumerate(reversed(folds)):
        train, test = data.between(split.train_start, split.train_end), data.between(split.test_start, split.test_end)
        fitted = lightgbm.fit(
            data.x[train],
            data.wins[train],
            seed=seed,
            rounds=rounds,
            test=(data.x[test], data.wins[test]) if rounds is None else None,
            tick=_part(tick, 0.75 * number / len(folds), 0.75 / len(folds)),
        )
        rounds = rounds or max(MIN_ROUNDS, fitted.rounds)
        probability = fitted.predict(data.x[test], rounds)
        measured = tail_evaluate(data, test, probability, 0.5, float(data.wins[train].mean()))
        parts.append((np.arange(test.start, test.stop), probability, _fold_facts(data, split, rounds, measured)))
    rows, probabilities, facts = zip(*reversed(parts), strict=True)
    return Walked(np.concatenate(rows), np.concatenate(probabilities), list(facts)), rounds or MIN_ROUNDS


def _part(tick: Tick, start: float, length: float) -> Tick:
    """A tick whose 0 to 1 is a part of another's."""
    return lambda share: tick(start + length * share)


def _fold_facts(data: Dataset, split: Split, rounds: int, measured: Evaluation) -> dict[str, Any]:
    return {
        "train_to_ms": data.time_of(split.train_end),
        "test_from_ms": data.time_of(split.test_start),
        "test_to_ms": data.time_of(split.test_end),
        "rounds": rounds,
        "rows": measured.rows,
        "auc": measured.auc,
        "log_loss": measured.log_loss,
        "log_loss_baseline": measured.log_loss_baseline,
    }


def _data_facts(data: Dataset, tail: Split, base_rate: float) -> dict[str, Any]:
    return {
        "rows": data.rows,
        "horizon": data.horizon,
        "train_base_rate": base_rate,
        "from_ms": data.time_of(data.steps[0]),
        "train_to_ms": data.time_of(tail.train_end),
        "tail_from_ms": data.time_of(tail.test_start),
        "to_ms": data.time_of(data.steps[1] - 1),
    }
