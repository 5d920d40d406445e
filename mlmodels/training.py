"""One training run from candles to a registered, judged model. Runs in a process of its own (`train_model`)."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.db import transaction

from mlmodels.domain.dataset import Dataset, dataset_build
from mlmodels.domain.evaluation import Evaluation
from mlmodels.domain.features import FEATURES, LOOKBACK
from mlmodels.domain.gate import Verdict, improves, verdict
from mlmodels.domain.labels import HORIZON
from mlmodels.library import LibraryMissing, library_load
from mlmodels.models import ModelVersion, TrainingRun
from mlmodels.pipeline import MIN_STEPS, SEED, Judged, NotEnoughData, pipeline_run, tail_evaluate
from mlmodels.predictor import ModelRefused, predictor_load
from mlmodels.selectors import champion_get, instruments_to_learn, outcomes_summary, shadow_get
from mlmodels.services.registry import model_promote, model_refuse, model_register, model_shadow
from mlmodels.services.training_runs import training_run_beat, training_run_finish
from mlmodels.trainers.lightgbm import PARAMETERS, Tick
from signals.models import Instrument

MAX_SYMBOLS = 100
MAX_ROWS = 150_000
MAX_CANDLES = 3_000
DEFAULT_SPREAD = 0.001
CANDLES_NEEDED = MIN_STEPS + LOOKBACK + HORIZON
PREPARED = 0.1
"""Share of the progress that reading the candles is."""
DECLARED_OVER = "The run had been declared over by someone else."
Status = TrainingRun.Status


class TrainingStopped(Exception):
    """The run was asked to stop; nothing of it is kept."""


@dataclass(frozen=True)
class Rivalry:
    """The champion (or who stands in the shadow) that a challenger was compared with, and how it did there."""

    champion: ModelVersion | None
    evaluation: Evaluation | None
    note: str


def training_execute(*, run: TrainingRun, tick: Tick) -> None:
    """Carry out a claimed run and leave it done, skipped or failed; one transaction keeps the result or nothing.

    Raises what went wrong after it was noted in the run, except for the reasons to skip.
    """
    try:
        library_load()
        tick(0.0)
        data = candles_dataset(run.exchange, run.timeframe)
        tick(PREPARED)
        judged = pipeline_run(data, tick=lambda share: tick(PREPARED + (1.0 - PREPARED) * share))
        champion = champion_get(run.exchange, run.timeframe)
        rivalry = champion_evaluate(data, judged, champion or shadow_get(run.exchange, run.timeframe))
        tick(1.0)
        _result_keep(run, data, judged, rivalry)
    except (NotEnoughData, LibraryMissing) as error:
        training_run_finish(run_id=run.pk, status=Status.SKIPPED, message=str(error))
    except TrainingStopped as error:
        training_run_finish(run_id=run.pk, status=Status.FAILED, message=f"Stopped: {error} Nothing was kept.")
        raise
    except Exception as error:
        training_run_finish(run_id=run.pk, status=Status.FAILED, message=f"{type(error).__name__}: {error}")
        raise


def progress_note(run: TrainingRun) -> Tick:
    """A tick that writes the progress in steps of 2 %; it raises TrainingStopped once the run was declared over."""
    written = -1.0

    def tick(share: float) -> None:
        nonlocal written
        if share < written + 0.02:
            return
        written = share
        if not training_run_beat(run_id=run.pk, progress=share):
            raise TrainingStopped(DECLARED_OVER)

    return tick


def candles_dataset(exchange: str, timeframe: str) -> Dataset:
    """Rows of the scanned instruments from the candle store, bounded by `MAX_ROWS`.

    Raises NotEnoughData when no instrument has candles.
    """
    from signals.candles.store import matrix_read

    instruments = list(instruments_to_learn(exchange, MAX_SYMBOLS))
    if not instruments:
        raise NotEnoughData(f"No instrument of {exchange} is scanned yet, so there is nothing to learn from.")
    limit = min(MAX_CANDLES, MAX_ROWS // len(instruments) + LOOKBACK + HORIZON)
    symbols = tuple(instrument.symbol for instrument in instruments)
    matrix = matrix_read(exchange=exchange, timeframe=timeframe, symbols=symbols, limit=limit)
    if matrix.close.shape[1] < CANDLES_NEEDED:
        raise NotEnoughData(f"Not enough data: {matrix.close.shape[1]} candles, {CANDLES_NEEDED} are needed.")
    by_symbol = {instrument.symbol: round_trip_cost(instrument) for instrument in instruments}
    cost = np.array([by_symbol[symbol] for symbol in matrix.symbols])
    return dataset_build(matrix, cost, max_rows=MAX_ROWS)


def round_trip_cost(instrument: Instrument) -> float:
    """Two taker fees and the spread, a fraction."""
    spread = instrument.spread if instrument.spread is not None else DEFAULT_SPREAD
    return 2.0 * float(instrument.taker_fee) + spread


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def champion_evaluate(data: Dataset, judged: Judged, champion: ModelVersion | None) -> Rivalry:
    """The champion on the challenger's tail, or why it cannot be measured there.

    A champion that was chosen on a part of this tail is measured all the same: that is in its favour, never in the
    challenger's.
    """
    if champion is None:
        return Rivalry(None, None, "There is no champion.")
    try:
        serving = predictor_load(champion.artifact, champion.artifact_sha256, champion.features, FEATURES)
    except ModelRefused as error:
        return Rivalry(champion, None, f"The champion could not be compared: {error}")
    rows = data.between(judged.tail.test_start, judged.tail.test_end)
    base_rate = float(judged.report["data"]["train_base_rate"])
    measured = tail_evaluate(data, rows, serving.predict(data.x[rows]), champion.threshold, base_rate)
    return Rivalry(champion, measured, "On the same tail.")


def _result_keep(run: TrainingRun, data: Dataset, judged: Judged, rivalry: Rivalry) -> None:
    """Register the model, decide about it and end the run, all or nothing."""
    rival = rivalry.champion
    serves = rival is not None and rival.status == ModelVersion.Status.CHAMPION
    decided = verdict(judged.evaluation, rivalry.evaluation if serves else None, judged.walk_forward)
    report = _report(run, judged, rivalry)
    with transaction.atomic():
        if champion_get(run.exchange, run.timeframe) != (rival if serves else None):
            decided = Verdict(False, "The champion changed while this model was judged.")
        model = _model_stored(run, data, judged, report | {"verdict": asdict(decided)})
        place = _place_give(model, decided, judged, rivalry)
        message = f"{model}: {place}. {decided.reason}"
        if not training_run_finish(run_id=run.pk, status=Status.DONE, message=message, model=model):
            raise TrainingStopped(DECLARED_OVER)


def _place_give(model: ModelVersion, decided: Verdict, judged: Judged, rivalry: Rivalry) -> str:
    """Promote, let stand in the shadow or refuse; says which in words.

    In the shadow stands whose log loss at least beats the base rate's, while nobody serves and nobody better is there.
    """
    if decided.promote:
        model_promote(model=model, reason=decided.reason)
        return "promoted"
    beaten = rivalry.evaluation is None or improves(judged.evaluation, rivalry.evaluation)
    promising = judged.evaluation.log_loss < judged.evaluation.log_loss_baseline
    if beaten and promising and champion_get(model.exchange, model.timeframe) is None:
        model_shadow(model=model, reason=decided.reason)
        return "not promoted, its signals are watched in the shadow"
    model_refuse(model=model, reason=decided.reason)
    return "not promoted"


def _model_stored(run: TrainingRun, data: Dataset, judged: Judged, report: dict[str, Any]) -> ModelVersion:
    return model_register(
        exchange=run.exchange,
        timeframe=run.timeframe,
        artifact=judged.artifact,
        features=list(FEATURES),
        parameters=PARAMETERS | {"seed": SEED, "horizon": data.horizon, "rounds": judged.fit.rounds},
        threshold=judged.threshold,
        trained_from=_moment(data.time_of(judged.tail.train_start)),
        trained_to=_moment(data.time_of(judged.tail.train_end)),
        rows=data.rows,
        report=report,
    )


def _report(run: TrainingRun, judged: Judged, rivalry: Rivalry) -> dict[str, Any]:
    """The pipeline's report with the champion's measures and how earlier signals did live."""
    champion, measured = rivalry.champion, rivalry.evaluation
    return judged.report | {
        "champion": {
            "version": champion.version if champion else None,
            "tail": measured.as_dict() if measured else None,
            "note": rivalry.note,
        },
        "outcomes": outcomes_summary(run.exchange, run.timeframe),
    }
