"""The X-ray of a market that is scanned candle by candle: rows, history, and that it harms no scan."""

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from signals import listeners, tasks, xray_history
from signals.domain.timeframes import open_time
from signals.models import Instrument, RegimeResult, Scan, Strategy, SymbolXray
from signals.services.scan import scan_run
from signals.services.xray import xray_update

pytestmark = pytest.mark.django_db(transaction=True)
MARKET = {"exchange": "binance", "timeframe": "1m"}


@pytest.fixture
def step(market, at_candle):
    """Scan candle number n and X-ray it; gives how many rows were written."""

    def go(number: int) -> int:
        opened, clock = at_candle(number)
        with clock:
            scan_run(**MARKET, candle_open_time=opened)
            return xray_update(**MARKET, candle_open_ms=int(market.matrix.open_time_ms[number]))

    return go


def stored(symbol: str) -> SymbolXray:
    return SymbolXray.objects.get(instrument__symbol=symbol)


def history(symbol: str = "C0/USDT", **given) -> list[dict]:
    return xray_history.history_read(**MARKET, symbol=symbol, **{"limit": 10_000, **given})


def test_rows_are_made_once_a_candle_and_follow_it(market, step):
    assert [step(1100), step(1100)] == [6, 0]
    first = {row.instrument_id: row.public_id for row in SymbolXray.objects.all()}
    assert step(1101) == 6
    assert {row.instrument_id: row.public_id for row in SymbolXray.objects.all()} == first
    one = stored("C0/USDT")
    assert one.candle_open_time == open_time(int(market.matrix.open_time_ms[1101]))
    assert -1 <= one.trend <= 1 and 0 <= one.volatility <= 1 and one.regime != "unknown"
    assert one.liquidity == 0.0 and 0 <= one.potential <= 1 and one.regime_since <= one.candle_open_time
    assert one.strategy is None and "No trades" in one.strategy_note


def test_an_older_candle_overwrites_nothing(market, step):
    step(1101)
    assert xray_update(**MARKET, candle_open_ms=int(market.matrix.open_time_ms[1100])) == 0
    assert xray_update(**MARKET, candle_open_ms=int(market.matrix.open_time_ms[1105])) == 0
    assert stored("C0/USDT").candle_open_time == open_time(int(market.matrix.open_time_ms[1101]))


def test_history_grows_and_says_what_the_rows_said(market, step):
    said = {}
    for number in range(1100, 1113):
        step(number)
        one = stored("C3/USDT")
        said[int(market.matrix.open_time_ms[number])] = (one.regime, one.trend, one.volatility)
    rows = history("C3/USDT")
    kept = {row["open_time_ms"]: row for row in rows}
    assert len(rows) == len(kept) > 500 and rows == sorted(rows, key=lambda row: row["open_time_ms"])
    assert max(kept) == int(market.matrix.open_time_ms[1110])
    for at in sorted(set(said) & set(kept)):
        row, (regime, trend, volatility) = kept[at], said[at]
        assert row["regime"] == regime
        assert (row["trend"], row["volatility"]) == pytest.approx((trend, volatility), abs=1e-4)
    part = history("C3/USDT", since_ms=rows[-5]["open_time_ms"], until_ms=rows[-1]["open_time_ms"], limit=3)
    assert part == rows[-4:-1]


def test_a_regime_began_when_it_was_first_seen(market, step):
    for number in range(1100, 1130):
        step(number)
    rows = history("C2/USDT")
    one = stored("C2/USDT")
    before = [row for row in rows if open_time(row["open_time_ms"]) < one.regime_since]
    during = [row for row in rows if open_time(row["open_time_ms"]) >= one.regime_since]
    assert all(row["regime"] == one.regime for row in during)
    assert before[-1]["regime"] != one.regime


def test_a_late_lane_keeps_its_row_until_its_candle_comes(market, step, at_candle):
    step(1100)
    candle = int(market.matrix.open_time_ms[1101])
    market.hidden.add(("C1/USDT", candle))
    assert step(1101) == 5
    assert stored("C1/USDT").candle_open_time == open_time(int(market.matrix.open_time_ms[1100]))
    market.hidden.clear()
    _, clock = at_candle(1101)
    with clock:
        tasks.scan_late.run(Scan.objects.first().pk)
        tasks.xray_late(Scan.objects.first().pk)
    assert stored("C1/USDT").candle_open_time == open_time(candle)


def test_a_young_symbol_is_unknown_and_harms_no_other(market, step):
    for name in ("open", "high", "low", "close", "volume"):
        getattr(market.matrix, name)[4, :1099] = np.nan
    assert step(1100) == 6
    young = stored("C4/USDT")
    assert (young.regime, young.trend, young.potential) == ("unknown", None, None)
    assert young.strategy_note == "The regime is not known." and stored("C5/USDT").regime != "unknown"
    assert history("C4/USDT") == [] and history("C5/USDT")


def test_few_queries(market, step, at_candle):
    step(1100)
    opened, clock = at_candle(1101)
    with clock:
        scan_run(**MARKET, candle_open_time=opened)
        with CaptureQueriesContext(
            connection,
        ) as seen:
            xray_update(**MARKET, candle_open_ms=int(market.matrix.open_time_ms[1101]))
    assert len([one for one in seen if "signals_" in one["sql"]]) == 4


def test_the_strategy_that_paid_best_in_the_regime(market, step):
    step(1100)
    regime = stored("C0/USDT").regime
    good, poor, off = Strategy.objects.order_by("pk")[:3]
    Strategy.objects.filter(pk=off.pk).update(enabled=False)
    for strategy, mean in ((good, 0.004), (poor, 0.001), (off, 0.09)):
        RegimeResult.objects.create(**MARKET, regime=regime, strategy=strategy, source="outcomes", trades=90,
                                    mean=mean, won=50)  # fmt: skip
    step(1101)
    one = SymbolXray.objects.filter(regime=regime, strategy__isnull=False).first()
    assert (one.strategy, one.strategy_trades, one.strategy_mean, one.strategy_note) == (good, 90, 0.004, "")


def test_a_failing_x_ray_harms_no_scan(market, at_candle, monkeypatch):
    told, order = [], []
    monkeypatch.setattr("signals.services.xray.picture_of", lambda *_args: 1 / 0)
    listeners.on_signals(lambda scan, ids: told.append(ids) or order.append("signals"))
    monkeypatch.setattr(tasks.xray_follow, "delay", lambda *given: order.append(given))
    candle = int(market.matrix.open_time_ms[1100])
    _, clock = at_candle(1100)
    with clock:
        tasks.scan_candle.run("binance", "1m", candle)
    assert order == ["signals", ("binance", "1m", candle)] and told[0]
    assert Scan.objects.get().status == "done" and Scan.objects.get().error == ""
    with pytest.raises(ZeroDivisionError):
        tasks.xray_follow("binance", "1m", candle)
    assert not SymbolXray.objects.exists()


def test_a_damaged_day_is_made_again_from_the_window(market, step):
    step(1100)
    path = next(xray_history.folder("binance", "1m").glob("*.parquet"))
    path.write_bytes(b"PAR1 no")
    step(1101)
    assert len(history()) > 300


def test_old_days_are_removed(market, step):
    step(1100)
    old = xray_history.folder("binance", "1m") / "2023-01-01.parquet"
    old.write_bytes(b"")
    for number in range(1101, 1107):
        step(number)
    assert not old.exists() and history()


def test_a_symbol_that_left_the_scan_has_no_row_any_more(market, step):
    other = SymbolXray.objects.create(
        instrument=Instrument.objects.get(symbol="C5/USDT"), timeframe="5m",
        candle_open_time=open_time(0), regime_since=open_time(0),
    )  # fmt: skip
    assert step(1100) == 6
    Instrument.objects.filter(symbol="C5/USDT").update(selected=False)
    assert step(1101) == 5
    left = SymbolXray.objects.filter(instrument__symbol="C5/USDT")
    assert [row.pk for row in left] == [other.pk]
    assert history("C5/USDT")
