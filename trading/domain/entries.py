"""Getting in: an entry intent is judged, sized and placed; a maker entry that timed out may take the rest."""

from datetime import datetime
from decimal import Decimal

from trading.domain import ids, pnl
from trading.domain.ledger import free
from trading.domain.money import amount_floor
from trading.domain.placing import place
from trading.domain.risk import Denial, RiskView, first_denial
from trading.domain.risk.view import denial
from trading.domain.risk_day import day_begin
from trading.domain.risk_state import entry_view, level_of
from trading.domain.sizing import Sized, whole_cost
from trading.domain.types import (
    AccountState,
    BotState,
    Effect,
    IntentDecided,
    IntentTaken,
    Oddity,
    OrderPlaced,
    OrderState,
    OrderStatus,
    OrderType,
    PositionChanged,
    PositionState,
    Quote,
    RiskDenied,
    Side,
    StopLevel,
)
from trading.domain.types import position_copy as copy


def decide(state: AccountState, event: IntentTaken) -> list[Effect]:
    """Judge one entry intent. An intent that was decided before changes nothing."""
    position_id = ids.position_id(event.intent_id)
    if position_id in state.positions or position_id in state.closed_positions:
        return [Oddity(event.at, f"Intent {event.intent_id} was taken twice; the second time was left out.")]
    found = judged(state, event)
    if isinstance(found, Denial):
        return denied(event, found)
    return _opened(state, event, found.bot, found.sized)


def judged(state: AccountState, event: IntentTaken) -> RiskView | Denial:
    """What the rules say of an entry: the snapshot that they let pass, or the refusal."""
    found = risk_view(state, event)
    return found if isinstance(found, Denial) else first_denial(found) or found


def risk_view(state: AccountState, event: IntentTaken) -> RiskView | Denial:
    """The snapshot that rules judge by, or why there is none. Begins the day, and raises the account's peak equity."""
    bot, spec, quote = (
        state.bots.get(event.bot_id),
        state.instruments.get(event.symbol),
        state.quotes.get(event.symbol),
    )
    if bot is None:
        return denial("bot", "The bot does not exist any more.")
    if spec is None:
        return denial("instrument", f"{event.symbol} is not known at this exchange.")
    if quote is None:
        return denial("quote_age", f"There is no price of {event.symbol} right now.")
    day_begin(state, event.at)
    state.peak_equity = max(state.peak_equity, pnl.equity(state))
    return entry_view(state, event, bot, spec, quote)


def cost_wanted(state: AccountState, event: IntentTaken) -> Decimal | None:
    """What this entry and its steps may spend (quote currency); None when a rule refuses it anyway."""
    found = judged(state, event)
    return None if isinstance(found, Denial) else whole_cost(found.sized, found.bot.plan)


def denied(event: IntentTaken, refused: Denial) -> list[Effect]:
    """A refusal, to be stored."""
    status = "expired" if refused.rule == "expiry" else "denied"
    return [
        RiskDenied(event.at, event.intent_id, event.bot_id, refused.rule, refused.reason, refused.facts),
        IntentDecided(event.at, event.intent_id, status, refused.reason),
    ]


def _opened(state: AccountState, event: IntentTaken, bot: BotState, sized: Sized) -> list[Effect]:
    """The position comes first, then its order."""
    position = PositionState(
        ids.position_id(event.intent_id), event.bot_id, event.symbol, bot.plan, event.intent_id, event.at
    )
    state.positions[position.position_id] = position
    return [PositionChanged(event.at, copy(position)), first_order(state, position, event, sized)]


def first_order(state: AccountState, position: PositionState, event: IntentTaken, sized: Sized) -> OrderPlaced:
    """The order of an intent that buys. A limit order by hand rests until it is filled or cancelled."""
    maker = sized.type is OrderType.LIMIT_MAKER
    return place(
        state,
        position,
        event.at,
        intent_id=event.intent_id,
        leg=0,
        purpose=event.purpose,
        side=Side.BUY,
        type=sized.type,
        amount=sized.amount,
        price=sized.price,
        reference=sized.reference,
        expires_at=event.at + position.plan.maker_timeout if maker else None,
    )


def rest_taken(state: AccountState, order: OrderState, position: PositionState, at: datetime) -> list[Effect]:
    """The taker order for the rest of a maker entry that timed out; empty when it gives up."""
    quote = _taker_quote(state, order, position, at)
    if quote is None:
        return []
    spec = state.instruments[order.symbol]
    amount = amount_floor(order.remaining, spec.lot_size)
    cost = amount * quote.ask
    if amount < max(spec.min_amount, spec.lot_size) or cost < spec.min_notional or cost > free(state, spec.quote):
        return []
    return [
        place(
            state,
            position,
            at,
            intent_id=order.intent_id,
            leg=order.leg + 1,
            purpose=order.purpose,
            side=Side.BUY,
            type=OrderType.MARKET,
            amount=amount,
            price=None,
            reference=quote.ask,
        )
    ]


def _taker_quote(state: AccountState, order: OrderState, position: PositionState, at: datetime) -> Quote | None:
    """The quote to take, when plan, time, bot, stops and spread all allow it."""
    timed_out = order.expires_at is not None and at >= order.expires_at
    ended = order.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED) and order.type is OrderType.LIMIT_MAKER
    if not (timed_out and ended and position.plan.taker_after_timeout and position.exit_intent_id is None):
        return None
    bot, quote = state.bots.get(order.bot_id), state.quotes.get(order.symbol)
    held = level_of(state, order.bot_id, at) >= StopLevel.NO_NEW_ENTRIES
    if bot is None or quote is None or not bot.running or held:
        return None
    narrow = (quote.ask - quote.bid) * 2 <= position.plan.max_spread * (quote.ask + quote.bid)
    return quote if narrow else None
