"""Markets of an exchange: loaded once, kept as Instrument rows, and chosen for the scan by volume and spread."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.conf import settings

from accounts.clock import now
from accounts.exchanges import loop
from accounts.exchanges.errors import ExchangeError, ExchangeRetry, translated
from signals.models import ExchangeState, Instrument

QUOTE = "USDT"
DEFAULT_FEE = Decimal("0.001")
LOAD_TIMEOUT_S = 60.0
COLUMNS = (
    "market_id", "base", "quote", "tick_size", "lot_size", "min_amount", "max_amount", "min_notional", "maker_fee",
    "taker_fee", "active", "updated_at",
)  # fmt: skip


def markets_load(*, exchange: str, refresh: bool = False) -> int:
    """Load the exchange's spot markets into Instrument rows; those that are gone become inactive. Returns how many.

    A process asks the exchange once; `refresh` asks again.

    Raises:
        ExchangeRetry: the exchange could not be reached within the time-out.

    """
    markets = _asked(_markets(exchange, refresh), f"The markets of {exchange}")
    rows = [instrument for market in markets if (instrument := _instrument(exchange, market)) is not None]
    if not rows:
        raise ExchangeRetry(f"{exchange} lists no spot market.")
    Instrument.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["exchange", "symbol", "market_type"], update_fields=COLUMNS
    )
    listed = [row.symbol for row in rows]
    gone = Instrument.objects.filter(exchange=exchange, active=True).exclude(symbol__in=listed)
    gone.update(active=False, selected=False, selection_reason="No longer listed by the exchange.")
    ExchangeState.objects.update_or_create(exchange=exchange, defaults={"markets_loaded_at": now()})
    return len(rows)


def instruments_select(*, exchange: str) -> list[str]:
    """Choose the symbols to scan: quoted in USDT, traded now, spread within MAX_SPREAD_PERCENT (a fraction), and among
    the first BASE_MAX_SYMBOLS by 24 h quote volume. Every instrument gets the reason. Returns symbols by volume.

    Raises:
        ExchangeRetry: the exchange could not be reached within the time-out.

    """
    tickers = _asked(_tickers(exchange), f"The tickers of {exchange}")
    instruments = list(Instrument.objects.filter(exchange=exchange))
    for instrument in instruments:
        _measure(instrument, tickers.get(instrument.symbol) or {})
    ranked = sorted(instruments, key=lambda one: (-one.volume_quote_24h, one.symbol))
    chosen = []
    for one in ranked:
        one.selected, one.selection_reason = False, _refused(one)
        chosen += [] if one.selection_reason else [one]
    for rank, one in enumerate(chosen, 1):
        fits = rank <= settings.BASE_MAX_SYMBOLS
        where = f"Rank {rank} by 24 h volume, spread {one.spread:.3%}."
        one.selected = fits
        one.selection_reason = where if fits else f"{where} The first {settings.BASE_MAX_SYMBOLS} are scanned."
    Instrument.objects.bulk_update(
        instruments, ["volume_quote_24h", "spread", "selected", "selection_reason", "updated_at"], batch_size=500
    )
    return [one.symbol for one in chosen if one.selected]


def _measure(instrument: Instrument, ticker: dict[str, Any]) -> None:
    bid, ask = ticker.get("bid") or 0.0, ticker.get("ask") or 0.0
    instrument.volume_quote_24h = float(ticker.get("quoteVolume") or 0.0)
    instrument.spread = (ask - bid) / ((ask + bid) / 2) if ask >= bid > 0 else None
    instrument.updated_at = now()


def _refused(instrument: Instrument) -> str:
    """Why an instrument cannot be scanned, or nothing."""
    if instrument.quote != QUOTE:
        return f"Not quoted in {QUOTE}."
    if not instrument.active:
        return "Not traded by the exchange now."
    if instrument.volume_quote_24h <= 0.0:
        return "No volume in 24 hours."
    if instrument.spread is None:
        return "No bid or no ask."
    if instrument.spread > settings.MAX_SPREAD_PERCENT:
        return f"Spread {instrument.spread:.3%} is above {settings.MAX_SPREAD_PERCENT:.3%}."
    return ""


def _asked(coroutine: Any, what: str) -> Any:
    """Run one question to the exchange; an answer that never came means only: ask again later."""
    try:
        return loop.run(coroutine, timeout_s=LOAD_TIMEOUT_S)
    except ExchangeError as error:
        if isinstance(error, ExchangeRetry):
            raise
        raise ExchangeRetry(f"{what} could not be loaded: {error}") from error


async def _markets(exchange: str, refresh: bool) -> Iterable[dict[str, Any]]:
    from accounts.exchanges.factory import public_client

    with translated(f"Loading the markets of {exchange}"):
        return (await public_client(exchange).load_markets(refresh)).values()


async def _tickers(exchange: str) -> dict[str, dict[str, Any]]:
    from accounts.exchanges.factory import public_client

    with translated(f"Loading the tickers of {exchange}"):
        return await public_client(exchange).fetch_tickers()


def _instrument(exchange: str, market: dict[str, Any]) -> Instrument | None:
    """One spot market as a row, or None when it is no spot market or states no steps."""
    precision, limits = market.get("precision") or {}, market.get("limits") or {}
    tick, lot = _exact(precision.get("price")), _exact(precision.get("amount"))
    if not market.get("spot") or not tick or not lot or len(market["symbol"]) > 32 or len(market["id"]) > 32:
        return None
    amount, cost = limits.get("amount") or {}, limits.get("cost") or {}
    maker, taker = _exact(market.get("maker")), _exact(market.get("taker"))
    return Instrument(
        exchange=exchange, symbol=market["symbol"], market_id=market["id"], market_type="spot",
        base=market["base"][:16], quote=market["quote"][:16], tick_size=tick, lot_size=lot,
        min_amount=_exact(amount.get("min")) or Decimal(0), max_amount=_exact(amount.get("max")),
        min_notional=_exact(cost.get("min")) or Decimal(0),
        maker_fee=DEFAULT_FEE if maker is None else maker, taker_fee=DEFAULT_FEE if taker is None else taker,
        active=market.get("active") is not False, updated_at=now(),
    )  # fmt: skip


def _exact(value: float | str | None) -> Decimal | None:
    """A number from ccxt as the decimal it was printed as."""
    return None if value is None else Decimal(str(value) if isinstance(value, str) else repr(value))
