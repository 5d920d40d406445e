"""The account's ledger: balances are the sum of its postings; open orders reserve parts of them."""

from datetime import datetime
from decimal import Decimal

from trading.domain.types import ZERO, AccountState, LedgerPosted, OrderState, Side


def post(
    state: AccountState, at: datetime, currency: str, amount: Decimal, kind: str, reference: str
) -> list[LedgerPosted]:
    """Move a balance and say so; nothing for a zero amount."""
    if not amount:
        return []
    state.balances[currency] = state.balances.get(currency, ZERO) + amount
    return [LedgerPosted(at, currency, amount, kind, reference)]


def order_reserve(order: OrderState) -> Decimal:
    """What an open order may still take: quote currency for a buy, base currency for a sell."""
    if order.remaining <= 0:
        return ZERO
    if order.side is Side.SELL:
        return order.remaining
    return order.remaining * (order.price if order.price is not None else order.reference_price)


def reserved(state: AccountState, currency: str) -> Decimal:
    """What open orders reserve of a currency."""
    total = ZERO
    for order in state.orders.values():
        spec = state.instruments[order.symbol]
        if currency == (spec.quote if order.side is Side.BUY else spec.base):
            total += order_reserve(order)
    return total


def free(state: AccountState, currency: str) -> Decimal:
    """Balance minus what open orders reserve; may be negative after a withdrawal made elsewhere."""
    return state.balances.get(currency, ZERO) - reserved(state, currency)


def held_by_others(state: AccountState, base: str, position_id: object) -> Decimal:
    """Base currency that belongs to other open positions of the account: never to be sold for this one."""
    return sum(
        (
            position.amount
            for position in state.positions.values()
            if position.position_id != position_id and state.instruments[position.symbol].base == base
        ),
        ZERO,
    )
