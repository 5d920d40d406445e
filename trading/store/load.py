"""An account's engine state from its rows: a fixed number of queries, however much is open."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q, QuerySet

from accounts.models import ExchangeAccount
from signals.models import Instrument
from trading.domain.closing import leftover_note
from trading.domain.orders import OPEN
from trading.domain.position import OPEN_STATES
from trading.domain.types import (
    AccountState,
    CashMoved,
    Event,
    FillSeen,
    InstrumentSpec,
    OrderAnswered,
    OrderState,
    OrderStatus,
    OrderType,
    PositionState,
    PositionStatus,
    Purpose,
    Side,
    StopKind,
)
from trading.models import Balance, Bot, BotConfig, Fill, Intent, LedgerEntry, Order, Position
from trading.prepared import Prepared
from trading.store.plans import plan_of
from trading.store.queue import bot_rows


@dataclass(slots=True)
class Keys:
    """Primary keys of what the state names by public ids, symbols or client order ids."""

    bots: dict[UUID, int] = field(default_factory=dict)
    configs: dict[UUID, int] = field(default_factory=dict)
    instruments: dict[str, int] = field(default_factory=dict)
    intents: dict[UUID, int] = field(default_factory=dict)
    signals: dict[UUID, int | None] = field(default_factory=dict)  # of an entry intent
    positions: dict[UUID, int] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    tied: set[UUID] = field(default_factory=set)  # entry intents whose rows name their positions
    said: dict[int, tuple[datetime, str]] = field(default_factory=dict)  # last decisions as stored, by bot
    volumes: dict[str, float] = field(default_factory=dict)  # of 24 hours, quote currency, by symbol


@dataclass(slots=True)
class Rows:
    """What was read for a state: the keys of its rows, its bots, and the queue (oldest first)."""

    keys: Keys
    bots: list[Bot]
    intents: list[Intent]


def _named(orders: QuerySet[Order]) -> QuerySet[Any]:
    rows = orders.order_by("id")
    return rows.annotate(intent_public_id=F("intent__public_id"), purpose=F("intent__purpose"))


_balances = Prepared(lambda account: Balance.objects.filter(account=account))
_open_positions = Prepared(
    lambda account: Position.objects.filter(account=account, status__in=OPEN_STATES).order_by("id")
)
_open_orders: Prepared[Any] = Prepared(lambda account: _named(Order.objects.filter(account=account, status__in=OPEN)))
_dust = Prepared(
    lambda account, *instruments: (
        Position.objects.filter(account=account, instrument__in=instruments, status=Position.Status.CLOSED)
        .exclude(dust=0)
        .order_by("id")
    )
)
_instruments = Prepared(lambda *instruments: Instrument.objects.filter(pk__in=instruments))
_waiting_intents: Prepared[Any] = Prepared(
    lambda account: (
        Intent.objects.filter(account=account, status__in=[Intent.Status.PENDING, Intent.Status.CLAIMED])
        .order_by("id")
        .annotate(
            order_client_id=F("order__client_order_id"),
            signal_close=F("signal__close"),
            signal_open_time=F("signal__candle_open_time"),
            signal_timeframe=F("signal__timeframe"),
        )
    )
)


def deployment_id() -> str:
    """The random name of this deployment; where none is set, one derived from its secret key (not reversible)."""
    if settings.XRAY_DEPLOYMENT_ID:
        return settings.XRAY_DEPLOYMENT_ID
    return hashlib.sha256(f"deployment:{settings.SECRET_KEY}".encode()).hexdigest()[:24]


def state_load(
    account: ExchangeAccount, *, events: Sequence[Event] = (), closed_since: datetime | None = None
) -> tuple[AccountState, Rows]:
    """What is open, balances, and the closed orders that `events` concern or that closed since that moment.

    Bots' states, quotes and peak come later.
    """
    state = AccountState(account.public_id, deployment_id(), account.quote_currency)
    bots = bot_rows(account)
    mentioned = Q(client_order_id__in=[e.client_order_id for e in events if isinstance(e, OrderAnswered | FillSeen)])
    if closed_since is not None:
        mentioned |= Q(closed_at__gte=closed_since)
    wanted = mentioned if events or closed_since else None
    positions, orders = _positions(account, wanted), _orders(account, wanted)
    intents = _waiting_intents(account.pk)
    positions += _leftovers(account, positions, intents)
    rows = Rows(Keys(), bots, intents)
    _joined(state, rows, positions, orders)
    _fills(state, rows.keys, account, [e.trade_id for e in events if isinstance(e, FillSeen)])
    for row in _balances(account.pk):
        state.balances[row.currency] = row.total
        rows.keys.balances[row.currency] = row.pk
    references = [e.reference for e in events if isinstance(e, CashMoved)]
    if references:
        posted = LedgerEntry.objects.filter(account=account, reference__in=references)
        state.cash_references.update(posted.values_list("reference", flat=True))
    return state, rows


def _positions(account: ExchangeAccount, orders: Q | None) -> list[Position]:
    if orders is None:
        return _open_positions(account.pk)
    wanted = Q(status__in=OPEN_STATES) | Q(pk__in=Order.objects.filter(orders, account=account).values("position_id"))
    return list(Position.objects.filter(wanted, account=account).order_by("id"))


def _leftovers(account: ExchangeAccount, positions: list[Position], intents: list[Intent]) -> list[Position]:
    """Closed positions whose dust an exit of an instrument in play would sell along."""
    in_play = {row.instrument_id for rows in (positions, intents) for row in rows}
    if not in_play:
        return []
    known = {row.pk for row in positions}
    return [row for row in _dust(account.pk, *in_play) if row.pk not in known]


def _orders(account: ExchangeAccount, closed: Q | None) -> list[Any]:
    if closed is None:
        return _open_orders(account.pk)
    return list(_named(Order.objects.filter(Q(status__in=OPEN) | closed, account=account)))


def _joined(state: AccountState, rows: Rows, positions: list[Position], orders: list[Any]) -> None:
    """Tie rows together by their keys: cheaper than joining the same few bots and instruments to every row."""
    keys = rows.keys
    bots = {row.pk: row for row in rows.bots}
    configs = _configs(rows.bots, positions)
    wanted = {row.instrument_id for found in (positions, orders, rows.intents) for row in found}
    instruments = {row.pk: row for row in _instruments(*wanted)} if wanted else {}
    for instrument in instruments.values():
        keys.instruments[instrument.symbol] = instrument.pk
        keys.volumes[instrument.symbol] = instrument.volume_quote_24h
        state.instruments[instrument.symbol] = instrument_spec(instrument)
    keys.bots.update({row.public_id: row.pk for row in rows.bots})
    keys.configs.update({row.public_id: row.pk for row in configs.values()})
    by_pk: dict[int, UUID] = {}
    for row in positions:
        row.bot, row.config, row.instrument = bots[row.bot_id], configs[row.config_id], instruments[row.instrument_id]
        keys.positions[row.public_id], by_pk[row.pk] = row.pk, row.public_id
        position = position_state(row)
        if position.status in OPEN_STATES:
            state.positions[row.public_id] = position
        else:
            state.closed_positions[row.public_id] = position
            leftover_note(state, position)
    _orders_joined(state, keys, orders, bots, instruments, by_pk)
    for intent in rows.intents:
        keys.intents[intent.public_id] = intent.pk
        if Purpose(intent.purpose).is_entry:
            keys.signals[intent.public_id] = intent.signal_id
        intent.bot, intent.instrument = bots[intent.bot_id], instruments[intent.instrument_id]


def _orders_joined(
    state: AccountState,
    keys: Keys,
    orders: list[Any],
    bots: dict[int, Bot],
    instruments: dict[int, Instrument],
    positions: dict[int, UUID],
) -> None:
    for row in orders:
        row.bot, row.instrument = bots[row.bot_id], instruments[row.instrument_id]
        keys.orders[row.client_order_id] = row.pk
        keys.intents[row.intent_public_id] = row.intent_id
        order = _order_state(row, row.intent_public_id, row.purpose, positions[row.position_id])
        (state.orders if order.status in OPEN else state.closed_orders)[row.client_order_id] = order


def _configs(bots: list[Bot], positions: list[Position]) -> dict[int, BotConfig]:
    """Versions in force, and older ones that open positions keep."""
    configs = {row.config.pk: row.config for row in bots if row.config is not None}
    older = {row.config_id for row in positions} - set(configs)
    return {**configs, **(BotConfig.objects.in_bulk(older) if older else {})}


def _fills(state: AccountState, keys: Keys, account: ExchangeAccount, trade_ids: list[str]) -> None:
    """Trade ids of the orders in the state and of the fills that are about to be decided."""
    if not keys.orders and not trade_ids:
        return
    by_pk = {pk: client_order_id for client_order_id, pk in keys.orders.items()}
    wanted = Q(order__in=list(by_pk)) | Q(trade_id__in=trade_ids) if trade_ids else Q(order__in=list(by_pk))
    rows = Fill.objects.filter(wanted, account=account).order_by()
    for order_id, symbol, trade_id in rows.values_list("order_id", "instrument__symbol", "trade_id"):
        state.trade_ids.add((symbol, trade_id))
        client_order_id = by_pk.get(order_id)
        if client_order_id is not None:
            (state.orders.get(client_order_id) or state.closed_orders[client_order_id]).fills += 1


def instrument_spec(row: Instrument) -> InstrumentSpec:
    """An instrument's limits and fees in domain terms."""
    return InstrumentSpec(
        row.symbol,
        row.base,
        row.quote,
        row.tick_size,
        row.lot_size,
        row.min_amount,
        row.max_amount,
        row.min_notional,
        row.maker_fee,
        row.taker_fee,
        row.group,
    )


def position_state(row: Position) -> PositionState:
    """A position's row in domain terms."""
    return PositionState(
        position_id=row.public_id,
        bot_id=row.bot.public_id,
        symbol=row.instrument.symbol,
        plan=plan_of(row.config),
        intent_id=row.entry_intent_id or row.public_id,
        opened_at=row.opened_at,
        status=PositionStatus(row.status),
        amount=row.amount,
        bought=row.bought,
        buy_cost=row.buy_cost,
        sold=row.sold,
        sell_proceeds=row.sell_proceeds,
        fees_quote=row.fees_quote,
        fees_cash=row.fees_cash,
        realised_pnl=row.realised_pnl,
        dust=row.dust,
        dust_cost=row.dust_cost,
        dust_moved=row.dust_moved,
        cost_moved=row.cost_moved,
        gone=row.gone,
        gone_cost=row.gone_cost,
        stop_price=row.stop_price,
        target_price=row.target_price,
        hold_until=row.hold_until,
        close_reason=row.close_reason,
        closed_at=row.closed_at,
        exit_intent_id=row.exit_intent_id,
        exits_tried=row.exits_tried,
        retry_at=row.retry_at,
        stop_kind=StopKind(row.stop_kind),
        raise_price=row.raise_price,
        step_price=row.step_price,
        add_price=row.add_price,
        steps_taken=row.steps_taken,
        adds_taken=row.adds_taken,
        first_price=row.first_price,
        first_cost=row.first_cost,
        stops_placed=row.stops_placed,
    )


def _order_state(row: Order, intent_id: UUID, purpose: str, position_id: UUID) -> OrderState:
    return OrderState(
        client_order_id=row.client_order_id,
        intent_id=intent_id,
        leg=row.leg,
        purpose=Purpose(purpose),
        bot_id=row.bot.public_id,
        position_id=position_id,
        symbol=row.instrument.symbol,
        side=Side(row.side),
        type=OrderType(row.type),
        amount=row.amount,
        price=row.price,
        created_at=row.created_at,
        expires_at=row.expires_at,
        reference_price=row.reference_price,
        status=OrderStatus(row.status),
        filled=row.filled,
        cost=row.cost,
        cancel_asked_at=row.cancel_requested_at,
        reason=row.reason,
        exchange_order_id=row.exchange_order_id,
        replace_intent_id=row.replace_intent_id,
        replace_price=row.replace_price,
        replace_amount=row.replace_amount,
        target=row.target,
    )
