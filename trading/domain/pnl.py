"""Profit and loss of a position, and the value of an account."""

from decimal import Decimal

from trading.domain.position import cost_share
from trading.domain.types import ZERO, AccountState, PositionState, PositionStatus


def cash_part(position: PositionState) -> Decimal:
    """Proceeds - cost - fees paid in cash, in quote currency: a position's result without what it holds. The cost is
    that of its own buys and of dust that it took over."""
    return position.sell_proceeds - position.buy_cost - position.cost_moved - position.fees_cash


def realised(position: PositionState) -> Decimal:
    """Quote currency, after fees: proceeds - cost of what was sold - fees paid in cash.

    Fees taken in base currency are missing from what could be sold, and so make the rest dearer. Dust is owned still:
    its share of the cost stays with it (`dust_cost`) and goes on to the trade that sells it; what was taken out of the
    account by another way (`gone`) left at what it cost (`gone_cost`). Over any trades of an account the results come
    to what its quote currency changed by, plus the cost of the dust that is left and of what was taken out.
    """
    if position.status in (PositionStatus.CLOSED, PositionStatus.CANCELLED):
        return cash_part(position) + position.dust_cost + position.gone_cost
    if not position.sold:
        return -position.fees_cash
    return position.sell_proceeds - cost_share(position, position.sold) - position.fees_cash


def unrealised(position: PositionState, bid: Decimal) -> Decimal:
    """What selling the rest at `bid` would add, before its fee, in quote currency."""
    return position.amount * bid - cost_share(position, position.amount)


def held_value(state: AccountState, position: PositionState) -> Decimal:
    """What a position is worth: at the bid when a quote is known, else at what it cost."""
    quote = state.quotes.get(position.symbol)
    return cost_share(position, position.amount) if quote is None else position.amount * quote.bid


def equity(state: AccountState) -> Decimal:
    """Quote currency plus the value of all open positions. Coins that belong to no position are not counted."""
    cash = state.balances.get(state.quote_currency, ZERO)
    return cash + sum((held_value(state, position) for position in state.positions.values()), ZERO)
