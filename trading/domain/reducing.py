"""Selling a part of a position: a profit step of its plan, or by hand.

A part is an intent of its own beside an exit, one at a time and never while another order of the position is at work.
What would be left below the smallest order goes along, which makes it an exit. A step whose part is below the smallest
order is passed over; what a refused or cancelled part did not sell stays with the position.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from trading.domain import closing, ids
from trading.domain.exits import sellable
from trading.domain.levels import next_set
from trading.domain.money import text
from trading.domain.types import (
    ZERO,
    AccountState,
    Effect,
    IntentDecided,
    IntentOpened,
    IntentTaken,
    Oddity,
    OrderState,
    OrderStatus,
    OrderType,
    PositionChanged,
    PositionState,
    Purpose,
    Side,
    position_copy,
)


def step_take(state: AccountState, position: PositionState, at: datetime) -> list[Effect]:
    """The next profit step of the position's plan, whose price was touched."""
    step = position.plan.levels.profit_steps[position.steps_taken]
    position.steps_taken += 1
    next_set(position, state.instruments[position.symbol])
    amount = closing.sellable_now(state, position, (position.amount + position.sold) * step.share)
    if amount <= 0:
        words = f"Profit step {position.steps_taken} of {position.symbol} is below the smallest order: passed over."
        return [Oddity(at, words), PositionChanged(at, position_copy(position))]
    if _rest_stays(state, position, amount) <= 0:
        return closing.begin(state, position, Purpose.TAKE_PROFIT, at)
    purpose = Purpose.PROFIT_STEP
    intent_id = ids.step_intent_id(position.position_id, purpose, position.steps_taken)
    opened = IntentOpened(at, intent_id, position.bot_id, position.position_id, position.symbol, Side.SELL, purpose)
    maker = position.plan.levels.maker_exit
    placed = closing.sale_place(state, position, at, intent_id, 0, purpose, amount, maker=maker)
    return [opened, PositionChanged(at, position_copy(position)), placed]


def _rest_stays(state: AccountState, position: PositionState, amount: Decimal) -> Decimal:
    """What could still be sold after `amount` was."""
    spec = state.instruments[position.symbol]
    return sellable(position.amount - amount, closing.bid_of(state, position), spec)


def on_intent(state: AccountState, event: IntentTaken) -> list[Effect]:
    """A trader sells a part: an amount of base currency, or a share of what is held now."""
    held = [p for p in state.positions.values() if p.bot_id == event.bot_id and p.symbol == event.symbol]
    at_work = closing.orders_of(state, held[0]) if held else []
    if any(event.intent_id in (order.intent_id, order.replace_intent_id) for order in at_work):
        return []
    if held and held[0].exit_intent_id is None and _only_stop(at_work):
        return _stop_first(held[0], at_work[0], event)
    if not held or held[0].exit_intent_id is not None or at_work:
        return [IntentDecided(event.at, event.intent_id, "denied", _why_not(event, held, at_work))]
    return _sell(state, held[0], _wanted(held[0], event), event.at, event.intent_id)


def _only_stop(at_work: list[OrderState]) -> bool:
    return len(at_work) == 1 and at_work[0].purpose is Purpose.PROTECT and at_work[0].replace_intent_id is None


def _stop_first(position: PositionState, stop: OrderState, event: IntentTaken) -> list[Effect]:
    """A stop at the exchange locks the coins: it is taken back, and the part is sold when that is proved."""
    stop.replace_intent_id, stop.replace_amount = event.intent_id, _wanted(position, event)
    return closing.cancel_ask(stop, event.at, "A part of what it sells is to be sold.")


def after_stop(state: AccountState, stop: OrderState, position: PositionState, at: datetime) -> list[Effect]:
    """The stop that was in the way is gone: the part that waited for it."""
    intent_id, stop.replace_intent_id = stop.replace_intent_id, None
    return [] if intent_id is None else _sell(state, position, stop.replace_amount or ZERO, at, intent_id)


def _why_not(event: IntentTaken, held: list[PositionState], at_work: list[OrderState]) -> str:
    if not held:
        return f"There is no open position in {event.symbol} to sell from."
    if held[0].exit_intent_id is not None:
        return f"The position is being closed already ({held[0].close_reason})."
    return "Another order of this position is at work: wait for it, or cancel it first."


def _wanted(position: PositionState, event: IntentTaken) -> Decimal:
    return event.amount if event.amount is not None else position.amount * (event.share or ZERO)


def _sell(state: AccountState, position: PositionState, wanted: Decimal, at: datetime, intent_id: UUID) -> list[Effect]:
    spec = state.instruments[position.symbol]
    amount = closing.sellable_now(state, position, min(wanted, position.amount))
    if amount <= 0:
        words = (
            f"{text(wanted)} {spec.base} is less than one order can sell: at least {text(spec.min_amount)} "
            f"{spec.base} worth {text(spec.min_notional)} {spec.quote}."
        )
        return [IntentDecided(at, intent_id, "denied", words)]
    if _rest_stays(state, position, amount) <= 0:
        return closing.begin(state, position, Purpose.FORCE_EXIT, at, intent_id)
    return [closing.sale_place(state, position, at, intent_id, 0, Purpose.REDUCE, amount, maker=False)]


def part_closed(state: AccountState, order: OrderState, position: PositionState, at: datetime) -> list[Effect]:
    """The order of a part ended: a maker that waited in vain takes the market, an exit that waited goes on."""
    if position.exit_intent_id is not None:
        return [_decided(order, at), *closing.send(state, position, at)]
    if order.type is OrderType.LIMIT_MAKER and order.status is not OrderStatus.FILLED:
        amount = closing.sellable_now(state, position, min(order.remaining, position.amount))
        if amount > 0:
            leg, purpose = order.leg + 1, order.purpose
            return [closing.sale_place(state, position, at, order.intent_id, leg, purpose, amount, maker=False)]
    spec = state.instruments[position.symbol]
    if sellable(position.amount, closing.bid_of(state, position), spec) > 0:
        return [_decided(order, at)]
    purpose = Purpose.TAKE_PROFIT if order.purpose is Purpose.PROFIT_STEP else Purpose.FORCE_EXIT
    return [_decided(order, at), *closing.begin(state, position, purpose, at)]


def _decided(order: OrderState, at: datetime) -> IntentDecided:
    if order.filled or order.leg:
        return IntentDecided(at, order.intent_id, "done", "")
    return IntentDecided(at, order.intent_id, "failed", order.reason or "The order was not filled.")
