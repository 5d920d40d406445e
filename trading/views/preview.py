"""What a configuration costs and risks, before it is started."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from signals.models import Instrument
from trading.domain.money import exact
from trading.models import BotConfig
from trading.selectors.accounts import value_last

ZERO = Decimal(0)
FALLBACK_FEE = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Preview:
    """Money in the account's quote currency; fees are estimates at the highest fee of the chosen symbols."""

    quote: str
    size: Decimal
    loss: Decimal
    gain: Decimal
    gross: Decimal
    fees: Decimal
    break_even: Decimal
    worst: Decimal
    committed: Decimal
    entry_fee: Decimal
    exit_fee: Decimal
    pays: bool


def preview_of(clean: Mapping[str, Any]) -> Preview | None:
    """The preview of checked values; None without an account."""
    account = clean.get("account")
    if account is None:
        return None
    size = _size(account, clean)
    entry_fee, exit_fee = _fees(account, clean)
    fees = size * (entry_fee + exit_fee)
    gross, loss = size * clean["profit_target"], size * clean["stop_loss"] + fees
    return Preview(
        quote=account.quote_currency,
        size=size,
        loss=-loss,
        gain=gross - fees,
        gross=gross,
        fees=fees,
        break_even=entry_fee + exit_fee,
        worst=-loss * clean["max_positions"],
        committed=size * clean["max_positions"],
        entry_fee=entry_fee,
        exit_fee=exit_fee,
        pays=gross > fees,
    )


@exact
def _size(account: Any, clean: Mapping[str, Any]) -> Decimal:
    """What a trade spends at today's equity; by volatility the most it may, in a calm market."""
    if clean["sizing"] == BotConfig.Sizing.FIXED:
        return Decimal(clean["capital_per_trade"])
    equity = Decimal(value_last(account) or account.paper_start_balance)
    most = equity * Decimal(clean["equity_share"])
    if clean["sizing"] == BotConfig.Sizing.EQUITY:
        return most
    return min(most, equity * Decimal(clean["risk_per_trade"]) / Decimal(clean["stop_loss"]))


def _fees(account: Any, clean: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    rows = Instrument.objects.filter(exchange=account.exchange, quote=account.quote_currency, active=True)
    rows = rows.filter(symbol__in=clean["symbols"]) if clean["symbols"] else rows.filter(selected=True)
    found = list(rows.values_list("maker_fee", "taker_fee")[:200])
    maker = max((row[0] for row in found), default=FALLBACK_FEE)
    taker = max((row[1] for row in found), default=FALLBACK_FEE)
    return (maker if clean["entry_type"] == "maker" else taker), taker
