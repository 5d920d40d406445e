"""An account's engine state from its rows: a fixed number of queries, however much is open."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from accounts.models import ExchangeAccount
from signals.models import Instrument
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
    Plan,
    PositionState,
    PositionStatus,
    Purpose,
    Side,
)
from trading.models import Balance, BotConfig, Fill, LedgerEntry, Order, Position

_plans: dict[int, Plan] = {}


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


@dataclass(slots=True)
class Loaded:
    """A state and the keys of its rows."""

    state: AccountState
    keys: Keys


def deployment_id() -> str:
    """The random name of this deployment; where none is set, one derived from its secret key (not reversible)."""
    if settings.XRAY_DEPLOYMENT_ID:
        return settings.XRAY_DEPLOYMENT_ID
    return hashlib.sha256(f"deployment:{settings.SECRET_KEY}".encode()).hexdigest()[:24]


def state_load(account: ExchangeAccount, *, events: Sequence[Event] = ()) -> Loaded:
    """What is open, balances, and the closed orders that `events` concern. Bots, quotes and peak come later."""
    state = AccountState(account.public_id, deployment_id(), account.quote_currency)
    loaded = Loaded(state, Keys())
    _positions(loaded, account)
    _orders(loaded, account, [e.client_order_id for e in events if isinstance(e, OrderAnswered | FillSeen)])
    _fills(loaded, account, [e.trade_id for e in events if isinstance(e, FillSeen)])
    for row in Balance.objects.filter(account=account):
        state.balances[row.currency] = row.total
        loaded.keys.balances[row.currency] = row.pk
    references = [e.reference for e in events if isinstance(e, CashMoved)]
    if references:
        rows = LedgerEntry.objects.filter(account=account, reference__in=references)
        state.cash_references.update(rows.values_list("reference", flat=True))
    return loaded


def _positions(loaded: Loaded, account: ExchangeAccount) -> None:
    rows = Position.objects.filter(account=account, status__in=OPEN_STATES).order_by("id")
    for row in rows.select_related("config", "bot", "instrument"):
        position_add(loaded, row)


def position_add(loaded: Loaded, row: Position) -> None:
    """Put a position's row into the state."""
    keys, state = loaded.keys, loaded.state
    instrument_add(loaded, row.instrument)
    keys.positions[row.public_id] = row.pk
    keys.bots[row.bot.public_id] = row.bot_id
    keys.configs[row.config.public_id] = row.config_id
    position = position_state(row)
    (state.positions if position.status in OPEN_STATES else state.closed_positions)[row.public_id] = position


def _orders(loaded: Loaded, account: ExchangeAccount, mentioned: list[str]) -> None:
    wanted = Q(status__in=OPEN) | Q(client_order_id__in=mentioned) if mentioned else Q(status__in=OPEN)
    rows = Order.objects.filter(wanted, account=account).order_by("id")
    related = ("intent", "bot", "instrument", "position", "position__config", "position__bot", "position__instrument")
    for row in rows.select_related(*related):
        if row.position is not None and row.position.public_id not in loaded.keys.positions:
            position_add(loaded, row.position)
        order_add(loaded, row)


def order_add(loaded: Loaded, row: Order) -> None:
    """Put an order's row into the state."""
    keys, state = loaded.keys, loaded.state
    instrument_add(loaded, row.instrument)
    keys.orders[row.client_order_id] = row.pk
    keys.intents[row.intent.public_id] = row.intent_id
    keys.bots[row.bot.public_id] = row.bot_id
    order = order_state(row)
    (state.orders if order.status in OPEN else state.closed_orders)[row.client_order_id] = order


def instrument_add(loaded: Loaded, row: Instrument) -> None:
    """Put an instrument's row into the state."""
    if row.symbol not in loaded.keys.instruments:
        loaded.keys.instruments[row.symbol] = row.pk
        loaded.state.instruments[row.symbol] = instrument_spec(row)


def _fills(loaded: Loaded, account: ExchangeAccount, trade_ids: list[str]) -> None:
    """Trade ids of the orders in the state and of the fills that are about to be decided."""
    if not loaded.keys.orders and not trade_ids:
        return
    by_pk = {pk: client_order_id for client_order_id, pk in loaded.keys.orders.items()}
    rows = Fill.objects.filter(Q(order__in=list(by_pk)) | Q(trade_id__in=trade_ids), account=account)
    for order_id, symbol, trade_id in rows.values_list("order_id", "instrument__symbol", "trade_id"):
        loaded.state.trade_ids.add((symbol, trade_id))
        client_order_id = by_pk.get(order_id)
        if client_order_id is not None:
            orders = loaded.state.orders
            (orders.get(client_order_id) or loaded.state.closed_orders[client_order_id]).fills += 1


def plan_of(config: BotConfig) -> Plan:
    """A configuration version in domain terms (kept: versions are immutable)."""
    if config.pk not in _plans or _plans[config.pk].config_id != config.public_id:
        _plans[config.pk] = Plan(
            config_id=config.public_id,
            confidence_threshold=config.confidence_threshold,
            capital_per_trade=config.capital_per_trade,
            profit_target=config.profit_target,
            stop_loss=config.stop_loss,
            holding_time=timedelta(seconds=config.holding_time_s),
            entry_type=OrderType.LIMIT_MAKER if config.entry_type == BotConfig.Entry.MAKER else OrderType.MARKET,
            maker_timeout=timedelta(seconds=config.maker_timeout_s),
            taker_after_timeout=config.on_maker_timeout == BotConfig.OnMakerTimeout.TAKER,
            max_positions=config.max_positions,
            max_drawdown=config.max_drawdown,
            max_spread=config.max_spread,
        )
    return _plans[config.pk]


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
        stop_price=row.stop_price,
        target_price=row.target_price,
        hold_until=row.hold_until,
        close_reason=row.close_reason,
        closed_at=row.closed_at,
        exit_intent_id=row.exit_intent_id,
        exits_tried=row.exits_tried,
        retry_at=row.retry_at,
    )


def order_state(row: Order) -> OrderState:
    """An order's row in domain terms; its number of fills is counted by the caller."""
    return OrderState(
        client_order_id=row.client_order_id,
        intent_id=row.intent.public_id,
        leg=row.leg,
        purpose=Purpose(row.intent.purpose),
        bot_id=row.bot.public_id,
        position_id=row.position.public_id if row.position else row.intent.public_id,
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
    )
