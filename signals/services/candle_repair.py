"""Check and repair of stored candle series: files against the rules, files against the manifest, holes."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from accounts.clock import now_ms
from signals.candles.audit import SET_ASIDE, Audit, series_audit
from signals.candles.files import candles_folder, series_lock, symbol_of
from signals.candles.holes import Range, candles_in, holes_of
from signals.candles.months import month_write
from signals.candles.store import months_write
from signals.domain.timeframes import TIMEFRAMES, last_closed_ms, open_ms, open_time, timeframe_ms
from signals.models import CandleHole, CandleSeries, Instrument
from signals.selectors import holes_known, series_of
from signals.services.series import holes_mark, series_describe

Refetch = Callable[[Instrument, str, list[Range]], str]  # returns why it failed, or nothing


@dataclass(slots=True)
class SeriesReport:
    """One series as `check` or `repair` found it; every time is an open time in UTC."""

    symbol: str
    exchange: str
    timeframe: str
    status: str = "good"
    rows: int = 0
    first: str = ""
    last: str = ""
    revision: int = 0
    problems: dict[str, int] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    holes: list[tuple[str, str]] = field(default_factory=list)
    known_holes: int = 0
    manifest: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)
    reason: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing is (or, after a repair, stays) wrong."""
        return self.status in ("good", "repaired")

    def as_json(self) -> dict[str, Any]:
        """A JSON object without empty fields."""
        return {name: value for name, value in asdict(self).items() if value not in ("", [], {})}


def series_listed(*, exchange: str = "", timeframe: str = "", symbols: Iterable[str] = ()) -> list[CandleSeries]:
    """All series that the manifest or the folders know; one that only a folder knows has no primary key yet."""
    wanted = list(symbols)
    rows = series_of(exchange=exchange, timeframe=timeframe, symbols=wanted)
    seen = {(row.instrument.exchange, row.timeframe, row.instrument.symbol) for row in rows}
    for name, length, symbol in sorted(_folders()):
        fits = exchange in ("", name) and timeframe in ("", length) and (not wanted or symbol in wanted)
        if fits and (name, length, symbol) not in seen:
            rows.append(CandleSeries(instrument=_instrument(name, symbol), timeframe=length))
    return [row for row in rows if row.timeframe in TIMEFRAMES]


def series_check(*, series: CandleSeries) -> SeriesReport:
    """Look at every file of a series, at its holes and at its manifest row; changes nothing."""
    step = timeframe_ms(series.timeframe)
    with series_lock(series.instrument.exchange, series.timeframe, series.instrument.symbol):
        if series.pk:
            series = CandleSeries.objects.select_related("instrument").get(pk=series.pk)
        audit = _audited(series)
    known = holes_known(series) if series.pk else []
    report = _report(series, audit)
    holes = _holes(series, audit, known)
    report.holes = [(_text(first), _text(stop - step)) for first, stop in holes]
    report.known_holes = candles_in(known, step)
    if holes:
        report.problems["missing"] = candles_in(holes, step)
    report.manifest = _manifest_differences(series, audit)
    if not audit.clean or holes or report.manifest:
        report.status = "problems"
    return report


def series_repair(*, series: CandleSeries, refetch: Refetch | None, mark: bool = False) -> SeriesReport:
    """Put a series in order: damaged files are set aside, bad and doubled rows leave, holes are fetched again (or,
    with `mark`, remembered as never existing), and the manifest is made anew. Each step is whole on its own.
    """
    before = series_check(series=series)
    if before.status == "good":
        return before
    instrument = series.instrument
    if instrument.pk is None:
        instrument.save()
    done, changed = _files_repair(series)
    bounds = (series.first_open, series.last_open)
    row = series_describe(instrument=instrument, timeframe=series.timeframe, corrected=changed)
    failed = _holes_repair(row, bounds, refetch, mark, done)
    after = series_check(series=row)
    after.repaired = done + ([f"the manifest was made anew: {', '.join(before.manifest)}"] if before.manifest else [])
    after.status = "repaired" if after.status == "good" else "problems"
    after.reason = failed
    return after


def _files_repair(series: CandleSeries) -> tuple[list[str], int]:
    """What was done, and how many rows changed."""
    instrument, done = series.instrument, []
    with series_lock(instrument.exchange, series.timeframe, instrument.symbol):
        audit = _audited(series)
        for path, reason in audit.damaged.items():
            path.replace(_aside(path))
            done.append(f"{path.name} was set aside: {reason}")
        for path, table in audit.files.items():
            if len(table):
                month_write(path, table)
            else:
                path.unlink()
        for table in audit.misplaced:
            months_write(instrument.exchange, instrument.symbol, series.timeframe, table)
        for part in audit.parts:
            part.unlink(missing_ok=True)
    done += [f"{count} rows: {name.replace('_', ' ')}" for name, count in sorted(audit.problems.items())]
    done += [f"{len(audit.parts)} half-written files were removed"] if audit.parts else []
    return done, audit.problems.total() + len(audit.damaged)


def _holes_repair(
    row: CandleSeries,
    bounds: tuple[datetime | None, datetime | None],
    refetch: Refetch | None,
    mark: bool,
    done: list[str],
) -> str:
    """Fetch or mark what is missing between the series' ends (those of the old manifest too)."""
    step, instrument = timeframe_ms(row.timeframe), row.instrument
    audit = _audited(row)
    for name, moment in zip(("first_open", "last_open"), bounds, strict=True):
        setattr(row, name, moment or getattr(row, name))
    holes = _holes(row, audit, holes_known(row))
    if not holes:
        return ""
    count = candles_in(holes, step)
    if mark:
        holes_mark(instrument=instrument, timeframe=row.timeframe, ranges=holes, reason=CandleHole.Reason.MARKED)
        done.append(f"{count} missing candles were marked as never existing")
        return ""
    if refetch is None:
        return f"{count} candles are missing; without --offline they are asked for again."
    failed = refetch(instrument, row.timeframe, holes)
    done.append(f"{count} missing candles were asked for again")
    return failed


def _audited(series: CandleSeries) -> Audit:
    instrument, step = series.instrument, timeframe_ms(series.timeframe)
    return series_audit(instrument.exchange, instrument.symbol, series.timeframe, step, now_ms())


def _holes(series: CandleSeries, audit: Audit, known: Iterable[Range]) -> list[Range]:
    """Unknown holes between the first and the last candle that the files or the manifest know."""
    ends = [int(audit.times[0]), int(audit.times[-1])] if audit.times.size else []
    ends += [open_ms(moment) for moment in (series.first_open, series.last_open) if moment is not None]
    step = timeframe_ms(series.timeframe)
    noted = list(ends[-2:]) if series.first_open is not None and series.last_open is not None else []
    for first, stop in audit.lost_months:
        if not noted or stop <= noted[0] or first > noted[1]:  # nobody knows any more how much of it there was
            ends += [first, min(stop, last_closed_ms(now_ms(), series.timeframe) + step) - step]
    if not ends:
        return []
    return holes_of(audit.times, min(ends), max(ends) + step, step, known)


def _manifest_differences(series: CandleSeries, audit: Audit) -> list[str]:
    if series.pk is None:
        return ["there are files but no manifest row"]
    found = []
    if series.rows != audit.times.size:
        found.append(f"it says {series.rows} candles, the files hold {audit.times.size}")
    ends = [open_time(int(audit.times[at])) if audit.times.size else None for at in (0, -1)]
    for name, noted, moment in zip(("first", "last"), (series.first_open, series.last_open), ends, strict=True):
        if noted != moment:
            found.append(f"its {name} candle is {noted}, the files' {moment}")
    return found


def _report(series: CandleSeries, audit: Audit) -> SeriesReport:
    report = SeriesReport(series.instrument.symbol, series.instrument.exchange, series.timeframe)
    report.rows, report.revision = int(audit.times.size), series.revision
    if audit.times.size:
        report.first, report.last = _text(int(audit.times[0])), _text(int(audit.times[-1]))
    report.problems = dict(audit.problems)
    if audit.parts:
        report.problems["half_written_files"] = len(audit.parts)
    report.damaged = {path.name: reason for path, reason in audit.damaged.items()}
    return report


def _folders() -> set[tuple[str, str, str]]:
    paths = candles_folder().glob("*/*/*/")
    stored = (path for path in paths if path.parts[-2] in TIMEFRAMES and any(path.glob("*.parquet")))
    return {(path.parts[-3], path.parts[-2], symbol_of(path.name)) for path in stored}


def _instrument(exchange: str, symbol: str) -> Instrument:
    found = Instrument.objects.filter(exchange=exchange, symbol=symbol).first()
    base, _, quote = symbol.partition("/")
    return found or Instrument(
        exchange=exchange, symbol=symbol, market_id=base + quote, base=base, quote=quote, active=False,
        tick_size="0.00000001", lot_size="0.00000001", selection_reason="Known from stored candles only.",
    )  # fmt: skip


def _aside(path: Path) -> Path:
    """A free name beside a damaged file."""
    number = 1
    while (aside := path.with_name(f"{path.name}{SET_ASIDE}-{number}")).exists():
        number += 1
    return aside


def _text(at_ms: int) -> str:
    return open_time(at_ms).strftime("%Y-%m-%dT%H:%M:%SZ")
