"""Reads of this room, for the rooms above, pages and the API."""

import uuid
from collections.abc import Iterable

from django.conf import settings
from django.db import models

from accounts.clock import now
from signals.domain.timeframes import open_ms, open_time, timeframe_ms
from signals.held import symbols_held
from signals.models import CandleHole, CandleSeries, ExchangeState, Instrument, SelectionStep, Signal, SymbolXray
from signals.seconds import seconds_read as seconds_read


def exchange_is_read(*, exchange: str) -> bool:
    """Whether prices of an exchange are read here: it is one of XRAY_MARKET_EXCHANGES, or somebody streams it now."""
    if exchange in settings.XRAY_MARKET_EXCHANGES:
        return True
    return ExchangeState.objects.filter(exchange=exchange, streams_lease_until__gt=now()).exists()


def quotes_traded(exchange: str) -> list[str]:
    """Currencies that an exchange's spot pairs are traded against now, those with most scanned pairs first; empty
    while its markets are not loaded."""
    rows = Instrument.objects.filter(exchange=exchange, active=True, market_type="spot").order_by().values("quote")
    counted = rows.annotate(scanned=models.Count("pk", filter=models.Q(selected=True)), pairs=models.Count("pk"))
    return list(counted.order_by("-scanned", "-pairs", "quote").values_list("quote", flat=True))


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


def series_of(*, exchange: str = "", timeframe: str = "", symbols: Iterable[str] = ()) -> list[CandleSeries]:
    """Manifest rows with their instruments, by exchange, symbol and timeframe; empty arguments mean all."""
    wanted = {"instrument__exchange": exchange, "timeframe": timeframe, "instrument__symbol__in": list(symbols)}
    rows = CandleSeries.objects.select_related("instrument")
    rows = rows.filter(**{name: value for name, value in wanted.items() if value})
    return list(rows.order_by("instrument__exchange", "instrument__symbol", "timeframe"))


def holes_known(series: CandleSeries) -> list[tuple[int, int]]:
    """Ranges [since, until) (ms) in which the series never had a candle, by time."""
    return [_range(hole, series.timeframe) for hole in CandleHole.objects.filter(series=series).order_by("first_open")]


def holes_of_market(*, exchange: str, timeframe: str, since_ms: int) -> dict[str, list[tuple[int, int]]]:
    """The same by symbol for a whole market, those that end at `since_ms` or later."""
    rows = CandleHole.objects.filter(
        series__instrument__exchange=exchange, series__timeframe=timeframe, last_open__gte=open_time(since_ms)
    )
    found: dict[str, list[tuple[int, int]]] = {}
    for hole in rows.select_related("series__instrument").order_by("first_open"):
        found.setdefault(hole.series.instrument.symbol, []).append(_range(hole, timeframe))
    return found


def _range(hole: CandleHole, timeframe: str) -> tuple[int, int]:
    return open_ms(hole.first_open), open_ms(hole.last_open) + timeframe_ms(timeframe)


def xrays_of(*, exchange: str, timeframe: str) -> list[SymbolXray]:
    """The latest X-ray of each symbol of a market, the largest potential first, unknown ones last."""
    rows = SymbolXray.objects.filter(instrument__exchange=exchange, timeframe=timeframe)
    ordered = rows.order_by(models.F("potential").desc(nulls_last=True), "instrument__symbol")
    return list(ordered.select_related("instrument", "strategy"))


def signal_by_id(given: str) -> Signal | None:
    """A signal by its public id or its number; None when there is none."""
    rows = Signal.objects.select_related("instrument", "strategy")
    if given.isascii() and given.isdigit() and len(given) < 19:
        return rows.filter(pk=int(given)).first()
    try:
        return rows.filter(public_id=uuid.UUID(given)).first()
    except ValueError:
        return None
