"""`python manage.py symbols`: which symbols the selection chooses and why, step by step."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.exchanges.errors import ExchangeError
from signals.models import Instrument
from signals.services.selection import Selection, instruments_select, selection_preview


class Command(BaseCommand):
    help = "Run the selection of an exchange and print it; nothing is changed without --apply."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--exchange", help="Default: the first of XRAY_MARKET_EXCHANGES.")
        parser.add_argument("--json", action="store_true", help="One JSON object a line: each step, then each symbol.")
        parser.add_argument("--explain", metavar="SYMBOL", help="Only this symbol, through every step.")
        parser.add_argument("--stored", action="store_true", help="Ask no exchange: only what is stored.")
        parser.add_argument("--apply", action="store_true", help="Load tickers anew and store the choice.")

    def handle(self, *args: Any, **options: Any) -> None:
        exchange = options["exchange"] or [*settings.XRAY_MARKET_EXCHANGES, *settings.XRAY_EXCHANGES][0]
        _check(exchange, options)
        if options["apply"]:
            try:
                instruments_select(exchange=exchange)
            except ExchangeError as error:
                raise CommandError(f"Nothing was changed: {error}") from None
        selection = selection_preview(exchange=exchange, fetch=not options["stored"])
        for problem in selection.problems:
            self.stderr.write(self.style.WARNING(problem))
        if options["explain"]:
            self._explained(selection, options["explain"].upper(), options["json"])
        elif options["json"]:
            self._lines(selection)
        else:
            self._table(selection)

    def _explained(self, selection: Selection, symbol: str, as_json: bool) -> None:
        told = list(_journey(selection, symbol))
        if not told:
            raise CommandError(f"{selection.exchange} lists no {symbol}. Symbols are written BTC/USDT.")
        for row in told:
            self.stdout.write(
                json.dumps(row) if as_json else f"{row['step']:<36}  {row['outcome']:<8}  {row['reason']}"
            )

    def _lines(self, selection: Selection) -> None:
        for step in selection.result.steps:
            row = {"step": step.kind, "came": step.came, "stayed": len(step.kept), "fell": len(step.refused)}
            self.stdout.write(json.dumps(row | {"skipped": step.skipped, "notes": list(step.notes)}))
        ranks = {symbol: rank for rank, symbol in enumerate(selection.result.chosen, 1)}
        for symbol in [*ranks, *sorted(set(selection.reasons) - set(ranks))]:
            row = {"symbol": symbol, "selected": symbol in ranks, "rank": ranks.get(symbol)}
            self.stdout.write(json.dumps(row | {"reason": selection.reasons[symbol]}))

    def _table(self, selection: Selection) -> None:
        for step in selection.result.steps:
            told = f"skipped: {step.skipped}" if step.skipped else " ".join(step.notes)
            numbers = f"{step.came:>5} came {len(step.refused):>5} fell {len(step.kept):>5} stayed"
            self.stdout.write(f"{step.title:<36} {numbers}  {told}".rstrip())
        self.stdout.write(
            f"{len(selection.result.chosen)} of {len(selection.reasons)} symbols of {selection.exchange}:"
        )
        for symbol in selection.result.chosen:
            self.stdout.write(f"  {symbol:<16} {selection.reasons[symbol]}")


def _check(exchange: str, options: dict[str, Any]) -> None:
    if exchange not in settings.XRAY_EXCHANGES:
        raise CommandError(f"Unknown exchange {exchange!r}. Allowed: {', '.join(settings.XRAY_EXCHANGES)}.")
    if options["apply"] and options["stored"]:
        raise CommandError("--apply asks the exchange: leave --stored out.")
    if not Instrument.objects.filter(exchange=exchange).exists():
        raise CommandError(f"No instrument of {exchange} is known yet: start the platform, or `manage.py streams`.")


def _journey(selection: Selection, symbol: str) -> Any:
    """Each step that the symbol came to, what happened there, and at the end where it stands."""
    if symbol not in selection.reasons:
        return
    for step in selection.result.steps:
        if symbol in step.refused:
            yield {"symbol": symbol, "step": step.title, "outcome": "falls", "reason": step.refused[symbol]}
            return
        yield {"symbol": symbol, "step": step.title, "outcome": "stays", "reason": step.skipped}
    yield {"symbol": symbol, "step": "Chosen", "outcome": "scanned", "reason": selection.reasons[symbol]}
