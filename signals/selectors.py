"""Reads of this room, for the rooms above, pages and the API."""

from signals.held import symbols_held
from signals.models import Instrument, SelectionStep


def symbols_selected(*, exchange: str) -> list[str]:
    """Symbols in the scan, largest 24 h volume first."""
    rows = Instrument.objects.filter(exchange=exchange, selected=True, active=True)
    return list(rows.order_by("-volume_quote_24h", "symbol").values_list("symbol", flat=True))


def symbols_streamed(*, exchange: str) -> list[str]:
    """Symbols whose quotes are streamed: those in the scan, then those that somebody holds and the exchange trades."""
    selected = symbols_selected(exchange=exchange)
    if not (held := symbols_held(exchange) - set(selected)):
        return selected
    traded = Instrument.objects.filter(exchange=exchange, active=True, symbol__in=held)
    return selected + sorted(traded.values_list("symbol", flat=True))


def selection_steps(*, exchange: str) -> list[SelectionStep]:
    """The enabled steps of this exchange's chain, in order: its own and those of every exchange."""
    rows = SelectionStep.objects.filter(enabled=True, exchange__in=("", exchange))
    return list(rows.order_by("position", "pk"))
