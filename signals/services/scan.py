"""The scan: one pass over all selected instruments of an exchange and timeframe for one closed candle.

Claim -> candles -> sources -> signals stored once -> listeners after commit. Whatever is repeated, delayed or killed,
a candle is scanned once: the Scan row is the claim.
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.clock import now
from signals import listeners
from signals.domain.timeframes import open_ms, timeframe_ms
from signals.models import Scan
from signals.scan.backend import CPU
from signals.selectors import symbols_selected
from signals.services.candles import WindowUpdate, window_keep, window_update
from signals.services.provenance import prints_renew
from signals.services.signals import signals_store
from signals.sources import ScanContext, SignalDraft, sources

STALE_AFTER = timedelta(seconds=60)  # a RUNNING scan older than this belongs to a process that was killed
CATCH_UP = 30  # closed candles whose signals are computed (not traded) when the scans before them are missing
CLOCK_ERROR = timedelta(seconds=5)
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Findings:
    """What the sources said, and which of them failed."""

    drafts: list[SignalDraft] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    kernel_ms: float = 0.0


def scan_run(*, exchange: str, timeframe: str, candle_open_time: datetime) -> Scan | None:
    """Scan one closed candle; None when it is done already, being done, or no instrument is selected.

    Signals of the newest candle go to `signals.listeners` after commit. Up to CATCH_UP earlier candles that no scan
    has covered get their signals too, for the record only.

    Raises:
        ValueError: the candle is off the grid or has not closed.
        ExchangeError: no candles could be had; the scan is FAILED and may be run again.

    """
    _candle_check(timeframe, candle_open_time)
    symbols = symbols_selected(exchange=exchange)
    if not symbols:
        log.warning("Nothing to scan on %s: no instrument is selected yet.", exchange)
        return None
    scan = scan_claim(exchange=exchange, timeframe=timeframe, candle_open_time=candle_open_time)
    if scan is None:
        return None
    try:
        return _scanned(scan, symbols)
    except Exception as error:
        Scan.objects.filter(pk=scan.pk, started_at=scan.started_at).update(
            status=Scan.Status.FAILED, error=str(error)[:400], finished_at=now()
        )
        raise


def scan_claim(*, exchange: str, timeframe: str, candle_open_time: datetime) -> Scan | None:
    """The Scan row, owned by the caller; None when another has it. FAILED and stale RUNNING ones are taken over."""
    key = {"exchange": exchange, "timeframe": timeframe, "candle_open_time": candle_open_time}
    try:
        with transaction.atomic():
            return Scan.objects.create(**key, started_at=now())
    except IntegrityError:
        moment = now()
    stale = Q(status=Scan.Status.RUNNING, started_at__lt=moment - STALE_AFTER) | Q(status=Scan.Status.FAILED)
    taken = Scan.objects.filter(stale, **key).update(status=Scan.Status.RUNNING, started_at=moment, error="")
    return Scan.objects.get(**key) if taken else None


def lanes_late_scan(*, scan_id: int) -> int:
    """Scan alone the lanes whose candle had not arrived in a done scan. Returns how many are late still."""
    scan = Scan.objects.get(pk=scan_id)
    if scan.status != Scan.Status.DONE or not scan.late:
        return scan.late
    candle_ms = open_ms(scan.candle_open_time)
    update = _candles(scan, symbols_selected(exchange=scan.exchange))
    if len(update.late) < scan.late:
        findings = _asked(scan, update, candle_ms)
        _store(scan, update, findings, candle_ms)
    Scan.objects.filter(pk=scan.pk).update(late=len(update.late))
    window_keep(exchange=scan.exchange, timeframe=scan.timeframe)
    return len(update.late)


def _candle_check(timeframe: str, candle_open_time: datetime) -> None:
    step = timeframe_ms(timeframe)
    if open_ms(candle_open_time) % step:
        raise ValueError(f"{candle_open_time} is not the open time of a {timeframe} candle.")
    if candle_open_time + timedelta(milliseconds=step) > now() + CLOCK_ERROR:
        raise ValueError(f"The {timeframe} candle of {candle_open_time} has not closed yet.")


def _scanned(scan: Scan, symbols: list[str]) -> Scan:
    since_ms = _since_ms(scan)
    update = _candles(scan, symbols)
    findings = _asked(scan, update, since_ms)
    began = time.monotonic()
    with transaction.atomic():
        scan.signals, scan.refused = _store(scan, update, findings, since_ms)
        if not _finish(scan, update, findings, len(symbols), began):
            log.warning("%s was taken over by another worker; its signals are stored once.", scan)
    window_keep(exchange=scan.exchange, timeframe=scan.timeframe)
    return scan


def _candles(scan: Scan, symbols: list[str]) -> WindowUpdate:
    update = window_update(
        exchange=scan.exchange,
        timeframe=scan.timeframe,
        candle_open_ms=open_ms(scan.candle_open_time),
        symbols=symbols,
    )
    prints_renew(exchange=scan.exchange, timeframe=scan.timeframe, symbols=update.touched)
    return update


def _since_ms(scan: Scan) -> int:
    """Open time of the first candle to compute: the one after the last done scan, at most CATCH_UP - 1 back."""
    candle_ms, step = open_ms(scan.candle_open_time), timeframe_ms(scan.timeframe)
    earliest = candle_ms - (CATCH_UP - 1) * step
    done = Scan.objects.filter(exchange=scan.exchange, timeframe=scan.timeframe, status=Scan.Status.DONE)
    newest = done.order_by("-candle_open_time").values_list("candle_open_time", flat=True).first()
    if newest is None:
        return earliest
    return min(candle_ms, max(earliest, open_ms(newest) + step))


def _asked(scan: Scan, update: WindowUpdate, since_ms: int) -> Findings:
    """Ask every source; one that raises is reported and the others go on."""
    matrix = update.matrix
    context = ScanContext(
        scan.exchange, scan.timeframe, scan.candle_open_time, matrix.symbols, matrix, since_ms, update.touched
    )
    findings, began = Findings(), time.monotonic()
    for source in sources():
        try:
            findings.drafts += source.drafts(context)
        except Exception as error:
            log.exception("The signal source %s failed; the others go on.", source.name)
            findings.failures.append(f"{source.name}: {error}")
    findings.kernel_ms = (time.monotonic() - began) * 1000
    return findings


def _store(scan: Scan, update: WindowUpdate, findings: Findings, since_ms: int) -> tuple[int, int]:
    """Store the drafts; after commit the ids of the newest candle's signals go to the listeners.

    Returns how many signals are new, and how many were refused.
    """
    with transaction.atomic():
        stored = signals_store(scan=scan, matrix=update.matrix, drafts=findings.drafts, since_ms=since_ms)
        if stored.newest_ids and _still_newest(scan):
            transaction.on_commit(partial(listeners.signals_announce, scan, stored.newest_ids))
    return stored.created, stored.refused


def _still_newest(scan: Scan) -> bool:
    """Whether no later candle has closed since: older signals are kept for the record, never traded."""
    step = timedelta(milliseconds=timeframe_ms(scan.timeframe))
    return now() < scan.candle_open_time + 2 * step + CLOCK_ERROR


def _finish(scan: Scan, update: WindowUpdate, found: Findings, instruments: int, began: float) -> bool:
    scan.status, scan.finished_at, scan.error = Scan.Status.DONE, now(), "; ".join(found.failures)[:400]
    scan.instruments, scan.late = instruments, len(update.late)
    scan.backend = "+".join(sorted({draft.backend for draft in found.drafts})) or CPU
    scan.fetch_ms, scan.kernel_ms = round(update.fetch_ms, 3), round(found.kernel_ms, 3)
    scan.store_ms = round((time.monotonic() - began) * 1000, 3)
    names = (
        "status",
        "finished_at",
        "error",
        "backend",
        "instruments",
        "late",
        "signals",
        "refused",
        "fetch_ms",
        "kernel_ms",
        "store_ms",
    )
    owned = Scan.objects.filter(pk=scan.pk, started_at=scan.started_at)
    return owned.update(**{name: getattr(scan, name) for name in names}) == 1
