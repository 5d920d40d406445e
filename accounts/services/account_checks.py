"""Checking what a user says of an exchange account; every message says what is allowed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from accounts.exchanges.errors import ExchangeRefused
from accounts.exchanges.modes import mode_check
from accounts.exchanges.quirks import quirks_for
from accounts.fields import ExactDecimalField, storable
from accounts.models import ExchangeAccount, User
from accounts.services.guards import currencies_traded

Errors = dict[str, list[str]]
LEAST_BALANCE, MOST_BALANCE = Decimal(10), Decimal(10) ** 12
BALANCE_WORDS = "A number from 10 to 1,000,000,000,000 in the quote currency."
SECRET_LENGTH = 4096
CURRENCIES_NAMED = 8
_CURRENCY = re.compile(r"[A-Z0-9]{2,16}")
_NAMES = {"api_key": "API key", "api_secret": "API secret", "passphrase": "passphrase"}


@dataclass(frozen=True, slots=True, repr=False)
class Checked:
    """Fields of a new account, and its keys (not shown in any repr)."""

    fields: dict[str, Any]
    keys: dict[str, str]


def account_check(*, user: User, values: Mapping[str, Any]) -> Checked:
    """All checks of a new account at once; raises ValidationError with messages by field."""
    errors: Errors = {}
    fields: dict[str, Any] = {
        "name": _name(user, values["name"], errors),
        "exchange": _one_of("exchange", values["exchange"], list(settings.XRAY_EXCHANGES), errors),
        "mode": _one_of("mode", values["mode"], list(ExchangeAccount.Mode.values), errors),
        "quote_currency": _currency(values["quote_currency"], errors),
        "paper_start_balance": _balance(values["paper_start_balance"], errors),
        "live_enabled": bool(values["live_enabled"]) and values["mode"] == ExchangeAccount.Mode.LIVE,
    }
    keys: dict[str, str] = {}
    if not errors.keys() & {"exchange", "mode"}:
        keys, found = keys_check(fields["exchange"], fields["mode"], values)
        errors.update(found)
        _mode(fields, errors)
        _traded(fields, errors)
    if errors:
        raise ValidationError(errors)
    return Checked(fields, keys)


def keys_check(exchange: str, mode: str, values: Mapping[str, Any]) -> tuple[dict[str, str], Errors]:
    """The stripped keys (empty for paper) and what is wrong with them."""
    keys = {name: str(values.get(name) or "").strip() for name in _NAMES}
    if mode == ExchangeAccount.Mode.PAPER:
        given = [name for name, value in keys.items() if value]
        return {}, {name: ["A paper account needs no keys: leave this empty."] for name in given}
    needed = ["api_key", "api_secret", *(["passphrase"] if quirks_for(exchange).needs_passphrase else [])]
    errors: Errors = {}
    for name, value in keys.items():
        if why := _key_error(name, value, name in needed, quirks_for(exchange).title):
            errors[name] = [why]
    return {name: value for name, value in keys.items() if value}, errors


def _key_error(name: str, value: str, needed: bool, title: str) -> str:
    if needed and not value:
        return f"{title} needs the {_NAMES[name]}: copy it from the exchange's API page."
    if value and not needed:
        return f"{title} has no {_NAMES[name]}: leave this empty."
    if len(value) > SECRET_LENGTH:
        return f"At most {SECRET_LENGTH} characters."
    if not value.isprintable() and "PRIVATE KEY" not in value:
        return "It holds characters that no key has: copy it again."
    return ""


def _name(user: User, raw: Any, errors: Errors) -> str:
    name = str(raw or "").strip()
    if not 1 <= len(name) <= 80 or not storable(name):
        errors["name"] = ["A name of 1 to 80 characters is needed."]
    elif user.exchange_accounts.filter(name=name).exclude(status=ExchangeAccount.Status.REMOVED).exists():
        errors["name"] = ["You already have an account of this name; choose another."]
    return name


def _one_of(field: str, value: Any, allowed: list[str], errors: Errors) -> str:
    if value not in allowed:
        errors[field] = [f"One of: {', '.join(allowed)}."]
    return str(value)


def _currency(raw: Any, errors: Errors) -> str:
    code = str(raw or "").strip().upper()
    if not _CURRENCY.fullmatch(code):
        errors["quote_currency"] = ["A currency code such as USDT or USDC (2 to 16 letters or digits)."]
    return code


def _balance(raw: Any, errors: Errors) -> Decimal:
    if raw is None or raw == "":
        return Decimal(10000)
    try:
        amount = None if isinstance(raw, bool) else ExactDecimalField().to_python(raw)
    except ValidationError:
        amount = None
    if amount is None or not LEAST_BALANCE <= amount <= MOST_BALANCE:
        errors["paper_start_balance"] = [BALANCE_WORDS]
        return LEAST_BALANCE
    return amount


def _mode(fields: Mapping[str, Any], errors: Errors) -> None:
    """Live needs only the deployment's switch here: the account's own may be turned on later."""
    if fields["mode"] == ExchangeAccount.Mode.PAPER:
        return
    try:
        mode_check(exchange=fields["exchange"], mode=fields["mode"], live_enabled=True)
    except ExchangeRefused as error:
        errors["mode"] = [str(error)]
    except ValueError as error:  # the endpoints setting is broken
        errors["exchange"] = [str(error)]


def _traded(fields: Mapping[str, Any], errors: Errors) -> None:
    """Play money in a currency that nothing is traded against could never buy anything."""
    code, traded = fields["quote_currency"], currencies_traded(fields["exchange"])
    if fields["mode"] != ExchangeAccount.Mode.PAPER or "quote_currency" in errors or not traded or code in traded:
        return
    errors["quote_currency"] = [
        f"{quirks_for(fields['exchange']).title} trades nothing against {code}, so no bot could use this account. "
        f"Currencies that work: {', '.join(traded[:CURRENCIES_NAMED])}."
    ]
