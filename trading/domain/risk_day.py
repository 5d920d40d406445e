"""The UTC day of an account, and what closes and fills within it: the part of the risk book that events move.

A day begins at the account's first entry decision or clock mark in it (a run's mark comes after all of its quotes);
an account that holds something is looked at soon after midnight for that. A trade that closes in between belongs to
the day before.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from trading.domain import pnl
from trading.domain.money import average_round
from trading.domain.position import is_open
from trading.domain.risk.slippage_average import FILLS
from trading.domain.risk_state import MINUTE, result
from trading.domain.riskbook import Closing, Placed, trip_key
from trading.domain.types import (
    ZERO,
    AccountState,
    Effect,
    FillApplied,
    OrderPlaced,
    OrderType,
    PositionChanged,
    PositionState,
    PositionStatus,
    Purpose,
    Side,
)

RECENT = 16
CLOSINGS_KEPT = timedelta(days=7)


def anew_wanted(state: AccountState) -> bool:
    """Whether the owner asked for peak and losses to be counted anew, and that was not done yet."""
    return state.limits.counted_from is not None and state.limits.counted_from != state.risk.counted_from


def day_begin(state: AccountState, at: datetime) -> None:
    """Begin the UTC day of this moment, when it is a new one (or when the owner has everything counted anew)."""
    book = state.risk
    if anew_wanted(state):
        book.counted_from, book.day, book.trips, book.streaks, book.slips = state.limits.counted_from, None, {}, {}, {}
        state.peak_equity = pnl.equity(state)
    if book.day == at.date():
        return
    book.day, book.day_equity = at.date(), pnl.equity(state)
    book.booked = {}
    book.base = {held.position_id: result(state, held) for held in state.positions.values()}
    book.trips = {key: trip for key, trip in book.trips.items() if trip.until is None or trip.until > at}
    book.closings = {key: seen for key, seen in book.closings.items() if at - seen.at < CLOSINGS_KEPT}


def effects_book(state: AccountState, effects: Sequence[Effect]) -> list[UUID]:
    """Enter what a step decided into the book; the bots whose closed trade or fill a running rule is asked about."""
    asked: dict[UUID, None] = {}
    for effect in effects:
        match effect:
            case OrderPlaced(at=at, order=order):
                placed = [one for one in state.risk.placed if at - one.at < MINUTE]
                state.risk.placed = [*placed, Placed(at, order.bot_id)]
            case FillApplied(order=order) if order.type is OrderType.MARKET and order.reference_price > 0:
                _slip_book(state, effect)
                asked[order.bot_id] = None
            case PositionChanged(at=at, position=position):
                if _position_book(state, position, at):
                    asked[position.bot_id] = None
    return list(asked)


def _slip_book(state: AccountState, effect: FillApplied) -> None:
    order, price = effect.order, effect.fill.price
    worse = price - order.reference_price if order.side is Side.BUY else order.reference_price - price
    before = state.risk.slips.get(order.bot_id, [])
    state.risk.slips[order.bot_id] = [*before, average_round(worse / order.reference_price)][-FILLS:]


def _position_book(state: AccountState, position: PositionState, at: datetime) -> bool:
    """Whether a trade closed."""
    book, key = state.risk, position.position_id
    if is_open(position):
        book.base.setdefault(key, book.recent.pop(key, ZERO))  # one that opens again was booked with what it had
        return False
    if position.status is PositionStatus.CANCELLED:
        book.base.pop(key, None)
        return False
    if position.status is not PositionStatus.CLOSED:
        return False
    before = book.recent.get(key) if key not in book.base else book.base[key]
    again = key not in book.base
    moved = position.realised_pnl - (position.realised_pnl if before is None else before)
    book.booked[position.bot_id] = book.booked.get(position.bot_id, ZERO) + moved
    book.base.pop(key, None)
    book.recent[key] = position.realised_pnl
    book.recent = dict(list(book.recent.items())[-RECENT:])
    if again:
        return False
    _closing_book(state, position, at)
    return True


def _closing_book(state: AccountState, position: PositionState, at: datetime) -> None:
    stopped = position.close_reason == Purpose.STOP_LOSS
    state.risk.closings[trip_key(position.bot_id, position.symbol)] = Closing(at, stopped)
    lost = position.realised_pnl < ZERO
    state.risk.streaks[position.bot_id] = state.risk.streaks.get(position.bot_id, 0) + 1 if lost else 0


def day_due(state: AccountState, at: datetime) -> bool:
    """Whether a clock mark begins a day: one in which something is held and a daily limit counts."""
    if anew_wanted(state):
        return True
    if not state.positions or state.risk.day == at.date():
        return False
    limits = [state.limits.daily_loss, *(bot.plan.limits.daily_loss for bot in state.bots.values())]
    return any(limit < 1 for limit in limits)
