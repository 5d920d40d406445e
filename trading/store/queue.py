"""The intent queue and the bots of an account, as a turn sees them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.models import ExchangeAccount
from signals.domain.timeframes import timeframe_ms
from signals.models import Strategy, SymbolXray
from trading.domain.money import money
from trading.domain.types import IntentTaken, Purpose, Side, StopLevel
from trading.models import AccountLease, Bot, BotConfig, Intent
from trading.prepared import Prepared
from trading.selectors.standing import account_problem
from trading.selectors.stops import stop_levels_for
from trading.statements import row_update
from trading.store.plans import plan_of
from trading.turn.ports import BotSeen, Lease, LeaseLost, QueuedIntent

XRAY_FRESH = timedelta(hours=6)  # an older one says nothing of how the market moves now


_bots: Prepared[Any] = Prepared(
    lambda account: Bot.objects.filter(account=account, config__isnull=False).order_by("id")
)
_configs: Prepared[BotConfig] = Prepared(
    lambda account: BotConfig.objects.filter(pk__in=Bot.objects.filter(account=account).values("config"))
)


def bot_rows(account: ExchangeAccount) -> list[Bot]:
    """All of the account that have a configuration, with account, user, configuration and strategy.

    Deleted ones too: they may still hold something.
    """
    rows, configs = _bots(account.pk), {row.pk: row for row in _configs(account.pk)}
    for row in rows:
        row.config = configs.get(row.config_id) or BotConfig.objects.get(pk=row.config_id)  # changed meanwhile
    strategies = {row.config.strategy_id for row in rows if row.config is not None and row.config.strategy_id}
    found = Strategy.objects.in_bulk(strategies) if strategies else {}
    for row in rows:
        row.account = account
        if row.user_id == account.user_id:
            row.user = account.user
        if row.config is not None and row.config.strategy_id:
            row.config.strategy = found[row.config.strategy_id]
    return rows


def bots_seen(account: ExchangeAccount, rows: Sequence[Bot]) -> list[BotSeen]:
    """The bots with the strictest stop on each; an account that may not trade holds all of them."""
    levels, barred = stop_levels_for(rows), account_problem(account)
    return [_bot_seen(row, levels[row.pk], barred) for row in rows]


def _bot_seen(row: Bot, level: int, barred: str) -> BotSeen:
    assert row.config is not None
    if level:
        barred = ""
    elif barred:
        level = StopLevel.NO_NEW_ENTRIES
    deleted = row.deleted_at is not None
    running = row.status == Bot.Status.RUNNING and not deleted
    mark = f"{row.config_id}:{row.status}:{level}{':deleted' if deleted else ''}{':' + barred if barred else ''}"
    return BotSeen(row.public_id, plan_of(row.config), running, level, deleted, mark, barred)


def queued(row: Any) -> QueuedIntent:
    """A pending or claimed intent (bot and instrument are loaded, and named what it needs of its order and signal)."""
    taken = IntentTaken(
        at=row.created_at,
        intent_id=row.public_id,
        bot_id=row.bot.public_id,
        symbol=row.instrument.symbol,
        side=Side(row.side),
        purpose=Purpose(row.purpose),
        confidence=money(row.confidence),
        amount_quote=row.amount_quote,
        limit_price=row.limit_price,
        amount=row.amount,
        share=row.share,
        expires_at=row.expires_at,
        client_order_id=row.order_client_id or "",
        volatility=_volatility(row),
        candle_close=row.signal_close,
        candle_at=_closed_at(row) if row.signal_id else None,
    )
    return QueuedIntent(taken, row.status == Intent.Status.CLAIMED, row.pk)


def _closed_at(row: Any) -> datetime:
    return row.signal_open_time + timedelta(milliseconds=timeframe_ms(row.signal_timeframe))


def _volatility(row: Intent) -> Decimal | None:
    """The mean range of the candles, a fraction, where the size follows it: of the X-ray of the bot's timeframe."""
    config = row.bot.config
    if config is None or config.sizing != BotConfig.Sizing.VOLATILITY or row.side != Side.BUY:
        return None
    found = SymbolXray.objects.filter(instrument=row.instrument_id, timeframe=config.timeframe).first()
    if found is None or not found.mean_range or row.created_at - found.updated_at > XRAY_FRESH:
        return None
    return money(found.mean_range)


_HELD = (
    "EXISTS (SELECT 1 FROM trading_accountlease AS held WHERE held.account_id = trading_intent.account_id"
    " AND held.owner = %s AND held.token = %s)"
)


def intents_claim(lease: Lease, intents: Sequence[UUID], at: datetime) -> set[UUID]:
    """Claim them by a conditional update whose row count is checked; nobody but the lease's holder takes any."""
    values = {"status": Intent.Status.CLAIMED, "fencing_token": lease.token, "claimed_at": at}
    where = {"public_id": list(intents), "status": [Intent.Status.PENDING, Intent.Status.CLAIMED]}
    if row_update(Intent, values, where, also=_HELD, given=(lease.owner, lease.token)) == len(intents):
        return set(intents)
    mine = Intent.objects.filter(public_id__in=intents, status=Intent.Status.CLAIMED, fencing_token=lease.token)
    left = set(mine.values_list("public_id", flat=True))  # some were withdrawn between the look and the claim
    if not left and not _still_ours(lease):
        raise LeaseLost(f"Another process took over account {lease.account_id}.")
    return left


def _still_ours(lease: Lease) -> bool:
    rows = AccountLease.objects.filter(account_id=lease.account_id, owner=lease.owner, token=lease.token)
    return rows.exists()
