"""Profit and loss of a position, and the value of an account."""

from decimal import Decimal

from trading.domain.money import average_round
from trading.domain.types import ZERO, AccountState, PositionState, PositionStatus


def realised(position: PositionState) -> Decimal:
    """Quote currency, after fees.

    Closed: proceeds - cost - fees paid in cash, exactly what the account's quote currency changed by (fees taken in
    base currency are already missing from what could be sold; dust counts as lost). Open: the same with the cost
    share of what was sold, at the average price of all that was bought.
    """
    if position.status in (PositionStatus.CLOSED, PositionStatus.CANCELLED):
        return position.sell_proceeds - position.buy_cost - position.fees_cash
    if not position.sold:
        return -position.fees_cash
    held_ever = position.sold + position.amount + position.dust + position.gone
    cost_sold = average_round(position.buy_cost * position.sold / held_ever) if held_ever > 0 else position.buy_cost
    return position.sell_proceeds - cost_sold - position.fees_cash


def unrealised(position: PositionState, bid: Decimal) -> Decimal:
    """What selling the rest at `bid` would add, before its fee, in quote currency."""
    held_ever = position.sold + position.amount + position.dust + position.gone
    if held_ever <= 0:
        return ZERO
    return position.amount * bid - average_round(position.buy_cost * position.amount / held_ever)


def held_value(state: AccountState, position: PositionState) -> Decimal:
    """What a position is worth: at the bid when a quote is known, else at what it cost."""
    quote = state.quotes.get(position.symbol)
    if quote is not None:
        return position.amount * quote.bid
    held_ever = position.sold + position.amount + position.dust + position.gone
    return average_round(position.buy_cost * position.amount / held_ever) if held_ever > 0 else ZERO


def equity(state: AccountState) -> Decimal:
    """Quote currency plus the value of all open positions. Coins that belong to no position are not counted."""
    cash = state.balances.get(state.quote_currency, ZERO)
    return cash + sum((held_value(state, position) for position in state.positions.values()), ZERO)
