"""`python manage.py xray`: the X-ray of the scanned symbols, one symbol's history, or measuring what has paid."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from signals.domain.timeframes import open_time
from signals.models import Instrument, SymbolXray
from signals.selectors import xrays_of
from signals.services.xray_measure import CANDLES, xray_measure
from signals.xray_history import SCORES, history_read

SHOWN = 60  # candles of a history without --json


class Command(BaseCommand):
    help = "Show the latest X-ray (or --history SYMBOL); `xray measure` measures what strategies paid by regime."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", choices=["show", "measure"], default="show")
        parser.add_argument("--exchange", help="Default: the first of XRAY_MARKET_EXCHANGES.")
        parser.add_argument("--timeframe", help="Default: the first of XRAY_TIMEFRAMES.")
        parser.add_argument("--history", metavar="SYMBOL", help="The candles of one symbol, oldest first.")
        parser.add_argument("--candles", type=int, default=CANDLES, help="measure: newest candles of each symbol.")
        parser.add_argument("--json", action="store_true", help="One JSON object a line.")

    def handle(self, *args: Any, **options: Any) -> None:
        exchange = options["exchange"] or [*settings.XRAY_MARKET_EXCHANGES, *settings.XRAY_EXCHANGES][0]
        timeframe = options["timeframe"] or settings.XRAY_TIMEFRAMES[0]
        _check(exchange, timeframe, options["candles"])
        if options["action"] == "measure":
            self._measure(exchange, timeframe, options)
        elif options["history"]:
            self._history(exchange, timeframe, options["history"].upper(), options["json"])
        else:
            self._latest(exchange, timeframe, options["json"])

    def _latest(self, exchange: str, timeframe: str, as_json: bool) -> None:
        rows = xrays_of(exchange=exchange, timeframe=timeframe)
        if not rows:
            raise CommandError(f"There is no X-ray of {exchange} {timeframe} yet: it is made after each scan.")
        for row in rows:
            self.stdout.write(json.dumps(_told(row)) if as_json else _line(row))

    def _history(self, exchange: str, timeframe: str, symbol: str, as_json: bool) -> None:
        if not Instrument.objects.filter(exchange=exchange, symbol=symbol).exists():
            raise CommandError(f"{exchange} lists no {symbol}. Symbols are written BTC/USDT.")
        limit = 1_000_000 if as_json else SHOWN
        rows = history_read(exchange=exchange, timeframe=timeframe, symbol=symbol, limit=limit)
        if not rows:
            raise CommandError(f"There is no X-ray history of {symbol} {timeframe} yet.")
        for row in rows:
            at = open_time(row.pop("open_time_ms"))
            values = {name: None if row[name] is None else round(row[name], 4) for name in SCORES}
            told = {"candle_open_time": at.isoformat(), "symbol": symbol, "regime": row["regime"], **values}
            self.stdout.write(
                json.dumps(told) if as_json else f"{at:%Y-%m-%d %H:%M}  {row['regime']:<10}  {_scores(values)}"
            )

    def _measure(self, exchange: str, timeframe: str, options: dict[str, Any]) -> None:
        found = xray_measure(exchange=exchange, timeframe=timeframe, candles=options["candles"])
        for failure in found.failures:
            self.stderr.write(self.style.WARNING(failure))
        trades = sum(len(values) for values in found.returns.values())
        told = {"symbols": found.symbols, "trades": trades, "outcomes": found.outcomes, "unplaced": found.unplaced}
        if options["json"]:
            self.stdout.write(json.dumps({"exchange": exchange, "timeframe": timeframe, **told}))
            return
        self.stdout.write(
            f"{exchange} {timeframe}: {trades:,} trades of {found.symbols} symbols by regime; "
            f"of {found.outcomes} closed trades the regime of {found.unplaced} is not known."
        )


def _check(exchange: str, timeframe: str, candles: int) -> None:
    if exchange not in settings.XRAY_EXCHANGES:
        raise CommandError(f"Unknown exchange {exchange!r}. Allowed: {', '.join(settings.XRAY_EXCHANGES)}.")
    if timeframe not in settings.XRAY_TIMEFRAMES:
        raise CommandError(f"{timeframe!r} is not scanned. Allowed: {', '.join(settings.XRAY_TIMEFRAMES)}.")
    if not 200 <= candles <= 1_000_000:
        raise CommandError("--candles must be from 200 to 1,000,000.")


def _told(row: SymbolXray) -> dict[str, Any]:
    return {
        "symbol": row.instrument.symbol, "timeframe": row.timeframe, "regime": row.regime,
        "candle_open_time": row.candle_open_time.isoformat(), "regime_since": row.regime_since.isoformat(),
        **{name: getattr(row, name) for name in SCORES},
        "strategy": row.strategy and str(row.strategy), "strategy_trades": row.strategy_trades,
        "strategy_mean": row.strategy_mean, "strategy_note": row.strategy_note,
    }  # fmt: skip


def _line(row: SymbolXray) -> str:
    best = row.strategy_note
    if row.strategy is not None and row.strategy_mean is not None:
        best = f"{row.strategy}: {row.strategy_mean:+.3%} a trade (n = {row.strategy_trades:,})"
    values = {name: getattr(row, name) for name in SCORES}
    return f"{row.instrument.symbol:<14} {row.regime:<10}  {_scores(values)}  {best}"


def _scores(values: dict[str, float | None]) -> str:
    return "  ".join(
        f"{name} {'-' if value is None else format(value, '+.2f' if name in ('trend', 'momentum') else '.2f'):>5}"
        for name, value in values.items()
    )
