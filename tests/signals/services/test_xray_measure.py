"""What strategies paid by regime: from closed trades and from a backtest over stored candles."""

import json
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from accounts.clock import now
from signals import tasks
from signals.candles.store import months_write
from signals.domain.timeframes import open_time
from signals.domain.xray import INDICATORS, REGIMES, regimes_of, scores_of
from signals.models import CandleSeries, Instrument, Outcome, RegimeResult, Signal, Strategy
from signals.scan.pass_cpu import lanes_compute
from signals.services.scan import scan_run
from signals.services.xray import xray_update
from signals.services.xray_measure import xray_measure
from signals.versions import versions_forget

pytestmark = pytest.mark.django_db(transaction=True)
MARKET = {"exchange": "binance", "timeframe": "1m"}


@pytest.fixture
def history(market, settings):
    """All candles of the market in the store."""
    settings.XRAY_MARKET_EXCHANGES, settings.XRAY_TIMEFRAMES = ["binance"], ["1m"]
    versions_forget()
    for instrument in Instrument.objects.all():
        months_write("binance", instrument.symbol, "1m", market.matrix.table(instrument.symbol))
        CandleSeries.objects.create(instrument=instrument, timeframe="1m")
    return market.matrix


def outcome(matrix, symbol: str, at: int, value: float, *, signal: bool = True) -> Outcome:
    instrument, strategy = Instrument.objects.get(symbol=symbol), Strategy.objects.first()
    opened = open_time(int(matrix.open_time_ms[at]))
    key = {"instrument": instrument, "strategy": strategy, "timeframe": "1m"}
    made = Signal.objects.create(
        **key, candle_open_time=opened, side="buy", confidence=0.5, reason="x", close="1"
    ) if signal else None  # fmt: skip
    return Outcome.objects.create(
        **key, signal=made, trade_id=uuid4(), mode="paper", opened_at=opened, closed_at=opened + timedelta(hours=1),
        return_net=value, close_reason="x",
    )  # fmt: skip


def test_outcomes_count_in_the_regime_at_their_signal(history):
    lanes = lanes_compute(history, INDICATORS)
    regime = regimes_of(lanes, scores_of(lanes)).regime[2]
    first, second = (int(np.flatnonzero(regime == code)[-1]) for code in (1, 2))
    outcome(history, "C2/USDT", first, 0.02)
    outcome(history, "C2/USDT", second, -0.01)
    outcome(history, "C2/USDT", 5, 0.5)
    outcome(history, "C2/USDT", first, 0.5, signal=False)
    found = xray_measure(**MARKET)
    assert (found.symbols, found.outcomes, found.unplaced, found.failures) == (6, 4, 2, [])
    rows = RegimeResult.objects.filter(source="outcomes").values_list("regime", "trades", "mean", "won")
    assert sorted(rows) == sorted([(REGIMES[1], 1, 0.02, 1), (REGIMES[2], 1, -0.01, 0)])


def test_the_backtest_is_what_trades_by_hand_paid(history):
    Strategy.objects.exclude(kind="ma_cross").update(enabled=False)
    versions_forget()
    xray_measure(**MARKET)
    version = Strategy.objects.get(kind="ma_cross")
    fast, slow = (f"sma_{int(version.parameters[name])}" for name in ("fast", "slow"))
    total: dict[int, list[float]] = {}
    from signals.domain.strategies import strategy_of

    rules = strategy_of("ma_cross")
    lanes = lanes_compute(history, [*rules.indicators(version.parameters), *INDICATORS])
    regimes = regimes_of(lanes, scores_of(lanes)).regime
    assert {fast, slow} <= set(lanes.columns)
    side = rules.decide(lanes, version.parameters).side
    for lane in range(6):
        entry = None
        for at in range(history.close.shape[1] - 1):
            price = history.open[lane, at + 1]
            if entry is None and side[lane, at] == 1:
                entry = (price, int(regimes[lane, at]))
            elif entry is not None and side[lane, at] == -1:
                total.setdefault(entry[1], []).append(price / entry[0] * 0.999 * 0.999 - 1)
                entry = None
    total.pop(0, None)
    rows = {row.regime: row for row in RegimeResult.objects.filter(strategy=version)}
    assert {row.source for row in rows.values()} == {"backtest"} and len(rows) > 2
    assert {name: row.trades for name, row in rows.items()} == {REGIMES[one]: len(v) for one, v in total.items()}
    for one, values in total.items():
        assert rows[REGIMES[one]].mean == pytest.approx(np.mean(values), rel=1e-12)
        assert rows[REGIMES[one]].won == sum(value > 0 for value in values)


def test_measuring_again_replaces_what_was_measured(history):
    tasks.xray_measure()
    before = sorted(RegimeResult.objects.values_list("regime", "strategy", "source", "trades", "mean"))
    xray_measure(**MARKET)
    assert before and before == sorted(
        RegimeResult.objects.values_list("regime", "strategy", "source", "trades", "mean")
    )


def test_a_market_is_measured_at_once_and_then_once_a_day(history):
    tasks.xray_measure()
    first = set(RegimeResult.objects.values_list("pk", flat=True))
    tasks.xray_measure()
    assert first and first == set(RegimeResult.objects.values_list("pk", flat=True))
    RegimeResult.objects.update(measured_at=now() - timedelta(hours=25))
    tasks.xray_measure()
    assert not first & set(RegimeResult.objects.values_list("pk", flat=True))


def test_a_strategy_that_fails_is_told_and_the_others_are_measured(history, monkeypatch):
    from signals.domain.strategies import REGISTRY

    monkeypatch.setattr(REGISTRY["ma_cross"], "decide", lambda *_args: 1 / 0)
    found = xray_measure(**MARKET)
    assert len(found.failures) == 1 and "division" in found.failures[0]
    kinds = set(RegimeResult.objects.values_list("strategy__kind", flat=True))
    assert len(kinds) > 2 and "ma_cross" not in kinds


def test_a_damaged_file_costs_only_its_symbol(history, settings):
    next((settings.VAR_DIR / "candles/binance/1m/C1_USDT").glob("*.parquet")).write_bytes(b"no")
    found = xray_measure(**MARKET)
    assert found.symbols == 5 and "damaged" in found.failures[0]


def told(*given: str) -> list[dict]:
    out = StringIO()
    call_command("xray", *given, "--json", stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_the_command(history, at_candle):
    assert told("measure")[0]["symbols"] == 6
    with pytest.raises(CommandError, match="no X-ray of binance 1m yet"):
        call_command("xray")
    opened, clock = at_candle(1100)
    with clock:
        scan_run(**MARKET, candle_open_time=opened)
        xray_update(**MARKET, candle_open_ms=int(history.open_time_ms[1100]))
    rows = told()
    assert len(rows) == 6 and {"symbol", "regime", "trend", "potential", "strategy_note"} <= rows[0].keys()
    assert [row["potential"] for row in rows] == sorted((row["potential"] for row in rows), reverse=True)
    past = told("--history", "c0/usdt")
    assert len(past) > 300 and past[-1]["candle_open_time"] == opened.isoformat()
    out = StringIO()
    call_command("xray", stdout=out)
    call_command("xray", "--history", "C0/USDT", stdout=out)
    assert "C0/USDT" in out.getvalue() and "trend" in out.getvalue()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--exchange", "mtgox"], "Unknown exchange"),
        (["--timeframe", "7m"], "is not scanned"),
        (["--history", "NO/USDT"], "lists no NO/USDT"),
        (["--history", "C0/USDT"], "no X-ray history"),
        (["measure", "--candles", "3"], "--candles"),
    ],
)
def test_wrong_arguments(history, given, words):
    with pytest.raises(CommandError, match=words):
        call_command("xray", *given)
