"""Celery tasks of this room: each takes ids, calls one service and owns the retries. All may be delivered twice."""

import logging
from typing import Any

from celery import shared_task
from django.conf import settings

from accounts.clock import now_ms
from accounts.exchanges.errors import ExchangeError
from signals.domain.timeframes import last_closed_ms, open_ms, open_time

RETRIES = 3
RETRY_S = 4
LATE_S = 4
WATCHDOG_GRACE_MS = 15_000  # the streams wake a scan long before; after this the watchdog steps in
log = logging.getLogger(__name__)


@shared_task(bind=True, max_retries=RETRIES)
def scan_candle(self: Any, exchange: str, timeframe: str, candle_open_ms: int) -> None:
    """Scan one closed candle, keep its history, and see to the lanes that were late."""
    from signals.services.scan import scan_run

    try:
        scan = scan_run(exchange=exchange, timeframe=timeframe, candle_open_time=open_time(candle_open_ms))
    except ExchangeError as error:
        log.warning("The scan of %s %s will be tried again: %s", exchange, timeframe, error)
        if self.request.retries < self.max_retries:
            raise self.retry(countdown=RETRY_S, exc=error) from None
        return
    if scan is None:
        return
    log.info(
        "%s: %d signals of %d instruments, %d late; fetch %.0f ms, sources %.1f ms, store %.0f ms",
        scan, scan.signals, scan.instruments, scan.late, scan.fetch_ms, scan.kernel_ms, scan.store_ms,
    )  # fmt: skip
    if scan.late:
        scan_late.apply_async((scan.pk,), countdown=LATE_S)
    history_keep.delay(exchange, timeframe)
    xray_follow.delay(exchange, timeframe, candle_open_ms)


@shared_task(bind=True, max_retries=RETRIES)
def scan_late(self: Any, scan_id: int) -> None:
    """Scan the lanes that were late; after some tries they are left to the next candle."""
    from signals.services.scan import lanes_late_scan

    try:
        late = lanes_late_scan(scan_id=scan_id)
    except ExchangeError as error:
        log.warning("Late lanes of scan %d: %s", scan_id, error)
        late = 1
    if late and self.request.retries < self.max_retries:
        raise self.retry(countdown=LATE_S)
    xray_late.delay(scan_id)


@shared_task
def history_keep(exchange: str, timeframe: str) -> None:
    """Move candles that have waited long enough from the hot window to their month files."""
    from signals.services.candles import history_flush

    history_flush(exchange=exchange, timeframe=timeframe)


@shared_task
def xray_follow(exchange: str, timeframe: str, candle_open_ms: int) -> None:
    """The X-ray of a candle whose signals are out."""
    from signals.services.xray import xray_update

    xray_update(exchange=exchange, timeframe=timeframe, candle_open_ms=candle_open_ms)


@shared_task
def xray_late(scan_id: int) -> None:
    """The X-ray of the lanes that came late to a scan; the rows of the others are there and stay."""
    from signals.models import Scan
    from signals.services.xray import xray_update

    scan = Scan.objects.get(pk=scan_id)
    xray_update(exchange=scan.exchange, timeframe=scan.timeframe, candle_open_ms=open_ms(scan.candle_open_time))


@shared_task
def xray_measure() -> None:
    """What strategies have paid by regime, of every market that is scanned and was not measured for a day."""
    from signals.services import xray_measure as service

    for exchange in settings.XRAY_MARKET_EXCHANGES:
        for timeframe in settings.XRAY_TIMEFRAMES:
            if not service.xray_measure_due(exchange=exchange, timeframe=timeframe):
                continue
            found = service.xray_measure(exchange=exchange, timeframe=timeframe)
            log.info("%s %s: trades by regime of %d symbols measured.", exchange, timeframe, found.symbols)


@shared_task
def groups_measure() -> None:
    """Which coins move together, of every exchange that is scanned."""
    from signals.services import correlation

    for exchange in settings.XRAY_MARKET_EXCHANGES:
        changed = correlation.groups_measure(exchange=exchange)
        log.info("%s: %d instruments have another group of coins that move together.", exchange, changed)


@shared_task
def strategies_reload() -> None:
    """Read the strategies anew in the process that scans, so that a change made elsewhere is in force."""
    from signals.versions import versions_reload

    versions_reload()


@shared_task
def scan_watchdog() -> None:
    """Beat's watchdog: scan the last closed candle of every market when nobody has."""
    from signals.models import Scan

    for exchange in settings.XRAY_MARKET_EXCHANGES:
        for timeframe in settings.XRAY_TIMEFRAMES:
            candle_ms = last_closed_ms(now_ms(), timeframe, WATCHDOG_GRACE_MS)
            key = {"exchange": exchange, "timeframe": timeframe, "candle_open_time": open_time(candle_ms)}
            if not Scan.objects.filter(**key, status=Scan.Status.DONE).exists():
                scan_candle.delay(exchange, timeframe, candle_ms)


@shared_task
def markets_refresh(exchange: str = "") -> None:
    """Load the markets again and choose the symbols anew (of one exchange, or of all that are scanned)."""
    from signals.services.markets import markets_load
    from signals.services.selection import instruments_select

    for name in [exchange] if exchange else settings.XRAY_MARKET_EXCHANGES:
        try:
            markets_load(exchange=name, refresh=True)
            chosen = instruments_select(exchange=name)
            log.info("%s: %d instruments are scanned.", name, len(chosen))
        except ExchangeError as error:
            log.warning("The markets of %s were not refreshed: %s", name, error)


@shared_task
def custom_check(custom_id: int) -> None:
    """Check one version of a custom strategy and, where its file is followed, put it in force."""
    from signals.models import CustomStrategy
    from signals.services import custom as service

    custom = CustomStrategy.objects.filter(pk=custom_id).first()
    if custom is not None:
        service.custom_check(custom=custom)
        service.custom_follow(custom=custom)


@shared_task
def custom_folder_watch() -> None:
    """Offer what is new in the folder of custom strategies, and have it checked."""
    from signals.services.custom import folder_read

    for custom in folder_read():
        custom_check.delay(custom.pk)


@shared_task
def weights_learn() -> None:
    """Learn the weights of all sources from the closed trades."""
    from signals.services.weights import weights_learn as learn

    for exchange in settings.XRAY_MARKET_EXCHANGES:
        for timeframe in settings.XRAY_TIMEFRAMES:
            for row in learn(exchange=exchange, timeframe=timeframe):
                log.info("%s (%d closed trades)", row, row.samples)
