"""Accounting a fill, exactly once and whenever it comes.

Rules: a trade id seen before changes nothing. A fill counts in whatever status its order is. A late buy (its position
already closed or cancelled) opens the position again; when the bot meanwhile has another position in the
instrument, or when nothing of it could be held, it is written to the old position's `dust`. A late sell is taken from
the old position's dust. More sold than is held cancels what else is on sale.
"""

from decimal import Decimal

from trading.domain import closing, pnl
from trading.domain.ledger import post
from trading.domain.levels import levels_set
from trading.domain.moved import on_order_moved
from trading.domain.orders import Trigger, is_open, move
from trading.domain.position import dust_write_off, fee_apply, fill_apply
from trading.domain.position import is_open as position_is_open
from trading.domain.position import move as position_move
from trading.domain.types import (
    ZERO,
    AccountState,
    Effect,
    FillApplied,
    FillSeen,
    InstrumentSpec,
    Oddity,
    OrderChanged,
    OrderState,
    PositionChanged,
    PositionState,
    PositionStatus,
    Side,
    order_copy,
    position_copy,
)


def order_find(state: AccountState, client_order_id: str) -> OrderState | None:
    """An order, open or closed."""
    return state.orders.get(client_order_id) or state.closed_orders.get(client_order_id)


def seen(state: AccountState, event: FillSeen) -> list[Effect]:
    """Account one fill."""
    order = order_find(state, event.client_order_id)
    if order is None:
        return [Oddity(event.at, f"A fill of the unknown order {event.client_order_id} was left out.")]
    if event.amount <= 0 or event.price <= 0:
        return [Oddity(event.at, f"A fill of {event.amount} at {event.price} makes no sense and was left out.")]
    if (order.symbol, event.trade_id) in state.trade_ids:
        return []
    state.trade_ids.add((order.symbol, event.trade_id))
    was_open = is_open(order)
    changed = _order_fill(order, event)
    effects: list[Effect] = [FillApplied(event.at, order_copy(order), event), *_ledger(state, order, event)]
    effects += _position_fill(state, order, event)
    effects.append(OrderChanged(event.at, order_copy(order)))
    if changed:
        effects += on_order_moved(state, order, event.at, was_open=was_open)
    return effects


def _order_fill(order: OrderState, event: FillSeen) -> bool:
    order.filled += event.amount
    order.cost += event.price * event.amount
    order.fills += 1
    return move(order, Trigger.FILLED_WHOLLY if order.filled >= order.amount else Trigger.FILLED_PARTLY)


def _ledger(state: AccountState, order: OrderState, event: FillSeen) -> list[Effect]:
    """Both sides of the trade, and the fee in its own currency."""
    spec, reference = state.instruments[order.symbol], f"fill:{order.symbol}:{event.trade_id}"
    sign = 1 if order.side is Side.BUY else -1
    cost = event.price * event.amount
    return [
        *post(state, event.at, spec.base, sign * event.amount, "trade", reference),
        *post(state, event.at, spec.quote, -sign * cost, "trade", reference),
        *post(state, event.at, event.fee_currency, -event.fee, "fee", f"{reference}:fee"),
    ]


def fee_value(state: AccountState, spec: InstrumentSpec, event: FillSeen) -> Decimal | None:
    """A fee in quote currency: base at the fill's price, a third coin at its bid; None when that is not known."""
    if event.fee_currency == spec.quote:
        return event.fee
    if event.fee_currency == spec.base:
        return event.fee * event.price
    quote = state.quotes.get(f"{event.fee_currency}/{spec.quote}")
    return None if quote is None else event.fee * quote.bid


def _position_fill(state: AccountState, order: OrderState, event: FillSeen) -> list[Effect]:
    position = state.positions.get(order.position_id) or state.closed_positions.get(order.position_id)
    if position is None:
        return [Oddity(event.at, f"The position of order {order.client_order_id} is gone; its fill is in the ledger.")]
    spec = state.instruments[order.symbol]
    effects: list[Effect] = []
    value = fee_value(state, spec, event)
    if value is None:
        effects.append(Oddity(event.at, f"A fee of {event.fee} {event.fee_currency} could not be valued."))
    fill_apply(position, order.side, event.price, event.amount)
    # A sell's fee in the coin that is sold comes out of the rest of the balance: the amount is sold without it.
    in_base = event.fee_currency == spec.base and order.side is Side.BUY
    fee_apply(position, event.fee, ZERO if value is None else value, in_base=in_base)
    if position_is_open(position):
        effects += _on_open(state, position, order, event)
    else:
        _on_closed(state, position, order, event)
    position.realised_pnl = pnl.realised(position)
    return [*effects, PositionChanged(event.at, position_copy(position))]


def _on_open(state: AccountState, position: PositionState, order: OrderState, event: FillSeen) -> list[Effect]:
    if position.status is PositionStatus.OPENING:
        position_move(position, PositionStatus.OPEN)
    if order.side is Side.BUY:
        levels_set(position, state.instruments[order.symbol], event.at)
        return []
    return _oversold(state, position, event)


def _oversold(state: AccountState, position: PositionState, event: FillSeen) -> list[Effect]:
    """A late fill of an earlier exit: what another exit still has on sale is not there any more."""
    effects: list[Effect] = []
    selling = [o for o in closing.orders_of(state, position) if o.side is Side.SELL and o.remaining > 0]
    if sum((o.remaining for o in selling), ZERO) > position.amount:
        for order in selling:
            effects += [] if order.cancel_requested else closing.cancel_ask(order, event.at)
    return effects


def _on_closed(state: AccountState, position: PositionState, order: OrderState, event: FillSeen) -> None:
    taken = any(p.bot_id == position.bot_id and p.symbol == position.symbol for p in state.positions.values())
    if order.side is Side.SELL or taken:
        dust_write_off(position)
        position_move(position, PositionStatus.CLOSED)
        position.closed_at = position.closed_at or event.at
        closing.leftover_note(state, position)
        return
    position_move(position, PositionStatus.OPEN)
    position.closed_at, position.close_reason = None, ""
    state.positions[position.position_id] = state.closed_positions.pop(position.position_id)
    levels_set(position, state.instruments[order.symbol], event.at)
