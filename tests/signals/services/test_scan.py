from datetime import timedelta

import ccxt
import numpy as np
import pytest

from accounts.clock import clock_set, now
from accounts.exchanges.errors import ExchangeRetry
from signals import listeners, sources
from signals.candles import store
from signals.candles.feed import candles_put
from signals.domain.timeframes import open_ms
from signals.models import CandleSeries, Scan, Signal, Strategy
from signals.services import scan as scan_service
from signals.services.candles import history_flush, windows_forget
from signals.services.scan import CATCH_UP, lanes_late_scan, scan_claim, scan_run
from signals.services.signals import COLUMNS
from signals.sources import SignalDraft

pytestmark = pytest.mark.django_db(transaction=True)
MARKET = {"exchange": "binance", "timeframe": "1m"}


def run(at_candle, number: int):
    opened, clock = at_candle(number)
    with clock:
        return scan_run(**MARKET, candle_open_time=opened)


class Planted:
    """A source that says one thing of each named symbol at the newest candle."""

    name = "planted"

    def __init__(self, *symbols: str) -> None:
        self.symbols, self.contexts = symbols, []

    def drafts(self, context):
        self.contexts.append(context)
        strategy = Strategy.objects.first()
        row = {symbol: at for at, symbol in enumerate(context.symbols)}
        there = [s for s in self.symbols if s in row and not np.isnan(context.matrix.close[row[s], -1])]
        return [SignalDraft(symbol, strategy.pk, "buy", 0.5, "planted", {"x": 1}) for symbol in there]


@pytest.fixture
def planted():
    source = Planted("C0/USDT", "C1/USDT", "NO/USDT")
    sources.register(source)
    yield source
    sources.unregister("planted")


def test_a_first_scan_fills_the_page_and_tells_only_of_the_newest(market, at_candle, planted):
    told = []
    listeners.on_signals(lambda scan, ids: told.append((scan.status, ids)))
    scan = run(at_candle, 1100)
    assert scan.status == Scan.Status.DONE and scan.instruments == 6 and scan.late == 0
    times = set(Signal.objects.values_list("candle_open_time", flat=True))
    assert min(times) >= scan.candle_open_time - timedelta(minutes=CATCH_UP - 1)
    assert len(times) > 5 and scan.signals == Signal.objects.count()
    newest = Signal.objects.filter(candle_open_time=scan.candle_open_time)
    assert told == [("done", sorted(newest.values_list("pk", flat=True)))]
    one = newest.get(instrument__symbol="C0/USDT", reason="planted")
    assert float(one.close) == market.matrix.close[0, 1100] and one.inputs == {"x": 1}


def test_a_done_scan_is_not_run_again(market, at_candle, planted):
    assert run(at_candle, 1100) is not None
    asked = len(market.asked)
    assert run(at_candle, 1100) is None
    assert len(market.asked) == asked and len(planted.contexts) == 1


def test_the_next_candle_asks_only_for_what_is_new(market, at_candle):
    run(at_candle, 1100)
    market.asked.clear()
    run(at_candle, 1101)
    candle = int(market.matrix.open_time_ms[1101])
    assert {(since, limit) for _, since, limit in market.asked} == {(candle, 2)}
    run(at_candle, 1105)
    assert Scan.objects.count() == 3


def test_candles_of_the_websocket_are_not_asked_for(market, at_candle):
    run(at_candle, 1100)
    market.asked.clear()
    matrix, candle = market.matrix, int(market.matrix.open_time_ms[1101])
    fields = ("open", "high", "low", "close", "volume")
    rows = {
        s: [candle, *(float(getattr(matrix, f)[n, 1101]) for f in fields)] for n, s in enumerate(matrix.symbols[:4])
    }
    candles_put("binance", "1m", candle, rows)
    run(at_candle, 1101)
    assert {symbol for symbol, *_ in market.asked} == {"C4/USDT", "C5/USDT"}


def test_scans_that_were_missed_are_caught_up_for_the_record(market, at_candle, planted):
    run(at_candle, 1100)
    run(at_candle, 1108)
    assert planted.contexts[-1].since_ms == int(market.matrix.open_time_ms[1101])


def test_the_same_signals_whether_scanned_at_once_or_one_by_one(market, at_candle):
    Strategy.objects.create(name="Aggregate", kind="aggregate", enabled=False)  # its cooldowns depend on the first scan
    for number in range(1100, 1112):
        run(at_candle, number)
    columns = ("instrument_id", "strategy_id", "candle_open_time", "side", "confidence", "reason")
    stepwise = set(Signal.objects.values_list(*columns))
    Signal.objects.all().delete()
    Scan.objects.all().delete()
    windows_forget()
    run(at_candle, 1111)
    at_once = set(Signal.objects.values_list(*columns))

    earliest = min(row[2] for row in at_once)

    def rounded(rows):
        return {(*row[:4], round(row[4], 9), row[5]) for row in rows if row[2] >= earliest}

    assert len(at_once) > 20 and rounded(stepwise) == rounded(at_once)


def test_two_callers_one_scan(market, at_candle):
    opened, clock = at_candle(1100)
    with clock:
        assert scan_claim(**MARKET, candle_open_time=opened) is not None
        assert scan_claim(**MARKET, candle_open_time=opened) is None
        assert scan_run(**MARKET, candle_open_time=opened) is None


def test_a_killed_scan_is_taken_over_after_a_minute(market, at_candle):
    opened, clock = at_candle(1100)
    with clock:
        first = scan_claim(**MARKET, candle_open_time=opened)
        later = now() + timedelta(seconds=61)
    with clock_set(lambda: later):
        scan = scan_run(**MARKET, candle_open_time=opened)
    assert scan.pk == first.pk and scan.status == Scan.Status.DONE


def test_a_worker_that_lost_its_scan_does_not_overwrite_it(market, at_candle, monkeypatch):
    opened, clock = at_candle(1100)

    def stolen(scan, symbols):
        Scan.objects.filter(pk=scan.pk).update(started_at=scan.started_at + timedelta(seconds=90))
        return original(scan, symbols)

    original = scan_service._candles
    monkeypatch.setattr(scan_service, "_candles", stolen)
    with clock:
        scan_run(**MARKET, candle_open_time=opened)
    assert Scan.objects.get().status == Scan.Status.RUNNING


def test_a_source_that_raises_is_reported_and_the_others_go_on(market, at_candle, planted):
    class Broken:
        name = "broken"

        def drafts(self, _context):
            raise RuntimeError("model file is gone")

    sources.register(Broken())
    try:
        scan = run(at_candle, 1100)
    finally:
        sources.unregister("broken")
    assert scan.status == Scan.Status.DONE and scan.error == "broken: model file is gone"
    assert Signal.objects.filter(reason="planted").count() == 2


def test_a_listener_that_raises_harms_nobody(market, at_candle, planted):
    told = []

    def raising(*_):
        raise RuntimeError

    listeners.on_signals(raising)
    listeners.on_signals(lambda _scan, ids: told.append(ids))
    assert run(at_candle, 1100).status == Scan.Status.DONE and told


def test_late_lanes_are_counted_and_scanned_alone(market, at_candle, planted):
    told = []
    listeners.on_signals(lambda _scan, ids: told.append(len(ids)))
    run(at_candle, 1100)
    candle = int(market.matrix.open_time_ms[1101])
    market.hidden.add(("C1/USDT", candle))
    market.broken["C2/USDT"] = ccxt.RequestTimeout("slow")
    scan = run(at_candle, 1101)
    assert scan.late == 2 and scan.status == Scan.Status.DONE
    assert not Signal.objects.filter(candle_open_time=scan.candle_open_time, instrument__symbol="C1/USDT").exists()
    market.hidden.clear()
    _, clock = at_candle(1101)
    with clock:
        assert lanes_late_scan(scan_id=scan.pk) == 1
    assert Signal.objects.filter(
        candle_open_time=scan.candle_open_time, instrument__symbol="C1/USDT", reason="planted"
    ).exists()
    assert Scan.objects.get(pk=scan.pk).late == 1 and len(told) == 3


def test_an_unreachable_exchange_fails_the_scan_and_it_may_run_again(market, at_candle):
    for symbol in market.matrix.symbols:
        market.broken[symbol] = ccxt.NetworkError("no route")
    opened, clock = at_candle(1100)
    with clock, pytest.raises(ExchangeRetry, match="No candles from binance"):
        scan_run(**MARKET, candle_open_time=opened)
    failed = Scan.objects.get()
    assert failed.status == Scan.Status.FAILED and "No candles" in failed.error
    market.broken.clear()
    assert run(at_candle, 1100).status == Scan.Status.DONE


def test_holes_are_repaired_and_a_bad_lane_harms_no_other(market, at_candle):
    market.hidden.update(("C3/USDT", int(market.matrix.open_time_ms[n])) for n in (1000, 1001))
    market.matrix.close[4, 1090] = -1.0
    run(at_candle, 1100)
    market.hidden.clear()
    windows_forget()
    run(at_candle, 1101)
    read = store.matrix_read(**MARKET, symbols=market.matrix.symbols, limit=500)
    assert not np.isnan(read.close[3]).any()
    assert not Signal.objects.filter(
        instrument__symbol="C4/USDT", candle_open_time__gte=run_time(market, 1090)
    ).exists()
    assert Signal.objects.exclude(instrument__symbol="C4/USDT").exists()


def run_time(market, number: int):
    from signals.domain.timeframes import open_time

    return open_time(int(market.matrix.open_time_ms[number]))


def test_history_survives_a_restart_and_is_written_once(market, at_candle):
    run(at_candle, 1100)
    assert history_flush(**MARKET) == 6
    assert history_flush(**MARKET) == 0
    series = CandleSeries.objects.get(instrument__symbol="C0/USDT")
    assert (series.rows, series.gaps, open_ms(series.last_open)) == (1000, 0, int(market.matrix.open_time_ms[1100]))
    windows_forget()
    market.asked.clear()
    run(at_candle, 1103)
    assert {limit for *_, limit in market.asked} == {4}
    assert history_flush(**MARKET, everything=True) == 6
    series.refresh_from_db()
    assert series.rows == 1003
    read = store.history_read(**MARKET, symbol="C0/USDT")
    np.testing.assert_array_equal(read.close, market.matrix.close[0, 101:1104])


def test_old_signals_are_never_announced(market, at_candle, planted):
    told = []
    listeners.on_signals(lambda *given: told.append(given))
    opened, _ = at_candle(1100)
    with clock_set(lambda: opened + timedelta(minutes=10)):
        scan_run(**MARKET, candle_open_time=opened)
    assert Signal.objects.filter(candle_open_time=opened).exists() and not told


def test_nonsense_is_refused(market, at_candle):
    opened, clock = at_candle(1100)
    with clock:
        with pytest.raises(ValueError, match="not closed"):
            scan_run(**MARKET, candle_open_time=opened + timedelta(minutes=1))
        with pytest.raises(ValueError, match="not the open time"):
            scan_run(**MARKET, candle_open_time=opened + timedelta(seconds=1))
        with pytest.raises(ValueError, match="Allowed: 1m"):
            scan_run(exchange="binance", timeframe="7m", candle_open_time=opened)
    assert Scan.objects.count() == 0


def test_nothing_selected_is_no_scan(db, exchange, at_candle):
    assert run(at_candle, 1100) is None and Scan.objects.count() == 0


def test_a_broken_version_is_left_out(market, at_candle):
    Strategy.objects.filter(kind="ma_cross").update(parameters={"fast": 90, "slow": 3})
    run(at_candle, 1100)
    kinds = set(Signal.objects.values_list("strategy__kind", flat=True))
    assert "ma_cross" not in kinds and "bollinger_breakout" in kinds


def test_a_row_is_made_in_the_order_of_its_columns():
    assert tuple(field.attname for field in Signal._meta.concrete_fields) == COLUMNS
