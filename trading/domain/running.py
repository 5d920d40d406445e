"""Running rules: looked at with every clock mark, and when a trade closed or a fill came.

What comes into force is an effect (`RiskTripped`), takes back the bot's resting entries and, where its level says so,
closes its positions with the same mark. What must be over by itself (a day, a pause) has an end; the rest is over when
its rule says nothing any more.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from trading.domain import closing, protection
from trading.domain.exits import exits_due
from trading.domain.risk import RUNNING, Denial, loss_streak, slippage_average
from trading.domain.risk_day import day_begin, day_due
from trading.domain.risk_state import watch_of
from trading.domain.riskbook import Trip, in_force, trip_key
from trading.domain.types import AccountState, BotState, Effect, RiskTripped, StopLevel

FOR_THE_DAY = ("daily_loss", "account_loss")
HELD_BACK = "A limit was reached: {}"


def look(state: AccountState, at: datetime) -> list[Effect]:
    """What a clock mark changes: the day, symbols without a price, rules that come into force or are over."""
    if day_due(state, at):
        day_begin(state, at)
    state.risk.unseen = _unseen(state, at)
    new, over = _changes(state, at)
    for key in over:
        del state.risk.trips[key]
    effects: list[Effect] = []
    for bot, breach in new:
        effects += _trip(state, bot, breach, at, _until(breach.rule, at))
    return effects


def due(state: AccountState, at: datetime) -> bool:
    """Whether a clock mark at this moment would do anything: to orders and positions, or to what `look` changes."""
    if any(protection.due(state, position, at) for position in state.positions.values()):
        return True
    if exits_due(state, at) or day_due(state, at) or _unseen(state, at) != state.risk.unseen:
        return True
    new, over = _changes(state, at)
    return bool(new or over)


def after(state: AccountState, bots: Iterable[UUID], at: datetime) -> list[Effect]:
    """What a closed trade or a fill of these bots brings into force: a pause."""
    effects: list[Effect] = []
    for bot in [state.bots[bot_id] for bot_id in bots if bot_id in state.bots]:
        found = loss_streak.breach(bot, state.risk.streaks.get(bot.bot_id, 0))
        if found is not None:
            state.risk.streaks[bot.bot_id] = 0
            effects += _trip(state, bot, found, at, at + bot.plan.limits.pause)
        found = slippage_average.breach(bot, state.risk.slips.get(bot.bot_id, []))
        if found is not None:
            state.risk.slips[bot.bot_id] = []
            effects += _trip(state, bot, found, at, at + bot.plan.limits.pause)
    return effects


def _changes(state: AccountState, at: datetime) -> tuple[list[tuple[BotState, Denial]], list[str]]:
    """Rules that come into force now for bots that hold or order something, and keys of those that are over."""
    trips = state.risk.trips
    active = {key for key, trip in trips.items() if in_force(trip, at)}
    busy = {p.bot_id for p in state.positions.values()} | {o.bot_id for o in state.orders.values()}
    asked = busy | {UUID(key.partition("|")[0]) for key in active if trips[key].until is None}
    new: list[tuple[BotState, Denial]] = []
    said: set[str] = set()
    for bot in [bot for bot in state.bots.values() if bot.bot_id in asked]:
        watch = watch_of(state, bot, at)
        for breach in filter(None, (rule(watch) for rule in RUNNING)):
            key = trip_key(bot.bot_id, breach.rule)
            said.add(key)
            if key not in active and bot.bot_id in busy:
                new.append((bot, breach))
    return new, sorted(key for key in active if trips[key].until is None and key not in said)


def _unseen(state: AccountState, at: datetime) -> dict[str, datetime]:
    """Since when each held symbol shows no price, where any bot minds."""
    if all(bot.plan.limits.stale_after is None for bot in state.bots.values()):
        return {}
    found: dict[str, datetime] = {}
    for symbol in sorted({p.symbol for p in state.positions.values() if p.amount > 0}):
        quote = state.quotes.get(symbol)
        if quote is None or at - quote.at > state.limits.quote_age:
            found[symbol] = state.risk.unseen.get(symbol, at if quote is None else quote.at)
    return found


def _until(rule: str, at: datetime) -> datetime | None:
    midnight = datetime.combine(at.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
    return midnight if rule in FOR_THE_DAY else None


def _trip(state: AccountState, bot: BotState, breach: Denial, at: datetime, until: datetime | None) -> list[Effect]:
    level = _level(state, bot, breach.rule)
    state.risk.trips[trip_key(bot.bot_id, breach.rule)] = Trip(level, at, until, breach.reason)
    effects: list[Effect] = [RiskTripped(at, bot.bot_id, breach.rule, level, breach.reason, breach.facts)]
    for order in [o for o in state.orders.values() if o.bot_id == bot.bot_id and o.purpose.is_entry]:
        effects += [] if order.cancel_requested else closing.cancel_ask(order, at, HELD_BACK.format(breach.reason))
    return effects


def _level(state: AccountState, bot: BotState, rule: str) -> int:
    if rule == "account_loss":
        return state.limits.on_breach
    return bot.plan.limits.on_breach if rule in ("daily_loss", "drawdown") else StopLevel.NO_NEW_ENTRIES
