"""What changed around an account since its engine last looked: bots, stops, instruments, plans of open positions.

What the engine saw last is kept in short form with the lease (`AccountLease.seen`), so that a change is recorded once,
as an event, and a replay sees it at the same place.
"""

from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.models import ExchangeAccount
from trading.domain.money import text
from trading.domain.types import (
    AccountState,
    BotChanged,
    BotState,
    Event,
    InstrumentSeen,
    InstrumentSpec,
    PlanApplied,
    StopLevel,
)
from trading.models import Bot
from trading.selectors.stops import stop_levels_for
from trading.services.bots import account_problem
from trading.store.load import Loaded, plan_of


def changes_seen(
    account: ExchangeAccount, loaded: Loaded, seen: dict[str, Any], at: datetime
) -> tuple[list[Event], dict[str, Any] | None]:
    """Events for all that changed, and the new short form (None when nothing did). Fills the state's bots."""
    bots, bot_marks = _bots(account, loaded, set(seen.get("bots", {})), at)
    plans, plan_marks = _plans(loaded, at), plans_marked(loaded.state)
    specs, spec_marks = _instruments(loaded, seen.get("instruments", {}), at)
    marks = {"bots": bot_marks, "plans": plan_marks, "instruments": spec_marks}
    if marks == seen:
        return [], None
    events: list[Event] = [*specs]
    events += [event for key, event in bots.items() if seen.get("bots", {}).get(key) != bot_marks[key]]
    known = seen.get("plans", {})
    events += [event for key, event in plans.items() if key in known and known[key] != plan_marks[key]]
    return events, marks


def _bots(
    account: ExchangeAccount, loaded: Loaded, known: set[str], at: datetime
) -> tuple[dict[str, Event], dict[str, str]]:
    """All bots of the account that have a configuration; deleted ones when the engine knows them (as stopped)."""
    bots = [row for row in loaded.bots if row.deleted_at is None or str(row.public_id) in known]
    levels = stop_levels_for(bots)
    barred = bool(account_problem(account))  # paused, keys refused or unproven and not attested, live switched off
    events, marks = {}, {}
    for row in bots:
        level = max(levels[row.pk], StopLevel.NO_NEW_ENTRIES if barred else StopLevel.NONE)
        events[str(row.public_id)] = _bot(loaded, row, level, at)
        gone = ":deleted" if row.deleted_at else ""
        marks[str(row.public_id)] = f"{row.config_id}:{row.status}:{level}{gone}"
    return events, marks


def _bot(loaded: Loaded, row: Bot, level: int, at: datetime) -> Event:
    assert row.config is not None
    running = row.status == Bot.Status.RUNNING and row.deleted_at is None
    event = BotChanged(at, row.public_id, plan_of(row.config), running, level)
    loaded.state.bots[row.public_id] = BotState(row.public_id, event.plan, running, level)
    return event


def _plans(loaded: Loaded, at: datetime) -> dict[str, Event]:
    held = loaded.state.positions.values()
    return {str(p.position_id): PlanApplied(at, p.position_id, p.plan) for p in held}


def plans_marked(state: AccountState) -> dict[str, str]:
    """The configuration version of each open position."""
    return {str(p.position_id): str(p.plan.config_id) for p in state.positions.values()}


def _instruments(loaded: Loaded, known: dict[str, str], at: datetime) -> tuple[list[Event], dict[str, str]]:
    """Limits and fees of the instruments in play; those seen before stay on the list."""
    marks = {symbol: _mark(spec) for symbol, spec in loaded.state.instruments.items()}
    changed = [symbol for symbol, mark in marks.items() if known.get(symbol) != mark]
    return [InstrumentSeen(at, loaded.state.instruments[symbol]) for symbol in changed], {**known, **marks}


def _mark(spec: InstrumentSpec) -> str:
    numbers = (getattr(spec, field.name) for field in fields(spec))
    return "|".join(text(number) if isinstance(number, Decimal) else str(number) for number in numbers)
