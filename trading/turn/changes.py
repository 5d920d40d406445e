"""What changed around an account since its engine last looked: bots, stops, instruments, plans of open positions.

What the engine saw last is kept in short form with the lease (`Lease.seen`), so that a change is recorded once, as an
event, and a replay sees it at the same place.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from trading.domain.money import text
from trading.domain.types import (
    AccountState,
    BotChanged,
    BotState,
    Event,
    InstrumentSeen,
    InstrumentSpec,
    PlanApplied,
)
from trading.turn.ports import BotSeen

Marks = dict[str, dict[str, str]]


def changes_seen(
    state: AccountState, bots: Sequence[BotSeen], seen: dict[str, Any], at: datetime
) -> tuple[list[Event], Marks | None]:
    """Events for all that changed, and the new short form (None when nothing did). Fills the state's bots.

    Deleted bots are told only when the engine knows them, as stopped.
    """
    known_bots, known_plans = seen.get("bots", {}), seen.get("plans", {})
    told = [bot for bot in bots if not bot.deleted or str(bot.bot_id) in known_bots]
    for bot in told:
        state.bots[bot.bot_id] = BotState(bot.bot_id, bot.plan, bot.running, bot.stop_level)
    specs, spec_marks = _instruments(state, seen.get("instruments", {}), at)
    plan_marks = plans_marked(state)
    marks = {"bots": {str(bot.bot_id): bot.mark for bot in told}, "plans": plan_marks, "instruments": spec_marks}
    if marks == seen:
        return [], None
    events: list[Event] = [*specs]
    events += [
        BotChanged(at, bot.bot_id, bot.plan, bot.running, bot.stop_level)
        for bot in told
        if known_bots.get(str(bot.bot_id)) != bot.mark
    ]
    events += [
        PlanApplied(at, held.position_id, held.plan)
        for held in state.positions.values()
        if known_plans.get(str(held.position_id), plan_marks[str(held.position_id)])
        != plan_marks[str(held.position_id)]
    ]
    return events, marks


def plans_marked(state: AccountState) -> dict[str, str]:
    """The configuration version of each open position."""
    return {str(p.position_id): str(p.plan.config_id) for p in state.positions.values()}


def _instruments(state: AccountState, known: dict[str, str], at: datetime) -> tuple[list[Event], dict[str, str]]:
    """Limits and fees of the instruments in play; those seen before stay on the list."""
    marks = {symbol: _mark(spec) for symbol, spec in state.instruments.items()}
    changed = [symbol for symbol, mark in marks.items() if known.get(symbol) != mark]
    return [InstrumentSeen(at, state.instruments[symbol]) for symbol in changed], {**known, **marks}


def _mark(spec: InstrumentSpec) -> str:
    numbers = (getattr(spec, field.name) for field in fields(spec))
    return "|".join(text(number) if isinstance(number, Decimal) else str(number) for number in numbers)
