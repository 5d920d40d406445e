"""Limits of an account and of the platform: what is allowed, stored with an audit event, and when they count anew."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from accounts.clock import now
from accounts.models import ExchangeAccount, User
from accounts.services.audit import audit_record
from trading.models import AccountLimits, OnBreach
from trading.services import fields
from trading.services.wakes import accounts_wake

_SHARE = "A fraction from 0.001 to 1: 0.25 is 25 %. 1 means no limit."
ACCOUNT_DECIMALS = {
    "coin_exposure": fields.Range(Decimal("0.001"), Decimal(1), _SHARE),
    "group_exposure": fields.Range(Decimal("0.001"), Decimal(1), _SHARE),
    "daily_loss": fields.Range(Decimal("0.001"), Decimal(1), _SHARE),
}
ORDERS = fields.Range(Decimal(0), Decimal(10_000), "A whole number from 0 to 10000; 0 means no limit.")
PLATFORM_DECIMALS = {
    "minimum_deposit": fields.Range(Decimal(0), Decimal(10) ** 9, "From 0 to 1,000,000,000 in the quote currency."),
    "capacity_share": fields.Range(
        Decimal("0.000001"), Decimal(1), "A fraction from 0.000001 to 1: 0.01 is 1 % of the volume. 1 means no limit."
    ),
}
QUOTE_AGE = fields.Range(Decimal(1), Decimal(60), "Whole seconds from 1 to 60.")
ACCOUNT_FIELDS = (*ACCOUNT_DECIMALS, "on_breach", "orders_per_minute")


def account_limits_of(account: ExchangeAccount) -> AccountLimits:
    """The account's limits, unsaved with their defaults where it has none."""
    if row := AccountLimits.objects.filter(account=account).first():
        return row
    row = AccountLimits(account=account)
    for name in ACCOUNT_DECIMALS:
        setattr(row, name, Decimal(getattr(row, name)))  # a default is text until it is stored
    return row


def account_limits_set(
    *, account: ExchangeAccount, data: Mapping[str, Any], actor: User, ip: str | None = None
) -> AccountLimits:
    """Change limits; those not in `data` stay. In force from the account's next turn.

    Raises ValidationError with messages per field, PermissionDenied when it is somebody else's.
    """
    _may(account, actor)
    clean = _clean(data)
    with transaction.atomic():
        row, _ = AccountLimits.objects.select_for_update(of=("self",)).get_or_create(account=account)
        changed = {name: [str(getattr(row, name)), str(value)] for name, value in clean.items()}
        for name, value in clean.items():
            setattr(row, name, value)
        row.updated_at = now()
        row.save()
        detail = {name: pair for name, pair in changed.items() if pair[0] != pair[1]}
        audit_record(actor=actor, action="account.limits_set", obj=account, detail=detail, ip=ip)
        accounts_wake([account.pk])
    return row


def losses_count_anew(*, account: ExchangeAccount, actor: User, ip: str | None = None) -> AccountLimits:
    """Forget the peak, the day's losses and every pause: the account may lose as much again from here on.

    Raises PermissionDenied when it is somebody else's.
    """
    _may(account, actor)
    with transaction.atomic():
        row, _ = AccountLimits.objects.get_or_create(account=account)
        row.counted_from = row.updated_at = now()
        row.save(update_fields=["counted_from", "updated_at"])
        audit_record(actor=actor, action="account.losses_counted_anew", obj=account, ip=ip)
        accounts_wake([account.pk])
    return row


def _clean(data: Mapping[str, Any]) -> dict[str, Any]:
    checks: dict[str, Any] = {name: limits.decimal for name, limits in ACCOUNT_DECIMALS.items()}
    checks |= {"on_breach": fields.one_of(OnBreach.values), "orders_per_minute": ORDERS.integer}
    clean: dict[str, Any] = {}
    errors: dict[str, list[str]] = {}
    for name, raw in data.items():
        if name not in checks:
            errors[name] = [f"There is no such field. Known fields: {', '.join(checks)}."]
            continue
        try:
            clean[name] = checks[name](raw)
        except ValueError as error:
            errors[name] = [str(error)]
    if errors:
        raise ValidationError(errors)
    return clean


def _may(account: ExchangeAccount, actor: User) -> None:
    if not actor.is_staff and account.user_id != actor.pk:
        raise PermissionDenied("This account is not yours.")
