"""What traders ask of open positions and orders beside closing and cancelling: sell a part, change a waiting order."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.fields import decimal_text
from accounts.models import User
from accounts.services.audit import audit_record
from signals.models import Instrument
from trading.domain.money import amount_floor, exact, step_ceil
from trading.models import Intent, Order, Position
from trading.selectors.worth import free_for
from trading.services.fields import decimal_value
from trading.services.intents import WAITING, owner_check, price_check
from trading.services.wakes import accounts_wake

SHOWN = Decimal("0.000001")  # money in words: more digits tell nobody anything
SHARE_WORDS = "A fraction above 0 and below 1: 0.5 is half. To sell all of it, close the position."


def position_reduce_request(
    *, position: Position, actor: User, share: Any = None, amount: Any = None, ip: str | None = None
) -> Intent:
    """Queue the sale of a part: a `share` of what is held then, or an `amount` of base currency.

    Asking for the same again while it waits gives the same intent, for something else is refused. What would be left
    below the smallest order is sold along. Raises ValidationError that says what is allowed, PermissionDenied when it
    is somebody else's.
    """
    owner_check(position.bot.user_id, actor)
    with transaction.atomic():
        rows = Position.objects.select_for_update(of=("self",)).select_related("instrument", "bot")
        position = rows.get(pk=position.pk)
        if position.status != Position.Status.OPEN:
            raise ValidationError({"position": [f"This position is {position.status}; there is no part to sell."]})
        values = _part(position, share, amount)
        waiting = Intent.objects.filter(position=position, status__in=WAITING, purpose=Intent.Purpose.REDUCE)
        if found := waiting.first():
            _same(found, "position", values, "A part of it is being sold already: ask again when it is sold.")
            return found
        intent = Intent.objects.create(
            bot=position.bot,
            config_id=position.config_id,
            account_id=position.account_id,
            instrument=position.instrument,
            position=position,
            purpose=Intent.Purpose.REDUCE,
            side="sell",
            **values,
        )
        detail = {name: str(value) for name, value in values.items()}
        audit_record(actor=actor, action="position.reduce_requested", obj=position, detail=detail, ip=ip)
        accounts_wake([position.account_id])
    return intent


def _same(intent: Intent, field: str, values: dict[str, Decimal], words: str) -> None:
    """Raise ValidationError when something else is asked for than what waits."""
    if any(getattr(intent, name) != value for name, value in values.items()):
        raise ValidationError({field: [words]})


def _part(position: Position, share: Any, amount: Any) -> dict[str, Decimal]:
    given = {name: value for name, value in (("share", share), ("amount", amount)) if value not in (None, "")}
    if len(given) != 1:
        raise ValidationError({"share": ["Give either a share or an amount."]})
    if "share" in given:
        number = _number("share", share, SHARE_WORDS)
        if not 0 < number < 1:
            raise ValidationError({"share": [SHARE_WORDS]})
        return {"share": number}
    words = f"Above 0 and below the {position.amount.normalize():f} {position.instrument.base} that are held."
    number = _number("amount", amount, words)
    if not 0 < number < position.amount:
        raise ValidationError({"amount": [words]})
    return {"amount": number}


def _number(name: str, raw: Any, words: str) -> Decimal:
    try:
        return decimal_value(raw, words)
    except ValueError as error:
        raise ValidationError({name: [str(error)]}) from None


def order_replace_request(
    *, order: Order, actor: User, limit_price: Any = None, amount: Any = None, ip: str | None = None
) -> Intent:
    """Queue another price or amount (base currency, with what is filled already) for a limit order that waits to buy.

    The old order is cancelled first, and the new one sent when that is proved; asking for the same again while that
    waits gives the same intent, for something else is refused. Raises ValidationError that says what is allowed,
    PermissionDenied when it is somebody else's.
    """
    owner_check(order.bot.user_id, actor)
    with transaction.atomic():
        rows = Order.objects.select_for_update(of=("self",)).select_related("instrument", "intent", "bot")
        order = rows.get(pk=order.pk)
        if order.status != Order.Status.ACTIVE or order.type != Order.Type.LIMIT or order.side != "buy":
            raise ValidationError({"order": ["Only a limit order that waits to buy can be changed."]})
        waiting = Intent.objects.filter(order=order, status__in=WAITING, purpose=Intent.Purpose.REPLACE)
        wanted = _wanted(order, limit_price, amount)
        if found := waiting.first():
            _same(found, "order", wanted, "Another change of this order is under way: ask again when it is done.")
            return found
        if order.cancel_requested_at is not None:
            raise ValidationError({"order": ["The cancel of this order was asked for already."]})
        _fits(order, wanted)
        intent = _replace_queue(order, wanted)
        detail = {"limit_price": str(intent.limit_price or ""), "amount": str(intent.amount or "")}
        audit_record(actor=actor, action="order.change_requested", obj=order, detail=detail, ip=ip)
        accounts_wake([order.account_id])
    return intent


def _wanted(order: Order, limit_price: Any, amount: Any) -> dict[str, Decimal]:
    wanted: dict[str, Decimal] = {}
    if limit_price not in (None, ""):
        wanted["limit_price"] = price_check(limit_price, order.instrument)
    if amount not in (None, ""):
        wanted["amount"] = _amount(order, order.instrument, amount)
    if not wanted:
        raise ValidationError({"limit_price": ["Give a new price, a new amount, or both."]})
    return wanted


@exact
def _fits(order: Order, wanted: dict[str, Decimal]) -> None:
    """Refuse what could not be sent: the old order would be cancelled for nothing."""
    price, amount = wanted.get("limit_price", order.price), wanted.get("amount", order.amount)
    assert price is not None  # a limit order has one
    instrument, lot, money = order.instrument, order.instrument.lot_size, free_for(order)
    least = order.filled + step_ceil(max(instrument.min_amount, instrument.min_notional / price), lot)
    most = order.filled + amount_floor(money / price, lot)
    if least <= amount <= most:
        return
    least_value, free = (
        f"{decimal_text(number)} {instrument.quote}" for number in (instrument.min_notional, amount_floor(money, SHOWN))
    )
    words = f"No order fits: the smallest is worth {least_value}, and {free} are free for it."
    if least <= most:
        words = (
            f"At this price from {decimal_text(least)} to {decimal_text(most)} {instrument.base}: the smallest order "
            f"is worth {least_value}, and {free} are free for it."
        )
    raise ValidationError({"amount": [words]})


def _amount(order: Order, instrument: Instrument, raw: Any) -> Decimal:
    least = order.filled + max(instrument.min_amount, instrument.lot_size)
    words = f"At least {least.normalize():f} {instrument.base}, in steps of {instrument.lot_size.normalize():f}."
    number = _number("amount", raw, words)
    if number < least or (instrument.lot_size > 0 and number % instrument.lot_size != 0):
        raise ValidationError({"amount": [words]})
    return number


def _replace_queue(order: Order, wanted: dict[str, Decimal]) -> Intent:
    return Intent.objects.create(
        bot_id=order.bot_id,
        config_id=order.intent.config_id,
        account_id=order.account_id,
        instrument_id=order.instrument_id,
        position_id=order.position_id,
        order=order,
        purpose=Intent.Purpose.REPLACE,
        side=order.side,
        **wanted,
    )
