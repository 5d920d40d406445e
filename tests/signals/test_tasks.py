from datetime import timedelta

import pytest

from accounts.clock import clock_set
from signals import tasks
from signals.models import Scan, SymbolXray
from signals.services.scan import scan_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(monkeypatch, settings):
    settings.XRAY_MARKET_EXCHANGES, settings.XRAY_TIMEFRAMES = ["binance"], ["1m"]
    calls = []
    monkeypatch.setattr(tasks.scan_candle, "delay", lambda *given: calls.append(given))
    return calls


def test_the_watchdog_wakes_only_what_nobody_has_scanned(market, at_candle, sent):
    opened, clock = at_candle(1100)
    with clock_set(lambda: opened + timedelta(seconds=80)):
        tasks.scan_watchdog()
    assert sent == [("binance", "1m", int(market.matrix.open_time_ms[1100]))]
    with clock:
        scan_run(exchange="binance", timeframe="1m", candle_open_time=opened)
    with clock_set(lambda: opened + timedelta(seconds=80)):
        tasks.scan_watchdog()
    assert len(sent) == 1


def test_a_scan_sends_late_lanes_and_history_on(market, at_candle, monkeypatch):
    kept, late = [], []
    monkeypatch.setattr(tasks.history_keep, "delay", lambda *given: kept.append(given))
    monkeypatch.setattr(tasks.scan_late, "apply_async", lambda args, countdown: late.append((args, countdown)))
    candle = int(market.matrix.open_time_ms[1100])
    market.hidden.add(("C1/USDT", candle))
    _, clock = at_candle(1100)
    with clock:
        tasks.scan_candle("binance", "1m", candle)
        tasks.scan_candle("binance", "1m", candle)
    scan = Scan.objects.get()
    assert scan.late == 1 and kept == [("binance", "1m")] and late == [((scan.pk,), tasks.LATE_S)]


def test_history_keep_writes_month_files(market, at_candle, settings):
    _, clock = at_candle(1100)
    with clock:
        tasks.scan_candle.run("binance", "1m", int(market.matrix.open_time_ms[1100]))
    tasks.history_keep("binance", "1m")
    assert len(list(settings.VAR_DIR.glob("candles/binance/1m/*/*.parquet"))) == 6


def test_without_redis_the_streams_process_makes_the_x_ray_too(market, at_candle):
    from concurrent.futures import ThreadPoolExecutor

    from signals.management.commands.streams import Command

    class Here(ThreadPoolExecutor):
        def submit(self, work, *given):
            work(*given)

    _, clock = at_candle(1100)
    with clock:
        Command()._scanned_here(Here(1))("binance", "1m", int(market.matrix.open_time_ms[1100]))
    assert SymbolXray.objects.count() == 6


def test_the_x_ray_delays_no_scan_by_its_queue():
    from xray_site.celery import app

    names = ("xray_follow", "xray_late", "xray_measure", "scan_candle")
    queues = [app.amqp.router.route({}, f"signals.tasks.{name}")["queue"].name for name in names]
    assert queues == ["default", "default", "learning", "scan"]
