"""The life of a position and what a fill does to it."""

from decimal import Decimal

from trading.domain.money import average_round
from trading.domain.orders import IllegalTransition
from trading.domain.types import ZERO, PositionState, PositionStatus, Side

S = PositionStatus
OPEN_STATES = frozenset({S.OPENING, S.OPEN, S.CLOSING})

TRANSITIONS: frozenset[tuple[PositionStatus, PositionStatus]] = frozenset(
    {
        (S.OPENING, S.OPEN),
        (S.OPENING, S.CANCELLED),
        (S.OPEN, S.CLOSING),
        (S.OPEN, S.CLOSED),  # what is held is dust
        (S.CLOSING, S.CLOSED),
        (S.OPENING, S.CLOSED),  # dust only, its exit was waiting for the entry's cancel
        (S.CANCELLED, S.OPEN),  # a late fill of the cancelled entry
        (S.CLOSED, S.OPEN),  # a late fill of an entry cancelled on the way out
        (S.CANCELLED, S.CLOSED),  # a late fill that can only be written off
        (S.CLOSED, S.CLOSED),
    }
)


def move(position: PositionState, status: PositionStatus) -> None:
    """Set the status. Raises IllegalTransition."""
    if (position.status, status) not in TRANSITIONS:
        raise IllegalTransition(f"A position that is {position.status} cannot become {status}.")
    position.status = status


def is_open(position: PositionState) -> bool:
    """Whether it is opening, open or closing."""
    return position.status in OPEN_STATES


def fill_apply(position: PositionState, side: Side, price: Decimal, amount: Decimal) -> None:
    """Add one fill, without its fee."""
    if side is Side.BUY:
        position.bought += amount
        position.buy_cost += price * amount
        position.amount += amount
    else:
        position.sold += amount
        position.sell_proceeds += price * amount
        position.amount -= amount


def fee_apply(position: PositionState, fee: Decimal, value: Decimal, *, in_base: bool) -> None:
    """Add one fee: `fee` in its own currency, `value` in quote currency (both negative for a rebate)."""
    position.fees_quote += value
    if in_base:
        position.amount -= fee
    else:
        position.fees_cash += value


def entry_price(position: PositionState) -> Decimal:
    """Average price paid, in quote currency, before fees; zero before the first fill."""
    return average_round(position.buy_cost / position.bought) if position.bought else ZERO


def cost_share(position: PositionState, amount: Decimal) -> Decimal:
    """What so much of a position's coins has cost, in quote currency: at the average of all that it could ever sell."""
    held_ever = position.sold + position.amount + position.dust + position.gone
    if held_ever <= 0:
        return ZERO
    return average_round((position.buy_cost + position.cost_moved) * amount / held_ever)


def dust_write_off(position: PositionState) -> None:
    """Give up what cannot be sold: it stays in the account's balance, at what it cost, until a later trade of the bot
    takes it over."""
    position.dust += position.amount
    position.amount = ZERO
    position.dust_cost = cost_share(position, position.dust)
    position.gone_cost = cost_share(position, position.gone)


def dust_hand_on(old: PositionState, new: PositionState) -> None:
    """Let an open position take over a closed one's dust, and what it has cost."""
    new.amount, new.dust_moved = new.amount + old.dust, new.dust_moved + old.dust
    new.cost_moved, old.cost_moved = new.cost_moved + old.dust_cost, old.cost_moved - old.dust_cost
    old.dust_moved -= old.dust
    old.dust, old.dust_cost = ZERO, ZERO


def gone_write_off(position: PositionState, amount: Decimal) -> None:
    """Give up coins that are not in the account any more: unlike dust, nobody will ever sell them. What they have cost
    is no loss of the trade: they were sold by hand, or are owned elsewhere."""
    position.amount -= amount
    position.gone += amount
