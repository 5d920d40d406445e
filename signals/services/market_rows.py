"""One market of an exchange, as ccxt states it, as an Instrument row, or why it cannot be one."""

from decimal import Decimal
from typing import Any

from accounts.clock import now
from signals.domain.timeframes import open_time
from signals.models import Instrument

DEFAULT_FEE = Decimal("0.001")
LONGEST = 32  # letters of a symbol or of the exchange's own name of it
STATE_KEYS = ("status", "state")
END_KEYS = ("expTime", "delistTime", "delistingTime")
YEAR_3000_MS = 32_503_680_000_000


def market_unsupported(market: dict[str, Any]) -> str:
    """Why a market cannot be traded here, or nothing."""
    precision = market.get("precision") or {}
    if not market.get("spot"):
        return "Not a spot market."
    if not _exact(precision.get("price")):
        return "The exchange states no price step."
    if not _exact(precision.get("amount")):
        return "The exchange states no amount step."
    if len(market["symbol"]) > LONGEST or len(market["id"]) > LONGEST:
        return f"Its name is longer than {LONGEST} letters."
    return ""


def market_row(exchange: str, market: dict[str, Any]) -> Instrument:
    """A supported market as a row that is not saved."""
    precision, limits = market["precision"], market.get("limits") or {}
    amount, cost, info = limits.get("amount") or {}, limits.get("cost") or {}, market.get("info") or {}
    maker, taker = _exact(market.get("maker")), _exact(market.get("taker"))
    return Instrument(
        exchange=exchange, symbol=market["symbol"], market_id=market["id"], market_type="spot",
        base=market["base"][:16], quote=market["quote"][:16],
        tick_size=_exact(precision["price"]), lot_size=_exact(precision["amount"]),
        min_amount=_exact(amount.get("min")) or Decimal(0), max_amount=_exact(amount.get("max")),
        min_notional=_exact(cost.get("min")) or Decimal(0),
        maker_fee=DEFAULT_FEE if maker is None else maker, taker_fee=DEFAULT_FEE if taker is None else taker,
        active=market.get("active") is not False, updated_at=now(),
        state=_state(info), listed_at=_moment(market.get("created")), delist_at=_end(market, info),
    )  # fmt: skip


def _state(info: dict[str, Any]) -> str:
    """The exchange's own word; ST where it marks the coin for special treatment."""
    if str(info.get("st", "")).lower() == "true":
        return "ST"
    return next((str(info[key])[:24] for key in STATE_KEYS if info.get(key) not in (None, "")), "")


def _end(market: dict[str, Any], info: dict[str, Any]) -> Any:
    ends = [market.get("expiry"), *(info.get(key) for key in END_KEYS)]
    return next((moment for end in ends if (moment := _moment(end)) is not None), None)


def _moment(value: Any) -> Any:
    """Milliseconds, as a number or as text, as a time; None for whatever else an exchange writes there."""
    try:
        ms = int(float(value))
    except (TypeError, ValueError, OverflowError):
        return None
    return open_time(ms) if 0 < ms < YEAR_3000_MS else None


def _exact(value: float | str | None) -> Decimal | None:
    """A number from ccxt as the decimal it was printed as."""
    return None if value is None else Decimal(str(value) if isinstance(value, str) else repr(value))
