"""What risk rules see, worked out of an account's state: results of the day, exposure, rates, rules in force."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from trading.domain import pnl
from trading.domain.ledger import free, order_reserve
from trading.domain.position import is_open
from trading.domain.risk import RiskView, Watch
from trading.domain.riskbook import in_force, trip_key
from trading.domain.sizing import entry_size
from trading.domain.types import (
    ZERO,
    AccountState,
    BotState,
    InstrumentSpec,
    IntentTaken,
    PositionState,
    Purpose,
    Quote,
    Side,
    StopLevel,
)

MINUTE = timedelta(seconds=60)


def result(state: AccountState, position: PositionState) -> Decimal:
    """Proceeds - cost - cash fees, with what is held at the bid (at cost while no price is known)."""
    return pnl.cash_part(position) + pnl.held_value(state, position)


def day_result(state: AccountState, bot_id: UUID | None) -> Decimal:
    """What a bot (None: the account's bots together) gained since the UTC day began, after fees."""
    book = state.risk
    booked = sum((value for bot, value in book.booked.items() if bot_id in (None, bot)), ZERO)
    return booked + sum(
        (
            result(state, held) - book.base.get(held.position_id, ZERO)
            for held in state.positions.values()
            if bot_id in (None, held.bot_id)
        ),
        ZERO,
    )


def unseen_longest(state: AccountState, at: datetime) -> tuple[str, timedelta]:
    """The held symbol that has shown no price for the longest, and for how long."""
    symbol = min(state.risk.unseen, key=lambda name: (state.risk.unseen[name], name), default="")
    return symbol, at - state.risk.unseen[symbol] if symbol else timedelta(0)


def watch_of(state: AccountState, bot: BotState, at: datetime) -> Watch:
    """The snapshot of one bot for running rules."""
    symbol, unseen = unseen_longest(state, at)
    return Watch(
        at=at,
        bot=bot,
        limits=state.limits,
        equity=pnl.equity(state),
        peak_equity=state.peak_equity,
        day_equity=state.risk.day_equity,
        bot_day=day_result(state, bot.bot_id),
        account_day=day_result(state, None),
        unseen=unseen,
        unseen_symbol=symbol,
    )


def level_of(state: AccountState, bot_id: UUID, at: datetime) -> int:
    """The strictest rung in force for a bot: of the stop ladder, and of running rules."""
    bot = state.bots.get(bot_id)
    own = [trip.level for key, trip in state.risk.trips.items() if key.startswith(f"{bot_id}|") and in_force(trip, at)]
    return max([bot.stop_level if bot is not None else StopLevel.NONE, *own])


def holding(state: AccountState, bot_id: UUID, at: datetime) -> dict[str, str]:
    """Running rules in force for a bot, with their reasons."""
    start = f"{bot_id}|"
    trips = state.risk.trips.items()
    return {key.removeprefix(start): t.reason for key, t in trips if key.startswith(start) and in_force(t, at)}


def entry_view(state: AccountState, event: IntentTaken, bot: BotState, spec: InstrumentSpec, quote: Quote) -> RiskView:
    """The snapshot that an entry is judged by."""
    watch = watch_of(state, bot, event.at)
    own = [p for p in state.positions.values() if p.bot_id == event.bot_id and is_open(p) and not _grows(p, event)]
    recent = [placed for placed in state.risk.placed if event.at - placed.at < MINUTE]
    return RiskView(
        at=event.at,
        intent=event,
        bot=bot,
        spec=spec,
        quote=quote,
        sized=entry_size(event, bot.plan, spec, quote, watch.equity),
        free=free(state, spec.quote),
        bot_positions=len(own),
        has_position=any(p.symbol == event.symbol for p in own),
        watch=watch,
        coin_held=exposure(state, lambda other: other.base == spec.base),
        group_held=exposure(state, lambda other: bool(spec.group) and other.group == spec.group),
        holding=holding(state, bot.bot_id, event.at),
        last_closing=state.risk.closings.get(trip_key(bot.bot_id, spec.symbol)),
        bot_orders=sum(1 for placed in recent if placed.bot_id == bot.bot_id),
        account_orders=len(recent),
    )


def _grows(position: PositionState, event: IntentTaken) -> bool:
    """Whether the intent adds to this position instead of opening another."""
    return event.purpose is Purpose.ADD and position.symbol == event.symbol


def exposure(state: AccountState, counts: Callable[[InstrumentSpec], bool]) -> Decimal:
    """What all bots hold, at the bid, and are buying, in the instruments that count (quote currency)."""
    held = [p for p in state.positions.values() if counts(state.instruments[p.symbol])]
    buying = [o for o in state.orders.values() if o.side is Side.BUY and counts(state.instruments[o.symbol])]
    value = sum((pnl.held_value(state, position) for position in held), ZERO)
    return value + sum((order_reserve(order) for order in buying), ZERO)
