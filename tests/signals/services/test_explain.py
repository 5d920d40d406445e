"""Every stored signal comes out again bit for bit, whatever came late or corrected; what has changed since is told."""

import io
import json

import numpy as np
import pytest
from django.core.management import call_command

from signals import sources
from signals.candles import store
from signals.models import CandleSeries, Signal
from signals.scan import backend, pass_gpu
from signals.scan.cuda import host
from signals.services.candles import history_flush, windows_forget
from signals.services.explain import ALL_SAME, signal_explain
from signals.services.provenance import prints_forget
from signals.services.scan import lanes_late_scan, scan_run
from signals.strategy_source import StrategySource
from tests.signals.scan.fake_cupy import FakeCupy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
MARKET = {"exchange": "binance", "timeframe": "1m"}


def run(at_candle, number: int):
    opened, clock = at_candle(number)
    with clock:
        scan = scan_run(**MARKET, candle_open_time=opened)
        if scan.late:
            lanes_late_scan(scan_id=scan.pk)
    history_flush(**MARKET)
    return scan


def restart() -> None:
    """A worker that is started anew: its windows, lanes and hashes are gone."""
    windows_forget()
    prints_forget()
    sources.register(StrategySource())


def explained() -> list:
    return [signal_explain(signal=row) for row in Signal.objects.select_related("instrument", "strategy")]


def asked(*args) -> tuple[int, str]:
    out = io.StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("explain_signal", *map(str, args), stdout=out, stderr=io.StringIO())
    return left.value.code, out.getvalue()


def test_every_signal_comes_out_again(market, at_candle):
    times, matrix = market.matrix.open_time_ms, market.matrix
    run(at_candle, 1100)
    for number in range(1101, 1150):
        if number == 1105:
            market.hidden.add(("C1/USDT", int(times[1105])))
        if number == 1108:
            market.hidden.clear()  # three candles late
        if number == 1115:
            matrix.close[2, 1112] *= 1.001  # corrected, and asked for again since the next one is hidden
            matrix.high[2, 1112] *= 1.002
            market.hidden.add(("C2/USDT", int(times[1115])))
        if number == 1116:
            market.hidden.clear()
        if number == 1125:
            history_flush(**MARKET, everything=True)
            restart()
        if number == 1130:
            matrix.close[3, 1130] = -1.0  # unusable: the lane begins anew
        run(at_candle, number)
    told = explained()
    assert [one.differences for one in told if not one.same] == []
    kinds = {one.signal["kind"] for one in told}
    assert kinds >= {"ma_cross", "bollinger_breakout", "macd_trend", "trend", "aggregate"} and len(told) > 100
    assert any("larger_from_ms" in one.stored for one in told)
    assert len({one.candles["anchor"] for one in told}) > 3


def test_a_lane_older_than_the_window_keeps_its_anchor(market, at_candle, monkeypatch):
    monkeypatch.setattr("signals.candles.window.CandleWindow.__init__.__defaults__", (320,))
    for number in range(700, 730):
        run(at_candle, number)
    first = Signal.objects.filter(strategy__kind="bollinger_breakout").latest("candle_open_time")
    for number in range(730, 1060):
        run(at_candle, number)
        if number % 50 == 0:
            history_flush(**MARKET, everything=True)
    last = Signal.objects.filter(strategy__kind="bollinger_breakout").latest("candle_open_time")
    assert last.inputs["anchor_ms"] == first.inputs["anchor_ms"] and last.provenance["candles"] > 600
    for row in Signal.objects.order_by("-candle_open_time")[:30]:
        assert signal_explain(signal=row).differences == []


def test_a_revised_candle_is_told(market, at_candle):
    run(at_candle, 1100)
    row = Signal.objects.filter(strategy__kind="ma_cross").latest("candle_open_time")
    code, text = asked(row.pk)
    assert code == 0 and text.rstrip().endswith(ALL_SAME)
    lane = market.matrix.symbols.index(row.instrument.symbol)
    market.matrix.close[lane, 1060] *= 1.01
    market.hidden.add((row.instrument.symbol, int(market.matrix.open_time_ms[1101])))
    windows = store.hot_read(**MARKET)
    values = np.stack([getattr(windows, name) for name in store.FIELDS]).copy()
    at = int(np.searchsorted(windows.open_time_ms, market.matrix.open_time_ms[1060]))
    values[3, windows.symbols.index(row.instrument.symbol), at] *= 1.01
    store.hot_write(**MARKET, matrix=type(windows)(windows.symbols, windows.open_time_ms, *values))
    CandleSeries.objects.update_or_create(instrument=row.instrument, timeframe="1m", defaults={"revision": 4})
    code, text = asked(row.public_id)
    assert code == 1 and "revision 0 then, 4 now" in text
    code, text = asked(row.public_id, "--json")
    told = json.loads(text)
    assert code == 1 and not told["same"] and told["candles"]["then"] != told["candles"]["now"]
    assert told["signal"]["id"] == str(row.public_id) and "sma_10" in told["values"]


def test_candles_that_are_gone_are_told(market, at_candle):
    run(at_candle, 1100)
    row = Signal.objects.filter(strategy__kind="ma_cross").latest("candle_open_time")
    hot = store.hot_read(**MARKET)
    store.hot_write(**MARKET, matrix=hot.upto(int(hot.open_time_ms[-50])))
    code, text = asked(row.pk)
    assert code == 1 and "are not stored now" in text


def test_a_changed_row_is_told_by_name(market, at_candle):
    run(at_candle, 1100)
    row = Signal.objects.filter(strategy__kind="aggregate").first()
    Signal.objects.filter(pk=row.pk).update(confidence=np.nextafter(row.confidence, 1.0))
    row.refresh_from_db()
    assert [line.split(":")[0] for line in signal_explain(signal=row).differences] == ["confidence"]
    voter = Signal.objects.get(public_id=row.votes[0]["signal"])
    Signal.objects.filter(pk=voter.pk).update(inputs={**voter.inputs, "close": 1.0})
    assert any(
        line.startswith("Vote of ") and "close: 1.0 stored" in line for line in signal_explain(signal=row).differences
    )


def test_no_such_signal_and_one_of_no_known_kind(market, at_candle):
    for given in ("99999999", "nonsense", "00000000-0000-0000-0000-000000000000"):
        assert asked(given) == (2, "")
    run(at_candle, 1100)
    row = Signal.objects.filter(strategy__kind="ma_cross").first()
    type(row.strategy).objects.filter(pk=row.strategy_id).update(kind="vanished")
    code, text = asked(row.pk)
    assert code == 1 and "kind 'vanished'" in text
    Signal.objects.filter(pk=row.pk).update(provenance={})
    assert "before candle hashes were kept" in asked(row.pk)[1]


@pytest.mark.skipif(host.compiler() is None, reason="needs a C++ compiler (g++)")
def test_a_signal_made_on_a_gpu_is_made_again_there(market, at_candle, monkeypatch):
    fake = FakeCupy()
    monkeypatch.setattr(pass_gpu, "cupy", lambda: fake)
    backend.backend_forget()
    try:
        scan = run(at_candle, 1100)  # the first: earlier candles are computed whole, the newest in lanes kept alive
        made = {row.backend: row for row in Signal.objects.exclude(strategy__kind="aggregate")}
        assert set(made) == {"cpu", "gpu"} and scan.backend == "cpu+gpu"
        launched = len(fake.launches)
        assert signal_explain(signal=made["gpu"]).same and len(fake.launches) > launched
        monkeypatch.setattr(pass_gpu, "cupy", _no_cupy)
        backend.backend_forget()
        told = signal_explain(signal=made["gpu"])
        assert told.differences == ["It was made on gpu, which is not here: made again on cpu."]
        assert told.again == told.stored
    finally:
        backend.backend_forget()


def _no_cupy():
    raise ImportError("No module named 'cupy'")
