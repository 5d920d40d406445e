"""Saving what a step decided: one short transaction that begins by proving that the lease is still ours.

Effects are folded first: of an order or position that changed several times only the last state is written. Inputs
are recorded in the same transaction as their effects, ahead of any order that leaves: no effect is ever stored
without the input that it came from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.clock import now
from accounts.models import ExchangeAccount
from trading.domain.floors import floors
from trading.domain.money import text
from trading.domain.records import event_kind, event_payload, value_payload
from trading.domain.types import (
    ZERO,
    AccountState,
    Effect,
    Event,
    FillApplied,
    IntentDecided,
    IntentOpened,
    LedgerPosted,
    OrderChanged,
    OrderPlaced,
    OrderState,
    PositionChanged,
    PositionState,
    PositionStatus,
    Purpose,
    RiskDenied,
    RiskTripped,
    Side,
)
from trading.leases import lease_save
from trading.models import Balance, Bot, DecisionRecord, Fill, Intent, LedgerEntry, Order, Position, RiskEvent
from trading.statements import rows_insert, rows_update
from trading.store.capacity import capacity_release
from trading.store.load import Keys
from trading.store.rows import order_identity, order_values, position_values
from trading.turn.ports import Lease

ENDED = (PositionStatus.CLOSED, PositionStatus.CANCELLED)


@dataclass(slots=True)
class _Folded:
    """Effects by what they concern, the last state of each."""

    orders: dict[str, OrderPlaced | OrderChanged] = field(default_factory=dict)
    positions: dict[UUID, PositionState] = field(default_factory=dict)
    opened: list[IntentOpened] = field(default_factory=list)
    decided: dict[UUID, IntentDecided] = field(default_factory=dict)
    fills: list[FillApplied] = field(default_factory=list)
    ledger: list[LedgerPosted] = field(default_factory=list)
    denied: list[RiskDenied] = field(default_factory=list)
    tripped: list[RiskTripped] = field(default_factory=list)


def _folded(effects: Sequence[Effect]) -> _Folded:
    folded = _Folded()
    for effect in effects:
        match effect:
            case OrderPlaced(order=order) | OrderChanged(order=order):
                folded.orders[order.client_order_id] = effect
            case PositionChanged(position=position):
                folded.positions[position.position_id] = position
            case IntentOpened():
                folded.opened.append(effect)
            case IntentDecided(intent_id=intent_id):
                folded.decided[intent_id] = effect
            case FillApplied():
                folded.fills.append(effect)
            case LedgerPosted():
                folded.ledger.append(effect)
            case RiskDenied():
                folded.denied.append(effect)
            case RiskTripped():
                folded.tripped.append(effect)
    return folded


def effects_save(
    *,
    account: ExchangeAccount,
    lease: Lease,
    state: AccountState,
    keys: Keys,
    events: Sequence[Event],
    effects: Sequence[Effect],
    seen: dict[str, Any] | None = None,
) -> None:
    """Record the events and store the effects. Raises LeaseLost (nothing is stored then)."""
    folded, sequence, peak = _folded(effects), lease.sequence + len(events), state.peak_equity
    carried: dict[str, Any] = {"sequence": sequence, "peak_equity": peak, **_risk_carried(lease, state, events)}
    if seen is not None:
        carried["seen"] = seen
    with transaction.atomic():
        lease_save(lease, **carried)
        _records(account, lease.sequence, events)
        _positions(account, keys, folded)
        _intents(account, state, keys, folded, lease)
        _orders(account, keys, folded)
        _fills(account, keys, folded)
        _ledger(account, state, keys, folded)
        _bots(keys, folded)
        _capacity(folded)
    lease.sequence, lease.peak_equity = sequence, peak
    lease.seen = lease.seen if seen is None else seen
    lease.risk, lease.floors = carried.get("risk", lease.risk), carried.get("floors", lease.floors)


def _risk_carried(lease: Lease, state: AccountState, events: Sequence[Event]) -> dict[str, Any]:
    """What risk rules remember, and what wakes the account: where it changed."""
    at = events[-1].at if events else now()
    limits = {str(bot_id or ""): text(floor) for bot_id, floor in floors(state, at).items()}
    found = {"risk": value_payload(state.risk), "floors": limits}
    return {name: value for name, value in found.items() if value != getattr(lease, name)}


def _capacity(folded: _Folded) -> None:
    """Give back what denied entries and closed positions held of their pairs."""
    ended = [p.intent_id for p in folded.positions.values() if p.status in ENDED]
    ended += [effect.intent_id for effect in folded.denied]
    if ended:
        capacity_release(ended)


def _records(account: ExchangeAccount, last: int, events: Sequence[Event]) -> None:
    rows = [
        {
            "account_id": account.pk,
            "sequence": last + number,
            "kind": event_kind(event),
            "payload": event_payload(event),
            "at": event.at,
        }
        for number, event in enumerate(events, start=1)
    ]
    rows_insert(DecisionRecord, rows)


def _positions(account: ExchangeAccount, keys: Keys, folded: _Folded) -> None:
    """Old ones first, so that one that closes makes room for a new one of the same bot and instrument."""
    old = {i: p for i, p in folded.positions.items() if i in keys.positions}
    rows_update(Position, {keys.positions[i]: position_values(p) for i, p in old.items()})
    rows = [
        {
            "public_id": position_id,
            "account_id": account.pk,
            "bot_id": keys.bots[position.bot_id],
            "config_id": keys.configs[position.plan.config_id],
            "instrument_id": keys.instruments[position.symbol],
            "signal_id": keys.signals.get(position.intent_id),
            "entry_intent_id": position.intent_id,
            **position_values(position),
        }
        for position_id, position in folded.positions.items()
        if position_id not in old
    ]
    keys.positions.update(zip((row["public_id"] for row in rows), rows_insert(Position, rows), strict=True))


def _intents(account: ExchangeAccount, state: AccountState, keys: Keys, folded: _Folded, lease: Lease) -> None:
    """Exits that the engine opened become rows; decisions are written; entries are tied to their positions."""
    held = {**state.closed_positions, **state.positions}
    rows = [
        {
            "public_id": effect.intent_id,
            "account_id": account.pk,
            "bot_id": keys.bots[effect.bot_id],
            "config_id": keys.configs[held[effect.position_id].plan.config_id],
            "instrument_id": keys.instruments[effect.symbol],
            "position_id": keys.positions[effect.position_id],
            "purpose": str(effect.purpose),
            "side": str(effect.side),
            "fencing_token": lease.token,
            "created_at": effect.at,
            "claimed_at": effect.at,
            **_NOT_DECIDED,
            **_decision(folded.decided.pop(effect.intent_id, None)),
        }
        for effect in folded.opened
    ]
    keys.intents.update(zip((row["public_id"] for row in rows), rows_insert(Intent, rows), strict=True))
    links = {p.intent_id: keys.positions[p.position_id] for p in folded.positions.values()}
    untied = {i: key for i, key in links.items() if i in keys.signals and i not in keys.tied}
    rows_update(Intent, {keys.intents[i]: {"position": key} for i, key in untied.items()})
    keys.tied |= untied.keys()
    rows_update(Intent, {keys.intents[i]: _decision(decided) for i, decided in folded.decided.items()})


_NOT_DECIDED: dict[str, Any] = {"reason": "", "decided_at": None}


def _decision(decided: IntentDecided | None) -> dict[str, Any]:
    if decided is None:
        return {"status": Intent.Status.CLAIMED}
    return {"status": decided.status, "reason": decided.reason[:240], "decided_at": decided.at}


def _orders(account: ExchangeAccount, keys: Keys, folded: _Folded) -> None:
    values = {i: order_values(e.order, e.at) for i, e in folded.orders.items()}
    rows_update(Order, {keys.orders[i]: row for i, row in values.items() if i in keys.orders})
    rows = [
        {
            "account_id": account.pk,
            "intent_id": keys.intents[order.intent_id],
            "bot_id": keys.bots[order.bot_id],
            "instrument_id": keys.instruments[order.symbol],
            "position_id": keys.positions[order.position_id],
            **order_identity(order),
            **values[order.client_order_id],
        }
        for order in (effect.order for i, effect in folded.orders.items() if i not in keys.orders)
    ]
    keys.orders.update(zip((row["client_order_id"] for row in rows), rows_insert(Order, rows), strict=True))


def _fills(account: ExchangeAccount, keys: Keys, folded: _Folded) -> None:
    rows = [
        {
            "account_id": account.pk,
            "order_id": keys.orders[effect.order.client_order_id],
            "instrument_id": keys.instruments[effect.order.symbol],
            "trade_id": effect.fill.trade_id,
            "side": str(effect.order.side),
            "price": effect.fill.price,
            "amount": effect.fill.amount,
            "fee": effect.fill.fee,
            "fee_currency": effect.fill.fee_currency,
            "maker": effect.fill.maker,
            "executed_at": effect.fill.at,
        }
        for effect in folded.fills
    ]
    rows_insert(Fill, rows)


def _ledger(account: ExchangeAccount, state: AccountState, keys: Keys, folded: _Folded) -> None:
    rows = [
        {
            "account_id": account.pk,
            "reference": effect.reference,
            "currency": effect.currency,
            "amount": effect.amount,
            "kind": effect.kind,
            "at": effect.at,
        }
        for effect in folded.ledger
    ]
    rows_insert(LedgerEntry, rows)
    moved = {effect.currency: effect.at for effect in folded.ledger}
    values = {c: {"total": state.balances.get(c, ZERO), "updated_at": at} for c, at in moved.items()}
    rows_update(Balance, {keys.balances[c]: row for c, row in values.items() if c in keys.balances})
    new = [c for c in values if c not in keys.balances]
    made = rows_insert(Balance, [{"account_id": account.pk, "currency": c, **values[c]} for c in new])
    keys.balances.update(zip(new, made, strict=True))


def _bots(keys: Keys, folded: _Folded) -> None:
    """Denials and rules that came into force as rows, and each bot's last decision in words."""
    RiskEvent.objects.bulk_create(
        RiskEvent(
            bot_id=keys.bots[effect.bot_id],
            rule=effect.rule,
            level=effect.level,
            reason=effect.reason[:240],
            snapshot=dict(effect.facts),
            created_at=effect.at,
        )
        for effect in folded.tripped
        if effect.bot_id in keys.bots
    )
    RiskEvent.objects.bulk_create(
        RiskEvent(
            bot_id=keys.bots[effect.bot_id],
            intent_id=keys.intents.get(effect.intent_id),
            rule=effect.rule,
            reason=effect.reason[:240],
            snapshot=dict(effect.facts),
            created_at=effect.at,
        )
        for effect in folded.denied
        if effect.bot_id in keys.bots
    )
    last = {effect.bot_id: (effect.at, f"Denied: {effect.reason}") for effect in folded.denied}
    for placed in (effect for effect in folded.orders.values() if isinstance(effect, OrderPlaced | OrderChanged)):
        order = placed.order
        if order.created_at == placed.at:
            last[order.bot_id] = (placed.at, _placed_words(order))
    last |= {effect.bot_id: (effect.at, effect.reason) for effect in folded.tripped}
    said = {keys.bots[bot_id]: saying for bot_id, saying in last.items() if bot_id in keys.bots}
    said = {pk: saying for pk, saying in said.items() if keys.said.get(pk) != saying}
    rows_update(Bot, {pk: {"last_decision": words[:240], "last_decision_at": at} for pk, (at, words) in said.items()})
    keys.said |= said


def _placed_words(order: OrderState) -> str:
    what = f"{text(order.amount)} {order.symbol}"
    if order.purpose is Purpose.PROTECT:
        levels = f"a stop at {text(order.price or ZERO)}"
        if order.target is not None:
            levels += f" and a target at {text(order.target)}"
        return f"Has {levels} for {what} rest at the exchange."
    return f"{'Buys' if order.side is Side.BUY else 'Sells'} {what} ({order.purpose.replace('_', ' ')})."
