from datetime import UTC, datetime

import numpy as np
import pytest

from mlmodels.domain.dataset import dataset_build
from mlmodels.domain.features import FEATURES, LOOKBACK
from mlmodels.explain import model_again
from mlmodels.models import ModelVersion
from mlmodels.predictor import Predictor
from mlmodels.services.registry import RegistryRefused, model_promote, model_retire, model_shadow
from mlmodels.source import ModelSource
from signals.explainers import CannotTell
from signals.models import Instrument, Signal
from signals.sources import ScanContext, sources
from tests.mlmodels.conftest import EXCHANGE, TIMEFRAME
from tests.mlmodels.markets import costs

pytestmark = pytest.mark.django_db


def context_at(matrix, column, symbols=None):
    part = matrix.upto(int(matrix.open_time_ms[column]))
    moment = datetime.fromtimestamp(matrix.open_time_ms[column] / 1000, UTC)
    return ScanContext(EXCHANGE, TIMEFRAME, moment, symbols or matrix.symbols, part, int(matrix.open_time_ms[column]))


@pytest.fixture
def champion(learnt, register):
    judged = learnt[1]
    model = register(judged.artifact, threshold=judged.threshold, report=judged.report)
    return model_promote(model=model, reason="First.")


def all_drafts(source, matrix, columns):
    return {column: source.drafts(context_at(matrix, column)) for column in columns}


def test_it_is_registered_with_the_scan():
    assert "model" in [source.name for source in sources()]


def test_no_champion_no_signals(learnt):
    assert ModelSource().drafts(context_at(learnt[0], 500)) == []


def test_the_shadow_speaks_while_nobody_serves_and_is_followed_by_nobody(learnt, register):
    judged = learnt[1]
    model = register(judged.artifact, threshold=judged.threshold, report=judged.report)
    model_shadow(model=model, reason="May be chance.")
    drafts = [d for found in all_drafts(ModelSource(), learnt[0], range(700, 880, 15)).values() for d in found]
    model.refresh_from_db()
    assert drafts and {draft.strategy_id for draft in drafts} == {model.strategy_id}
    assert not model.strategy.enabled
    assert "not traded" in drafts[0].reason


def test_a_promoted_model_ends_the_shadow(learnt, register):
    judged = learnt[1]
    first, second = (register(judged.artifact, threshold=judged.threshold, report=judged.report) for _ in range(2))
    model_shadow(model=first, reason="May be chance.")
    model_promote(model=second, reason="Proven.")
    first.refresh_from_db()
    assert first.status == ModelVersion.Status.REFUSED
    with pytest.raises(RegistryRefused, match="champion"):
        model_shadow(model=first, reason="Again.")


def test_it_says_what_training_would_say_of_the_same_rows(learnt, champion):
    """Serving sees candles up to its own only; the probabilities are those of the training rows, bit for bit."""
    matrix, judged = learnt
    data = dataset_build(matrix, costs(matrix))
    found = 0
    for column, drafts in all_drafts(ModelSource(), matrix, range(700, 880, 15)).items():
        rows = data.between(column, column + 1)
        probability = judged.fit.predict(data.x[rows])
        expected = {
            symbol: value
            for symbol, value in zip(matrix.symbols, probability, strict=True)
            if value >= champion.threshold
        }
        assert {draft.symbol: draft.confidence for draft in drafts} == expected
        found += len(drafts)
    assert found > 5


def test_a_draft_explains_itself(learnt, champion):
    matrix = learnt[0]
    draft = next(d for drafts in all_drafts(ModelSource(), matrix, range(700, 880)).values() for d in drafts)
    assert (draft.side, draft.strategy_id) == ("buy", champion.strategy_id)
    assert draft.inputs["model"] == str(champion.public_id)
    assert draft.inputs["probability"] == draft.confidence >= draft.inputs["threshold"] == champion.threshold
    assert draft.reason.startswith(f"Model v{champion.version}: ")
    assert len(draft.reason) <= 240
    row = np.array([[draft.inputs["features"][name] for name in FEATURES]], dtype=np.float32)
    assert Predictor(champion.artifact, FEATURES).predict(row)[0] == draft.confidence, "it can be computed again"


def stored_signal(draft, matrix) -> tuple[Signal, object]:
    """The draft as a row, and the candles that an explainer gets: those from the anchor on, of its symbol alone."""
    alone = matrix.pick([draft.symbol])
    first = int(np.searchsorted(alone.open_time_ms, draft.inputs["anchor_ms"]))
    names = ("open", "high", "low", "close", "volume")
    behind = type(alone)(alone.symbols, alone.open_time_ms[first:], *(getattr(alone, n)[:, first:] for n in names))
    instrument = Instrument(exchange=EXCHANGE, symbol=draft.symbol)
    return Signal(instrument=instrument, side=draft.side, reason=draft.reason, inputs=draft.inputs), behind


def test_a_stored_signal_comes_out_again_from_its_own_candles(learnt, champion):
    matrix, found = learnt[0], 0
    for column, drafts in all_drafts(ModelSource(), matrix, range(700, 880, 10)).items():
        for draft in drafts:
            signal, behind = stored_signal(draft, matrix.upto(int(matrix.open_time_ms[column])))
            again = model_again(signal, behind)
            assert (again.side, again.confidence, again.inputs) == ("buy", draft.confidence, draft.inputs)
            found += 1
    assert found > 5


def test_a_model_that_is_gone_is_told(learnt, champion):
    matrix = learnt[0]
    column, drafts = next((c, d) for c, d in all_drafts(ModelSource(), matrix, range(700, 880)).items() if d)
    signal, behind = stored_signal(drafts[0], matrix.upto(int(matrix.open_time_ms[column])))
    ModelVersion.objects.filter(pk=champion.pk).update(artifact_sha256="0" * 64)
    with pytest.raises(CannotTell, match="cannot be loaded"):
        model_again(signal, behind)
    signal.inputs = {**signal.inputs, "model": "00000000-0000-0000-0000-000000000000"}
    with pytest.raises(CannotTell, match="not in the registry"):
        model_again(signal, behind)


def test_only_the_symbols_of_the_scan_are_answered(learnt, champion):
    matrix, source = learnt[0], ModelSource()
    column, drafts = next((c, d) for c, d in all_drafts(source, matrix, range(700, 880)).items() if d)
    symbol = drafts[0].symbol
    assert [draft.symbol for draft in source.drafts(context_at(matrix, column, (symbol,)))] == [symbol]
    alone = matrix.pick([symbol])
    assert [d.confidence for d in source.drafts(context_at(alone, column))] == [drafts[0].confidence]


def test_too_few_candles_or_a_gap_behind_give_nothing(learnt, champion):
    matrix, source = learnt[0], ModelSource()
    column, _ = next((c, d) for c, d in all_drafts(source, matrix, range(700, 880)).items() if d)
    assert source.drafts(context_at(matrix, LOOKBACK - 2)) == []
    times = matrix.open_time_ms.copy()
    times[: column - 10] -= 60_000
    gap = type(matrix)(matrix.symbols, times, *(getattr(matrix, n) for n in ("open", "high", "low", "close", "volume")))
    assert source.drafts(context_at(gap, column)) == []


def test_a_symbol_with_a_missing_candle_is_silent_the_others_are_not(learnt, champion):
    source, matrix = ModelSource(), learnt[0]
    column, drafts = next((c, d) for c, d in all_drafts(source, matrix, range(700, 880)).items() if len(d) > 1)
    names = ("open", "high", "low", "close", "volume")
    holed = type(matrix)(matrix.symbols, matrix.open_time_ms, *(getattr(matrix, name).copy() for name in names))
    holed.close[matrix.symbols.index(drafts[0].symbol), column - 20] = np.nan
    assert source.drafts(context_at(holed, column)) == drafts[1:]


def test_the_artifact_is_read_once(learnt, champion, django_assert_num_queries):
    matrix, source = learnt[0], ModelSource()
    source.drafts(context_at(matrix, 700))
    with django_assert_num_queries(1):
        source.drafts(context_at(matrix, 701))


@pytest.mark.parametrize(
    ("change", "words"),
    [({"features": ["old"]}, "trained on other features"), ({"artifact_sha256": "0"}, "SHA-256 does not match")],
)
def test_a_model_that_does_not_fit_is_refused_with_words_and_the_scan_goes_on(learnt, champion, change, words):
    ModelVersion.objects.filter(pk=champion.pk).update(**change)
    source = ModelSource()
    for column in (700, 701):
        assert source.drafts(context_at(learnt[0], column)) == []
    champion.refresh_from_db()
    assert champion.status_reason.startswith("Cannot serve: ")
    assert words in champion.status_reason


def test_a_new_champion_takes_over_at_the_next_scan(learnt, champion, register):
    matrix, source = learnt[0], ModelSource()
    column, _ = next((c, d) for c, d in all_drafts(source, matrix, range(700, 880)).items() if d)
    second = model_promote(model=register(champion.artifact, threshold=0.0), reason="Eager.")
    drafts = source.drafts(context_at(matrix, column))
    assert len(drafts) == len(matrix.symbols)
    assert {draft.strategy_id for draft in drafts} == {second.strategy_id}
    assert len(source._loaded) == 1
    model_retire(model=second, reason="By hand.")
    assert source.drafts(context_at(matrix, column)) == []
