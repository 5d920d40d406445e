"""Reads of this room, for the rooms above, pages and the API."""

from signals.models import Instrument


def symbols_selected(*, exchange: str) -> list[str]:
    """Symbols in the scan, largest 24 h volume first."""
    rows = Instrument.objects.filter(exchange=exchange, selected=True, active=True)
    return list(rows.order_by("-volume_quote_24h", "symbol").values_list("symbol", flat=True))
