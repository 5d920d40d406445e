"""An account's engine state from its rows: a fixed number of queries, however much is open."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q

from accounts.models import ExchangeAccount
from signals.models import Instrument, Strategy
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
    Plan,
    PositionState,
    PositionStatus,
    Purpose,
    Side,
)
from trading.models import Balance, Bot, BotConfig, Fill, Intent, LedgerEntry, Order, Position

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
    """A state, the keys of its rows, and the rows that execution also looks at."""

    state: AccountState
    keys: Keys
    bots: list[Bot]  # all of the account that have a configuration, with account, user, configuration and strategy
    intents: list[Intent]  # pending or claimed, oldest first; bot and instrument are set


def deployment_id() -> str:
    """The random name of this deployment; where none is set, one derived from its secret key (not reversible)."""
    if settings.XRAY_DEPLOYMENT_ID:
        return settings.XRAY_DEPLOYMENT_ID
    return hashlib.sha256(f"deployment:{settings.SECRET_KEY}".encode()).hexdigest()[:24]


def state_load(account: ExchangeAccount, *, events: Sequence[Event] = ()) -> Loaded:
    """What is open, balances, and the closed orders that `events` concern. Bots' states, quotes and peak come later."""
    state = AccountState(account.public_id, deployment_id(), account.quote_currency)
    bots = _bots(account)
    mentioned = [e.client_order_id for e in events if isinstance(e, OrderAnswered | FillSeen)]
    positions, orders = _positions(account, mentioned), _orders(account, mentioned)
    waiting = [Intent.Status.PENDING, Intent.Status.CLAIMED]
    intents = list(Intent.objects.filter(account=account, status__in=waiting).order_by("id").select_related("order"))
    positions += _leftovers(account, positions, intents)
    loaded = Loaded(state, Keys(), bots, intents)
    _joined(loaded, positions, orders)
    _fills(loaded, account, [e.trade_id for e in events if isinstance(e, FillSeen)])
    for row in Balance.objects.filter(account=account):
        state.balances[row.currency] = row.total
        loaded.keys.balances[row.currency] = row.pk
    references = [e.reference for e in events if isinstance(e, CashMoved)]
    if references:
        rows = LedgerEntry.objects.filter(account=account, reference__in=references)
        state.cash_references.update(rows.values_list("reference", flat=True))
    return loaded


def _bots(account: ExchangeAccount) -> list[Bot]:
    """Deleted ones too: they may still hold something."""
    rows = list(Bot.objects.filter(account=account, config__isnull=False).order_by("id").select_related("config"))
    strategies = {row.config.strategy_id for row in rows if row.config is not None and row.config.strategy_id}
    found = Strategy.objects.in_bulk(strategies) if strategies else {}
    for row in rows:
        row.account = account
        if row.user_id == account.user_id:
            row.user = account.user
        if row.config is not None and row.config.strategy_id:
            row.config.strategy = found[row.config.strategy_id]
    return rows


def _positions(account: ExchangeAccount, mentioned: list[str]) -> list[Position]:
    wanted = Q(status__in=OPEN_STATES)
    if mentioned:
        wanted |= Q(pk__in=Order.objects.filter(account=account, client_order_id__in=mentioned).values("position_id"))
    return list(Position.objects.filter(wanted, account=account).order_by("id"))


def _leftovers(account: ExchangeAccount, positions: list[Position], intents: list[Intent]) -> list[Position]:
    """Closed positions whose dust an exit of an instrument in play would sell along."""
    in_play = {row.instrument_id for rows in (positions, intents) for row in rows}
    if not in_play:
        return []
    known = [row.pk for row in positions]
    rows = Position.objects.filter(account=account, instrument__in=in_play, status=Position.Status.CLOSED)
    return list(rows.exclude(dust=0).exclude(pk__in=known).order_by("id"))


def _orders(account: ExchangeAccount, mentioned: list[str]) -> list[Any]:
    wanted = Q(status__in=OPEN) | Q(client_order_id__in=mentioned) if mentioned else Q(status__in=OPEN)
    rows = Order.objects.filter(wanted, account=account).order_by("id")
    return list(rows.annotate(intent_public_id=F("intent__public_id"), purpose=F("intent__purpose")))


def _joined(loaded: Loaded, positions: list[Position], orders: list[Any]) -> None:
    """Tie rows together by their keys: cheaper than joining the same few bots and instruments to every row."""
    keys, state = loaded.keys, loaded.state
    bots = {row.pk: row for row in loaded.bots}
    configs = _configs(loaded.bots, positions)
    wanted = {row.instrument_id for rows in (positions, orders, loaded.intents) for row in rows}
    instruments = Instrument.objects.in_bulk(wanted) if wanted else {}
    for instrument in instruments.values():
        keys.instruments[instrument.symbol] = instrument.pk
        state.instruments[instrument.symbol] = instrument_spec(instrument)
    keys.bots.update({row.public_id: row.pk for row in loaded.bots})
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
    _orders_joined(loaded, orders, bots, instruments, by_pk)
    for intent in loaded.intents:
        keys.intents[intent.public_id] = intent.pk
        intent.bot, intent.instrument = bots[intent.bot_id], instruments[intent.instrument_id]


def _orders_joined(
    loaded: Loaded,
    orders: list[Any],
    bots: dict[int, Bot],
    instruments: dict[int, Instrument],
    positions: dict[int, UUID],
) -> None:
    keys, state = loaded.keys, loaded.state
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


def _fills(loaded: Loaded, account: ExchangeAccount, trade_ids: list[str]) -> None:
    """Trade ids of the orders in the state and of the fills that are about to be decided."""
    if not loaded.keys.orders and not trade_ids:
        return
    by_pk = {pk: client_order_id for client_order_id, pk in loaded.keys.orders.items()}
    wanted = Q(order__in=list(by_pk)) | Q(trade_id__in=trade_ids) if trade_ids else Q(order__in=list(by_pk))
    rows = Fill.objects.filter(wanted, account=account).order_by()
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
        dust_moved=row.dust_moved,
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
    """An order's row (with its intent and position) in domain terms; its number of fills is counted by the caller."""
    position_id = row.position.public_id if row.position else row.intent.public_id
    return _order_state(row, row.intent.public_id, row.intent.purpose, position_id)


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
    )
