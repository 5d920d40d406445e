"""Markets of an exchange: loaded once and kept as Instrument rows; those that cannot be are remembered."""

from collections.abc import Iterable
from typing import Any

from accounts.clock import now
from accounts.exchanges import loop
from accounts.exchanges.errors import ExchangeError, ExchangeRetry, translated
from signals.models import ExchangeState, Instrument
from signals.services.market_rows import market_row, market_unsupported
from signals.services.troubles import troubles_unsupported

LOAD_TIMEOUT_S = 60.0
COLUMNS = (
    "market_id", "base", "quote", "tick_size", "lot_size", "min_amount", "max_amount", "min_notional", "maker_fee",
    "taker_fee", "active", "state", "listed_at", "delist_at", "updated_at",
)  # fmt: skip


def markets_load(*, exchange: str, refresh: bool = False) -> int:
    """Load the exchange's spot markets into Instrument rows; those that are gone become inactive. Returns how many.

    A process asks the exchange once; `refresh` asks again.

    Raises:
        ExchangeRetry: the exchange could not be reached within the time-out.

    """
    markets = list(exchange_ask(_markets(exchange, refresh), f"The markets of {exchange}"))
    unsupported = {market["symbol"]: why for market in markets if (why := market_unsupported(market))}
    rows = [market_row(exchange, market) for market in markets if market["symbol"] not in unsupported]
    if not rows:
        raise ExchangeRetry(f"{exchange} lists no spot market.")
    Instrument.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["exchange", "symbol", "market_type"], update_fields=COLUMNS
    )
    _gone(exchange, [row.symbol for row in rows], unsupported)
    troubles_unsupported(exchange=exchange, reasons=unsupported)
    ExchangeState.objects.update_or_create(exchange=exchange, defaults={"markets_loaded_at": now()})
    return len(rows)


def _gone(exchange: str, listed: list[str], unsupported: dict[str, str]) -> None:
    """Instruments that are no longer listed, or no longer supported, leave the scan with that reason."""
    gone = Instrument.objects.filter(exchange=exchange, active=True).exclude(symbol__in=listed)
    for symbol in gone.filter(symbol__in=unsupported).values_list("symbol", flat=True):
        reason = f"Not supported: {unsupported[symbol]}"[:160]
        gone.filter(symbol=symbol).update(active=False, selected=False, selection_reason=reason)
    gone.update(active=False, selected=False, selection_reason="No longer listed by the exchange.")


def exchange_ask(coroutine: Any, what: str, timeout_s: float = LOAD_TIMEOUT_S) -> Any:
    """Run one question to an exchange; an answer that never came means only: ask again later.

    Raises:
        ExchangeRetry: whatever went wrong, in words that begin with `what`.

    """
    try:
        return loop.run(coroutine, timeout_s=timeout_s)
    except ExchangeError as error:
        if isinstance(error, ExchangeRetry):
            raise
        raise ExchangeRetry(f"{what} could not be loaded: {error}") from error


async def _markets(exchange: str, refresh: bool) -> Iterable[dict[str, Any]]:
    from accounts.exchanges.factory import public_client

    with translated(f"Loading the markets of {exchange}"):
        return (await public_client(exchange).load_markets(refresh)).values()
