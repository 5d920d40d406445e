"""What changed around an account since its engine last looked: bots, stops, instruments, plans of open positions.

What the engine saw last is kept in short form with the lease (`Lease.seen`), so that a change is recorded once, as an
event, and a replay sees it at the same place.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from trading.domain.money import text
from trading.domain.records import value_payload
from trading.domain.types import (
    AccountLimits,
    AccountState,
    BotChanged,
    BotState,
    Event,
    InstrumentSeen,
    InstrumentSpec,
    LimitsSeen,
    PlanApplied,
    PositionState,
)
from trading.turn.ports import BotSeen

Marks = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Change:
    """One change: its event, and the mark that stands for it once it is decided."""

    event: Event
    kind: str
    key: str
    mark: str

    def marked(self, seen: Marks) -> Marks:
        """What has been seen, with this change."""
        return {**seen, self.kind: {**seen.get(self.kind, {}), self.key: self.mark}}


def changes_seen(
    state: AccountState, bots: Sequence[BotSeen], limits: AccountLimits, seen: dict[str, Any], at: datetime
) -> tuple[list[Change], Marks | None]:
    """All that changed, and the new short form (None when nothing did). Fills the state's bots and limits.

    Deleted bots are told only when the engine knows them, as stopped.
    """
    known = {kind: seen.get(kind, {}) for kind in ("limits", "instruments", "bots", "plans")}
    state.limits = limits
    told = [bot for bot in bots if not bot.deleted or str(bot.bot_id) in known["bots"]]
    for bot in told:
        state.bots[bot.bot_id] = BotState(bot.bot_id, bot.plan, bot.running, bot.stop_level, bot.barred)
    found = [
        Change(LimitsSeen(at, limits), "limits", "account", json.dumps(value_payload(limits))),
        *(
            Change(InstrumentSeen(at, spec), "instruments", name, _mark(spec))
            for name, spec in state.instruments.items()
        ),
        *(_bot(bot, at) for bot in told),
        *(_plan(held, at) for held in state.positions.values()),
    ]
    marks = {
        "limits": {c.key: c.mark for c in found if c.kind == "limits"},
        "instruments": {**known["instruments"], **{c.key: c.mark for c in found if c.kind == "instruments"}},
        "bots": {c.key: c.mark for c in found if c.kind == "bots"},
        "plans": plans_marked(state),
    }
    if marks == seen:
        return [], None
    # A position's plan is no news at its first sight: it was opened under it.
    return [c for c in found if known[c.kind].get(c.key, c.mark if c.kind == "plans" else "") != c.mark], marks


def _bot(bot: BotSeen, at: datetime) -> Change:
    event = BotChanged(at, bot.bot_id, bot.plan, bot.running, bot.stop_level, bot.barred)
    return Change(event, "bots", str(bot.bot_id), bot.mark)


def _plan(held: PositionState, at: datetime) -> Change:
    key = str(held.position_id)
    return Change(PlanApplied(at, held.position_id, held.plan), "plans", key, str(held.plan.config_id))


def plans_marked(state: AccountState) -> dict[str, str]:
    """The configuration version of each open position."""
    return {str(p.position_id): str(p.plan.config_id) for p in state.positions.values()}


def _mark(spec: InstrumentSpec) -> str:
    numbers = (getattr(spec, field.name) for field in fields(spec))
    return "|".join(text(number) if isinstance(number, Decimal) else str(number) for number in numbers)
