"""A position's levels: stop, target and steps, how they move, and what a quote touches.

The stop comes from the average entry. It is raised, never lowered, by two rules:

- breakeven: from a gain of `breakeven_after` on it covers the entry and the fees of both ways;
- trailing: from a gain of `trailing_after` on it follows the bid at a distance of `trailing`, in steps of a fifth of
  that distance (at least one tick), so that a stop that rests at an exchange is not moved with every tick.

The next bid that raises it is `raise_price`: a quote below changes nothing. A step in (DCA) lowers the average; target
and steps follow it, the stop too unless it was raised.
"""

from datetime import datetime
from decimal import Decimal

from trading.domain.money import buy_price, sell_price, step_ceil
from trading.domain.position import entry_price
from trading.domain.types import InstrumentSpec, PositionState, PositionStatus, Purpose, Quote, StopKind

TRAILING_STEPS = 5  # to a trailing distance


def levels_set(position: PositionState, spec: InstrumentSpec, at: datetime) -> None:
    """All levels from the average entry price; the holding time runs from the first fill."""
    price = entry_price(position)
    if not position.adds_taken:
        position.first_price, position.first_cost = price, position.buy_cost
    stop = sell_price(price * (1 - position.plan.stop_loss), spec.tick_size)
    if position.stop_kind is StopKind.PLAN or position.stop_price is None or stop > position.stop_price:
        position.stop_price, position.stop_kind = stop, StopKind.PLAN
    position.target_price = sell_price(price * (1 + position.plan.profit_target), spec.tick_size)
    if position.hold_until is None:
        position.hold_until = at + position.plan.holding_time
    next_set(position, spec)


def levels_reset(position: PositionState, spec: InstrumentSpec, at: datetime) -> None:
    """The same under another plan: a stop that was raised under the old one is given up."""
    position.stop_kind = StopKind.PLAN
    levels_set(position, spec, at)


def next_set(position: PositionState, spec: InstrumentSpec) -> None:
    """What the stop, the next profit step and the next step in wait for."""
    levels, price = position.plan.levels, entry_price(position)
    waits = [wait for wait in (_trailing_from(position, spec), _breakeven_from(position, spec)) if wait is not None]
    position.raise_price = min(waits, default=None)
    position.step_price = position.add_price = None
    if position.steps_taken < len(levels.profit_steps):
        position.step_price = sell_price(price * (1 + levels.profit_steps[position.steps_taken].gain), spec.tick_size)
    if position.adds_taken < len(levels.add_steps):
        fall = levels.add_steps[position.adds_taken].fall
        position.add_price = buy_price(position.first_price * (1 - fall), spec.tick_size)


def breakeven_price(position: PositionState, spec: InstrumentSpec) -> Decimal:
    """Selling here pays back the average entry and the taker fees of both ways."""
    return sell_price(entry_price(position) / (1 - spec.taker_fee) ** 2, spec.tick_size)


def trailing_step(position: PositionState, spec: InstrumentSpec) -> Decimal:
    """By how much a trailing stop moves at least, in quote currency."""
    wide = entry_price(position) * position.plan.levels.trailing / TRAILING_STEPS
    return max(step_ceil(wide, spec.tick_size), spec.tick_size)


def stop_raise(position: PositionState, spec: InstrumentSpec, bid: Decimal) -> None:
    """Raise the stop as far as this bid allows; it stays below the bid."""
    assert position.stop_price is not None
    trailing, breakeven = _trailing_from(position, spec), _breakeven_from(position, spec)
    found = [(position.stop_price, position.stop_kind)]
    if trailing is not None and bid >= trailing:
        found.append((sell_price(bid * (1 - position.plan.levels.trailing), spec.tick_size), StopKind.TRAILING))
    if breakeven is not None and bid >= breakeven:
        found.append((breakeven_price(position, spec), StopKind.BREAKEVEN))
    position.stop_price, position.stop_kind = max(
        (one for one in found if one[0] < bid), key=lambda one: one[0], default=found[0]
    )
    next_set(position, spec)


def _trailing_from(position: PositionState, spec: InstrumentSpec) -> Decimal | None:
    """The bid from which on the trailing stop would be a whole step higher."""
    levels = position.plan.levels
    if not levels.trailing or position.stop_price is None:
        return None
    wanted = (position.stop_price + trailing_step(position, spec)) / (1 - levels.trailing)
    return sell_price(max(entry_price(position) * (1 + levels.trailing_after), wanted), spec.tick_size)


def _breakeven_from(position: PositionState, spec: InstrumentSpec) -> Decimal | None:
    """The bid from which on the stop covers the fees, while it does not yet; above that stop in any case."""
    after = position.plan.levels.breakeven_after
    if not after or position.stop_price is None:
        return None
    level = breakeven_price(position, spec)
    if level <= position.stop_price:
        return None
    return sell_price(max(entry_price(position) * (1 + after), level + spec.tick_size), spec.tick_size)


def watched(position: PositionState) -> bool:
    """Whether its levels are looked at: open, and no exit has begun."""
    return position.status is PositionStatus.OPEN and position.exit_intent_id is None


def raises(position: PositionState, quote: Quote) -> bool:
    """Whether this quote raises the stop."""
    return watched(position) and position.raise_price is not None and quote.bid >= position.raise_price


def touched(position: PositionState, quote: Quote) -> Purpose | None:
    """Which way out the bid touches; the stop goes first."""
    if not watched(position):
        return None
    if position.stop_price is not None and quote.bid <= position.stop_price:
        return Purpose.STOP_LOSS
    if position.target_price is not None and quote.bid >= position.target_price:
        return Purpose.TAKE_PROFIT
    return None


def step_touched(position: PositionState, quote: Quote) -> Purpose | None:
    """Which step the quote touches: a profit step by its bid, a step in by its ask."""
    if not watched(position):
        return None
    if position.step_price is not None and quote.bid >= position.step_price:
        return Purpose.PROFIT_STEP
    if position.add_price is not None and quote.ask <= position.add_price:
        return Purpose.ADD
    return None
