"""From signals, and from what traders ask by hand, to intents: the queue that execution works off."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction

from accounts.clock import now
from accounts.models import User
from accounts.services.audit import audit_record
from signals.domain.timeframes import timeframe_ms
from signals.models import Instrument, Signal
from signals.quotes import latest
from trading.domain.orders import OPEN
from trading.models import Bot, BotConfig, Intent, Order, Position
from trading.selectors.standing import account_problem
from trading.selectors.stops import stop_words, stops_on_bot
from trading.services.bot_validation import MINIMUM_CAPITAL
from trading.services.fan_out_sql import Dialect, accounts_sql, dialect_for, entries_sql, exits_sql
from trading.services.fields import decimal_value
from trading.services.wakes import accounts_wake

MANUAL_ENTRY_LIFE = timedelta(minutes=2)
MARKET_BAND = Decimal("0.05")  # a limit buy further above the ask than this is a slip of the finger
FAR_BELOW = Decimal("0.2")  # of the bid: exchanges refuse to let one rest further below the market
WAITING = (Intent.Status.PENDING, Intent.Status.CLAIMED)


def intents_fan_out(*, signal_ids: Sequence[int], bot_id: int | None = None) -> int:
    """Give every bot that wants one of these signals its intent; returns how many were made.

    Two statements for each candle among the signals, however many bots there are; safe to repeat. Entries expire one
    timeframe after their candle closed, exits never do. Accounts with new work are woken after commit. With `bot_id`
    only that bot is served (a bot run in the foreground).
    """
    rows = Signal.objects.filter(pk__in=list(signal_ids)).order_by("timeframe", "candle_open_time")
    candles = [
        (key, [pk for *_, pk in group])
        for key, group in groupby(rows.values_list("timeframe", "candle_open_time", "pk"), key=lambda row: row[:2])
    ]
    dialect = dialect_for(connection.vendor)
    made = 0
    with transaction.atomic():
        for (timeframe, opened), ids in candles:
            made += _candle_fan_out(dialect, timeframe, opened, ids, bot_id)
        if candles:
            accounts_wake(_accounts_with_work(dialect, [pk for _key, ids in candles for pk in ids]))
    return made


def _candle_fan_out(dialect: Dialect, timeframe: str, opened: datetime, ids: list[int], bot_id: int | None) -> int:
    closed = opened + timedelta(milliseconds=timeframe_ms(timeframe))
    moments = {"now": now(), "closed": closed, "expires": closed + (closed - opened)}
    values: dict[str, Any] = {name: connection.ops.adapt_datetimefield_value(at) for name, at in moments.items()}
    values.update(signals=_id_list(ids), live=bool(settings.XRAY_LIVE_TRADING), bot=bot_id)
    one = bot_id is not None
    statements = [exits_sql(dialect, one_bot=one)]
    if moments["now"] < moments["expires"]:  # later, an entry would only be born expired
        statements.append(entries_sql(dialect, one_bot=one))
    made = 0
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, values)
            made += max(cursor.rowcount, 0)
    return made


def _accounts_with_work(dialect: Dialect, ids: list[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(accounts_sql(dialect), {"signals": _id_list(ids)})
        return [row[0] for row in cursor.fetchall()]


def _id_list(ids: list[int]) -> Any:
    return ids if connection.vendor == "postgresql" else json.dumps(ids)


def entry_request(
    *, bot: Bot, symbol: str, amount_quote: Any, actor: User, limit_price: Any = None, ip: str | None = None
) -> Intent:
    """Queue a manual entry: buy `amount_quote` (quote currency) of `symbol`, at market or at `limit_price`.

    Raises:
        ValidationError: messages per field that say what is allowed.
        PermissionDenied: the bot is somebody else's.
    """
    owner_check(bot.user_id, actor)
    instrument = _instrument_check(bot, symbol)
    amount = _amount_check(amount_quote, instrument)
    at_once = "; to buy at once leave the price empty"
    price = None if limit_price in (None, "") else price_check(limit_price, instrument, hint=at_once)
    config = _entry_config(bot, instrument)
    with transaction.atomic():
        intent = Intent.objects.create(
            bot=bot,
            config=config,
            account=bot.account,
            instrument=instrument,
            purpose=Intent.Purpose.MANUAL_ENTRY,
            side="buy",
            amount_quote=amount,
            limit_price=price,
            expires_at=now() + MANUAL_ENTRY_LIFE,
        )
        detail = {"symbol": symbol, "amount_quote": str(amount), "limit_price": str(price or "")}
        audit_record(actor=actor, action="entry.requested", obj=intent, detail=detail, ip=ip)
        accounts_wake([bot.account_id])
    return intent


def position_close_request(*, position: Position, actor: User | None, ip: str | None = None) -> Intent:
    """Queue the sale of everything the position holds; asking again while that waits gives the same intent.

    Raises ValidationError when there is nothing to close, PermissionDenied when it is somebody else's.
    """
    if actor is not None:
        owner_check(position.bot.user_id, actor)
    with transaction.atomic():
        position = Position.objects.select_for_update(of=("self",)).select_related("bot__config").get(pk=position.pk)
        if position.status not in (Position.Status.OPENING, Position.Status.OPEN, Position.Status.CLOSING):
            raise ValidationError({"position": [f"This position is {position.status}; there is nothing to close."]})
        waiting = Intent.objects.filter(
            position=position, status__in=WAITING, side="sell", purpose=Intent.Purpose.FORCE_EXIT
        )
        if found := waiting.first():
            return found
        intent = Intent.objects.create(
            bot=position.bot,
            config=position.config,
            account_id=position.account_id,
            instrument_id=position.instrument_id,
            position=position,
            purpose=Intent.Purpose.FORCE_EXIT,
            side="sell",
        )
        audit_record(actor=actor, action="position.close_requested", obj=position, ip=ip)
        accounts_wake([position.account_id])
    return intent


def orders_cancel_request(*, orders: Iterable[Order], actor: User, ip: str | None = None) -> int:
    """Queue the cancel of open orders; returns how many are still open. Fills may still arrive until it is answered.

    Asking again while the first request waits or the exchange has not answered queues nothing more.
    """
    wanted = list(orders)
    for order in wanted:
        owner_check(order.bot.user_id, actor)
    with transaction.atomic():
        found = Order.objects.select_for_update(of=("self",)).filter(pk__in=[order.pk for order in wanted])
        still_open = list(found.filter(status__in=OPEN).select_related("intent"))
        for order in still_open:
            _cancel_queue(order)
            audit_record(actor=actor, action="order.cancel_requested", obj=order, ip=ip)
        accounts_wake({order.account_id for order in still_open})
    return len(still_open)


def _cancel_queue(order: Order) -> None:
    waits = Intent.objects.filter(order=order, status__in=WAITING, purpose=Intent.Purpose.CANCEL).exists()
    if waits or order.cancel_requested_at is not None:
        return
    Intent.objects.create(
        bot_id=order.bot_id,
        config_id=order.intent.config_id,
        account_id=order.account_id,
        instrument_id=order.instrument_id,
        position_id=order.position_id,
        order=order,
        purpose=Intent.Purpose.CANCEL,
        side=order.side,
    )


def owner_check(user_id: int, actor: User) -> None:
    """Only an owner, or staff. Raises PermissionDenied."""
    if not actor.is_staff and user_id != actor.pk:
        raise PermissionDenied("This is not yours.")


def _instrument_check(bot: Bot, symbol: str) -> Instrument:
    account = bot.account
    found = Instrument.objects.filter(
        exchange=account.exchange, symbol=str(symbol).strip().upper(), quote=account.quote_currency, market_type="spot"
    ).first()
    if found is None:
        raise ValidationError(
            {"symbol": [f"{account.get_exchange_display()} has no {symbol} against {account.quote_currency}."]}
        )
    if not found.active:
        raise ValidationError({"symbol": [f"{account.get_exchange_display()} does not trade {symbol} now."]})
    return found


def _amount_check(raw: Any, instrument: Instrument) -> Decimal:
    least = max(MINIMUM_CAPITAL, instrument.min_notional)
    words = f"At least {least} and at most 1000000000 {instrument.quote}."
    try:
        amount = decimal_value(raw, words)
    except ValueError as error:
        raise ValidationError({"amount_quote": [str(error)]}) from None
    if not least <= amount <= Decimal(10) ** 9:
        raise ValidationError({"amount_quote": [words]})
    return amount


def price_check(raw: Any, instrument: Instrument, *, hint: str = "") -> Decimal:
    """A limit price to buy at, by hand. Raises ValidationError; `hint` ends what is said of one far from the market."""
    words = f"A price above 0 in steps of {instrument.tick_size} {instrument.quote}."
    try:
        price = decimal_value(raw, words)
    except ValueError as error:
        raise ValidationError({"limit_price": [str(error)]}) from None
    if price <= 0 or (instrument.tick_size > 0 and price % instrument.tick_size != 0):
        raise ValidationError({"limit_price": [words]})
    quote = latest(instrument.exchange, instrument.symbol)
    if quote and not quote.bid * FAR_BELOW <= price <= quote.ask * (1 + MARKET_BAND):
        band = f"From a fifth of the bid ({quote.bid}) to 5 % above the ask ({quote.ask}){hint}."
        raise ValidationError({"limit_price": [band]})
    return price


def _entry_config(bot: Bot, instrument: Instrument) -> BotConfig:
    """The configuration that an entry would be made under, when the bot may enter at all."""
    if bot.status != Bot.Status.RUNNING or bot.config is None:
        raise ValidationError({"bot": [f"The bot is {bot.status}: start it before it may enter."]})
    if problem := account_problem(bot.account):
        raise ValidationError({"account": [problem]})
    if stops := stops_on_bot(bot):
        ends = "Only staff can lift it." if any(stop.imposed for stop in stops) else "Resume trading first."
        raise ValidationError({"bot": [f"A stop is in force. {stop_words(stops[0])} {ends}"]})
    open_now = [Position.Status.OPENING, Position.Status.OPEN, Position.Status.CLOSING]
    if Position.objects.filter(bot=bot, instrument=instrument, status__in=open_now).exists():
        raise ValidationError({"symbol": ["The bot already holds this symbol; close that position first."]})
    return bot.config
