"""Steps in (DCA): the price fell to a level of the plan, so the position buys again.

A step is an entry like any other: every risk rule judges it, and stops hold it back. It is asked once; one that is
refused is left out. Levels follow the new average with its fills (`levels.levels_set`).
"""

from datetime import datetime

from trading.domain import ids
from trading.domain.entries import denied, first_order, judged
from trading.domain.levels import next_set
from trading.domain.risk import Denial
from trading.domain.types import (
    AccountState,
    Effect,
    IntentOpened,
    IntentTaken,
    PositionChanged,
    PositionState,
    Purpose,
    Side,
    position_copy,
)


def step_in(state: AccountState, position: PositionState, at: datetime) -> list[Effect]:
    """Buy the next step, whose price was touched, if the rules let it."""
    step = position.plan.levels.add_steps[position.adds_taken]
    position.adds_taken += 1
    next_set(position, state.instruments[position.symbol])
    intent_id = ids.step_intent_id(position.position_id, Purpose.ADD, position.adds_taken)
    event = IntentTaken(
        at,
        intent_id,
        position.bot_id,
        position.symbol,
        Side.BUY,
        Purpose.ADD,
        amount_quote=position.first_cost * step.share,
    )
    opened = IntentOpened(at, intent_id, position.bot_id, position.position_id, position.symbol, Side.BUY, Purpose.ADD)
    found = judged(state, event)
    if isinstance(found, Denial):
        return [opened, PositionChanged(at, position_copy(position)), *denied(event, found)]
    return [opened, PositionChanged(at, position_copy(position)), first_order(state, position, event, found.sized)]
