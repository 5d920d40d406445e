"""`python manage.py candles fetch|import|check|repair|export`: the candle store by hand (docs/candles.md).

Progress goes to stderr, results to stdout; with --json one JSON object a line and nothing else. Exit code 0: all
good; 1: problems were found, or a part failed; 2: the command line is wrong; 130: stopped with Ctrl-C (call it again,
it goes on).
"""

import json
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.exchanges.errors import ExchangeError
from accounts.interrupts import ctrl_c_insists
from signals.candles.cleaning import CandlesRefused
from signals.domain.timeframes import TIMEFRAMES

STOPPED = 130
Line = tuple[bool, dict[str, Any], str]  # good, the JSON object, the same for people


class Command(BaseCommand):
    help = "Fetch, import, check, repair and export candle history. Everything may be stopped and started again."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="fetch|import|check|repair|export")
        fetch = actions.add_parser("fetch", help="What is missing, from the exchange, within the request budget.")
        _common(fetch, timeframe=settings.XRAY_TIMEFRAMES[0], ranged=True)
        load = actions.add_parser("import", help="Files <BASE>_<QUOTE>.parquet or .csv of a folder.")
        load.add_argument("source", type=Path, help="The folder, or one file.")
        _common(load, timeframe="")
        _common(actions.add_parser("check", help="Files, holes, manifest; changes nothing."), exchange="")
        repair = actions.add_parser("repair", help="Put in order what check finds.")
        _common(repair, exchange="")
        repair.add_argument("--offline", action="store_true", help="Ask no exchange: holes stay.")
        repair.add_argument("--mark-holes", action="store_true", help="Remember holes as never existing; ask nobody.")
        export = actions.add_parser("export", help="Files <BASE>_<QUOTE>.parquet or .csv into a folder.")
        export.add_argument("--out", type=Path, required=True, help="The folder; it is made.")
        export.add_argument("--format", choices=("parquet", "csv"), default="parquet")
        _common(export, timeframe=settings.XRAY_TIMEFRAMES[0], ranged=True)

    def handle(self, *args: Any, **options: Any) -> None:
        work = {"fetch": _fetch, "import": _import, "check": _check, "repair": _repair, "export": _export}
        good = done = 0
        try:
            with ctrl_c_insists():
                for fine, line, text in work[options["action"]](self, options):
                    good, done = good + fine, done + 1
                    self.stdout.write(json.dumps(line) if options["json"] else text)
                    self.stdout.flush()
        except KeyboardInterrupt:
            self.stderr.write("Stopped. Nothing is lost: the same command goes on from here.")
            sys.exit(STOPPED)
        except (CandlesRefused, UsageError) as error:
            raise CommandError(str(error), returncode=2) from error
        except ExchangeError as error:
            raise CommandError(f"{error} What came before is stored; the same command goes on.") from error
        except BrokenPipeError:
            raise  # nobody reads our output any more
        except OSError as error:
            raise CommandError(
                f"{error.filename or 'A file'} cannot be read or written: {error.strerror or error}. Make room,"
                " allow it, or name another place. What came before is whole; the same command goes on."
            ) from error
        summary = {"summary": True, "action": options["action"], "series": done, "good": good, "not_good": done - good}
        self.stdout.write(json.dumps(summary) if options["json"] else f"{done} series, {done - good} not good.")
        if good < done:
            sys.exit(1)

    def progress(self, options: dict[str, Any], text: str) -> None:
        """A line for who watches."""
        if options["verbosity"] and not options["quiet"]:
            self.stderr.write(text, self.style.NOTICE)
            self.stderr.flush()


class UsageError(ValueError):
    """Arguments that do not go together, in words."""


def _common(parser: CommandParser, exchange: str = "binance", timeframe: str | None = "", ranged: bool = False) -> None:
    every = "" if exchange else " All without it."
    parser.add_argument("--exchange", default=exchange, help=f"One of {', '.join(settings.XRAY_EXCHANGES)}.{every}")
    parser.add_argument("--symbols", nargs="*", default=[], type=_symbols, help="Such as BTC/USDT ETH/USDT.")
    parser.add_argument("--timeframe", default=timeframe, help=f"One of {', '.join(TIMEFRAMES)}.")
    parser.add_argument("--json", action="store_true", help="One JSON object a line on stdout.")
    parser.add_argument("--quiet", action="store_true", help="No progress on stderr.")
    if ranged:
        parser.add_argument("--since", type=_moment, help="First open time, UTC: 2024-01-01 or 2024-01-01T12:00.")
        parser.add_argument("--until", type=_moment, help="Open times before this.")


def _fetch(command: Command, options: dict[str, Any]) -> Iterator[Line]:
    from signals.services.candle_fetch import FetchJob, candles_fetch_run, fetch_plan, symbols_of

    _options_check(options, ranged=True)
    symbols = symbols_of(options["exchange"], _named(options))
    if not symbols:
        raise UsageError(f"No symbol of {options['exchange']} is known yet: name some with --symbols.")
    command.progress(options, f"Asking {options['exchange']} what it lists ...")
    jobs = fetch_plan(
        exchange=options["exchange"], timeframe=options["timeframe"], symbols=symbols,
        since_ms=options["since"], until_ms=options["until"],
    )  # fmt: skip
    total = sum(job.wanted for job in jobs)

    def progress(job: FetchJob) -> None:
        left = sum(one.left for one in jobs if not one.error)
        share = 1 - left / total if total else 1.0
        command.progress(options, f"{share:4.0%} {job.symbol} {job.timeframe}: {job.added} stored, {job.left} to go")

    command.progress(options, f"{total} candles of {len(jobs)} symbols are missing.")
    try:
        candles_fetch_run(exchange=options["exchange"], jobs=jobs, progress=progress)
    except ExchangeError as error:
        for job in jobs:
            job.error = job.error or (str(error) if job.ranges else "")
    names = ("symbol", "timeframe", "status", "wanted", "added", "corrected", "absent", "dropped", "pages", "left")
    for job in jobs:
        line = {name: getattr(job, name) for name in names}
        text = f"{job.symbol} {job.timeframe}: {job.status}, {job.added} added, {job.absent} the exchange never had"
        yield (
            not job.error,
            line | ({"reason": job.error} if job.error else {}),
            f"{text}. {job.error}".rstrip(". ") + ".",
        )


def _import(command: Command, options: dict[str, Any]) -> Iterator[Line]:
    from signals.services.candle_files import candles_import, files_found

    _options_check(options, any_timeframe=True)
    files = files_found(options["source"], _named(options))
    for number, path in enumerate(files, 1):
        result = candles_import(exchange=options["exchange"], path=path, timeframe=options["timeframe"])
        command.progress(options, f"[{number}/{len(files)}] {path.name}: {result.status}")
        yield _file_line(result)


def _export(command: Command, options: dict[str, Any]) -> Iterator[Line]:
    from signals.selectors import series_of
    from signals.services.candle_files import candles_export

    _options_check(options, ranged=True)
    exchange, timeframe = options["exchange"], options["timeframe"]
    stored = [row.instrument.symbol for row in series_of(exchange=exchange, timeframe=timeframe)]
    symbols = _named(options) or stored
    if not symbols:
        raise UsageError(f"No {timeframe} candles of {exchange} are stored.")
    for number, symbol in enumerate(symbols, 1):
        result = candles_export(
            exchange=exchange, symbol=symbol, timeframe=timeframe, folder=options["out"],
            since_ms=options["since"], until_ms=options["until"], as_csv=options["format"] == "csv",
        )  # fmt: skip
        command.progress(options, f"[{number}/{len(symbols)}] {symbol}: {result.status}")
        yield _file_line(result)


def _check(command: Command, options: dict[str, Any]) -> Iterator[Line]:
    from signals.services.candle_repair import series_check

    for series in _listed(command, options):
        yield _report_line(series_check(series=series))


def _repair(command: Command, options: dict[str, Any]) -> Iterator[Line]:
    from signals.services.candle_fetch import holes_refetch
    from signals.services.candle_repair import series_repair

    if options["offline"] and options["mark_holes"]:
        raise UsageError("--offline leaves holes, --mark-holes remembers them: give one of the two.")
    refetch = None if options["offline"] else holes_refetch
    for series in _listed(command, options):
        yield _report_line(series_repair(series=series, refetch=refetch, mark=options["mark_holes"]))


def _listed(command: Command, options: dict[str, Any]) -> Iterator[Any]:
    from signals.services.candle_repair import series_listed

    _options_check(options, any_timeframe=True)
    symbols = _named(options)
    found = series_listed(exchange=options["exchange"], timeframe=options["timeframe"], symbols=symbols)
    if missing := sorted(set(symbols) - {series.instrument.symbol for series in found}):
        raise UsageError(f"No candles of {', '.join(missing)} are stored.")
    for number, series in enumerate(found, 1):
        command.progress(options, f"[{number}/{len(found)}] {series.instrument.symbol} {series.timeframe}")
        yield series


def _file_line(result: Any) -> Line:
    line = {name: getattr(result, name) for name in result.__dataclass_fields__}
    text = f"{result.symbol} {result.timeframe}: {result.status}, {result.rows} candles, {result.added} new"
    text += f", {result.corrected} corrected" if result.corrected else ""
    return (
        result.good,
        {name: value for name, value in line.items() if value not in ("", {})},
        _sentence(text, result.reason),
    )


def _report_line(report: Any) -> Line:
    text = f"{report.symbol} {report.timeframe} ({report.exchange}): {report.status}, {report.rows} candles"
    details = [f"{count} {name.replace('_', ' ')}" for name, count in report.problems.items()]
    details += [f"{name}: {reason}" for name, reason in report.damaged.items()] + report.manifest + report.repaired
    return report.good, report.as_json(), _sentence(text, "; ".join([*details, *filter(None, [report.reason])]))


def _sentence(text: str, more: str) -> str:
    return f"{text}: {more.rstrip('.')}." if more else f"{text}."


def _options_check(options: dict[str, Any], *, any_timeframe: bool = False, ranged: bool = False) -> None:
    if options["exchange"] and options["exchange"] not in settings.XRAY_EXCHANGES:
        allowed = ", ".join(settings.XRAY_EXCHANGES)
        raise UsageError(f"Unknown exchange {options['exchange']!r}. Allowed: {allowed}.")
    if not (any_timeframe and not options["timeframe"]) and options["timeframe"] not in TIMEFRAMES:
        raise UsageError(f"Unknown timeframe {options['timeframe']!r}. Allowed: {', '.join(TIMEFRAMES)}.")
    since, until = (options["since"], options["until"]) if ranged else (None, None)
    if since is not None and until is not None and since >= until:
        raise UsageError("--since must be before --until.")


def _named(options: dict[str, Any]) -> list[str]:
    return [symbol for some in options["symbols"] for symbol in some]


def _symbols(text: str) -> list[str]:
    """`BTC/USDT`, or several separated by commas."""
    names = [name.strip().upper() for name in text.split(",") if name.strip()]
    if bad := [name for name in names if name.count("/") != 1]:
        raise ArgumentTypeError(f"{bad[0]!r} is no pair such as BTC/USDT")
    return names


def _moment(text: str) -> int:
    """An ISO date or time as milliseconds; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no date such as 2024-01-31 or 2024-01-31T12:00") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
