"""The engine: `step(state, event)` changes the state and returns the effects, in order.

Deterministic: no input or output, no clock, no random numbers. The same events give the same effects in backtest,
paper and live. What happens to whom is in `entries`, `fills` and `closing`; this file only sends events there.

Stated rules for odd answers: an answer for an order that is not ours changes nothing (`Oddity`); a trade id seen
before changes nothing; an illegal answer changes nothing (`Oddity`); fills count whatever the order's status, late
ones too (see `fills`).
"""

from collections.abc import Callable
from typing import Any

from trading.domain import adding, closing, entries, fills, protection, reducing, replacing, running
from trading.domain.exits import cancel_due, exit_waits, flatten_wanted, maker_late, overdue, step_blockers, step_due
from trading.domain.ledger import post
from trading.domain.levels import levels_reset, raises, stop_raise, touched
from trading.domain.money import exact
from trading.domain.moved import on_order_moved
from trading.domain.orders import ANSWERS, IllegalTransition, is_open, move
from trading.domain.risk import stop_ladder
from trading.domain.risk_day import effects_book
from trading.domain.types import (
    AccountState,
    BotChanged,
    BotState,
    CashMoved,
    ClockMark,
    Effect,
    Event,
    FillSeen,
    InstrumentSeen,
    IntentTaken,
    LimitsSeen,
    Oddity,
    OrderAnswered,
    OrderChanged,
    OrderStatus,
    PlanApplied,
    PositionChanged,
    PositionState,
    Purpose,
    QuoteSeen,
    RunStarted,
    order_copy,
    position_copy,
)


@exact
def step(state: AccountState, event: Event) -> list[Effect]:
    """Decide one event. Raises TypeError for something that is no event."""
    handler = _HANDLERS.get(type(event))
    if handler is None:
        raise TypeError(f"{type(event).__name__} is no event of the engine.")
    effects = handler(state, event)
    paused = running.after(state, effects_book(state, effects), event.at)
    effects_book(state, paused)
    return effects + paused


def _run_started(state: AccountState, _event: RunStarted) -> list[Effect]:
    state.quotes.clear()
    return []


def _instrument_seen(state: AccountState, event: InstrumentSeen) -> list[Effect]:
    state.instruments[event.spec.symbol] = event.spec
    return []


def _limits_seen(state: AccountState, event: LimitsSeen) -> list[Effect]:
    state.limits = event.limits
    return []


def _cash_moved(state: AccountState, event: CashMoved) -> list[Effect]:
    """Deposits and withdrawals move the peak along, so that they are no drawdown."""
    if event.reference in state.cash_references:
        return []
    state.cash_references.add(event.reference)
    if event.currency == state.quote_currency and state.peak_equity > 0:
        state.peak_equity = max(state.peak_equity + event.amount, state.peak_equity * 0)
    kind = event.kind or ("deposit" if event.amount > 0 else "withdrawal")
    return [*post(state, event.at, event.currency, event.amount, kind, event.reference)]


def _intent_taken(state: AccountState, event: IntentTaken) -> list[Effect]:
    if event.purpose.is_entry:
        return entries.decide(state, event)
    return _DECIDERS.get(event.purpose, closing.on_intent)(state, event)


def _quote_seen(state: AccountState, event: QuoteSeen) -> list[Effect]:
    if not 0 < event.quote.bid <= event.quote.ask:
        return [Oddity(event.at, f"A quote of {event.quote.symbol} without a usable price was left out.")]
    state.quotes[event.quote.symbol] = event.quote
    effects: list[Effect] = []
    for position in [p for p in state.positions.values() if p.symbol == event.quote.symbol]:
        effects += _position_quoted(state, position, event)
    return effects


def _position_quoted(state: AccountState, position: PositionState, event: QuoteSeen) -> list[Effect]:
    """Levels first move, then are touched: the whole way out before a step of it, and that before a step in."""
    effects: list[Effect] = []
    if raises(position, event.quote):
        stop_raise(position, state.instruments[position.symbol], event.quote.bid)
        effects.append(PositionChanged(event.at, position_copy(position)))
    purpose = touched(position, event.quote)
    if purpose is not None:
        return effects + closing.begin(state, position, purpose, event.at)
    for order in maker_late(state, position, event.quote):
        effects += closing.cancel_ask(order, event.at, "The price fell to the stop.")
    for order in step_blockers(state, position, event.quote):
        effects += closing.cancel_ask(order, event.at, "The price touched a step.")
    step = step_due(state, position, event.quote)
    if step is Purpose.PROFIT_STEP:
        return effects + reducing.step_take(state, position, event.at)
    return effects + adding.step_in(state, position, event.at) if step is Purpose.ADD else effects


def _clock_mark(state: AccountState, event: ClockMark) -> list[Effect]:
    effects = running.look(state, event.at)
    for order in [o for o in state.orders.values() if cancel_due(o, event.at)]:
        effects += closing.cancel_ask(order, event.at)
    for position in list(state.positions.values()):
        if exit_waits(state, position, event.at):
            effects += closing.send(state, position, event.at)
        elif flatten_wanted(state, position, event.at):
            effects += closing.begin(state, position, Purpose.FORCE_EXIT, event.at)
        elif overdue(position, event.at):
            effects += closing.begin(state, position, Purpose.HOLDING_TIME, event.at)
        else:
            effects += protection.look(state, position, event.at)
    return effects


def _bot_changed(state: AccountState, event: BotChanged) -> list[Effect]:
    """A bot that stops, or is stopped, takes back its resting entries; flatten also closes its positions."""
    bot = BotState(event.bot_id, event.plan, event.running, event.stop_level, event.barred)
    state.bots[event.bot_id] = bot
    effects: list[Effect] = []
    why = stop_ladder.held(bot) or ("" if event.running else "The bot does not run.")
    for order in [o for o in state.orders.values() if o.bot_id == event.bot_id and o.purpose.is_entry]:
        if why and not order.cancel_requested:
            effects += closing.cancel_ask(order, event.at, why)
    for position in [p for p in state.positions.values() if p.bot_id == event.bot_id]:
        if flatten_wanted(state, position, event.at):
            effects += closing.begin(state, position, Purpose.FORCE_EXIT, event.at)
    return effects


def _plan_applied(state: AccountState, event: PlanApplied) -> list[Effect]:
    """Levels follow the new plan; its holding time counts from the opening."""
    position = state.positions.get(event.position_id)
    if position is None:
        return []
    position.plan = event.plan
    if position.hold_until is not None:
        position.hold_until = position.opened_at + event.plan.holding_time
    if position.bought:
        levels_reset(position, state.instruments[position.symbol], event.at)
    return [PositionChanged(event.at, position_copy(position))]


def _order_answered(state: AccountState, event: OrderAnswered) -> list[Effect]:
    order = fills.order_find(state, event.client_order_id)
    if order is None:
        return [Oddity(event.at, f"An answer for the unknown order {event.client_order_id} was left out.")]
    was_open = is_open(order)
    try:
        changed = move(order, ANSWERS[event.status])
    except (IllegalTransition, KeyError):
        return [Oddity(event.at, f"Order {event.client_order_id} is {order.status}; {event.status} was left out.")]
    if (
        not changed
        and event.exchange_order_id in ("", order.exchange_order_id)
        and order.status is not OrderStatus.UNKNOWN
    ):
        return []
    order.reason = event.reason or order.reason
    order.exchange_order_id = event.exchange_order_id or order.exchange_order_id
    effects: list[Effect] = [OrderChanged(event.at, order_copy(order))]
    if changed:
        effects += on_order_moved(state, order, event.at, was_open=was_open)
    return effects


_DECIDERS: dict[Purpose, Callable[[AccountState, IntentTaken], list[Effect]]] = {
    Purpose.CANCEL: closing.on_cancel,
    Purpose.REDUCE: reducing.on_intent,
    Purpose.REPLACE: replacing.on_intent,
}
_HANDLERS: dict[type, Callable[[AccountState, Any], list[Effect]]] = {
    RunStarted: _run_started,
    InstrumentSeen: _instrument_seen,
    LimitsSeen: _limits_seen,
    CashMoved: _cash_moved,
    IntentTaken: _intent_taken,
    QuoteSeen: _quote_seen,
    ClockMark: _clock_mark,
    BotChanged: _bot_changed,
    PlanApplied: _plan_applied,
    OrderAnswered: _order_answered,
    FillSeen: fills.seen,
}
