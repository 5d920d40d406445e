"""Creating and changing users."""

import zoneinfo
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from accounts.fields import storable
from accounts.models import User
from accounts.services.audit import audit_record


@transaction.atomic
def user_create(*, email: str, password: str, role: str, name: str = "") -> User:
    """A new user who logs in by email. Staff become superusers of the admin.

    Raises:
        ValidationError: a bad email, weak password, unknown role, or an email already in use (by field).

    """
    email = (email or "").strip().lower()
    errors = _email_errors(email) | _role_errors(role)
    candidate = User(email=email, name=name.strip()[:120], role=role)
    errors |= _password_errors(password, candidate)
    if errors:
        raise ValidationError(errors)
    user = User.objects.create_user(email, password, name=candidate.name, role=role, **_role_flags(role))
    audit_record(actor=None, action="user.created", obj=user, detail={"role": role})
    return user


def _role_flags(role: str) -> dict[str, bool]:
    staff = role == User.Role.STAFF
    return {"is_staff": staff, "is_superuser": staff}


@transaction.atomic
def user_role_set(*, user: User, role: str, actor: User | None = None) -> User:
    """Change what a user is here for, and with it the right to use the admin."""
    if errors := _role_errors(role):
        raise ValidationError(errors)
    user.role = role
    for flag, value in _role_flags(role).items():
        setattr(user, flag, value)
    user.save(update_fields=["role", "is_staff", "is_superuser"])
    audit_record(actor=actor, action="user.role_set", obj=user, detail={"role": role})
    return user


@transaction.atomic
def user_update(*, user: User, actor: User | None = None, **changes: Any) -> User:
    """Change name, language, time_zone or preferred_exchange.

    Raises:
        ValidationError: an unknown field or a value outside of what is allowed (by field).

    """
    errors = {key: [f"Unknown field. Allowed: {', '.join(_CHECKS)}."] for key in changes if key not in _CHECKS}
    for key, value in changes.items():
        if key in _CHECKS and (why := _CHECKS[key](value)):
            errors[key] = [why]
    if errors:
        raise ValidationError(errors)
    for key, value in changes.items():
        setattr(user, key, value)
    user.save(update_fields=list(changes))
    audit_record(actor=actor or user, action="user.updated", obj=user, detail={"fields": sorted(changes)})
    return user


def _email_errors(email: str) -> dict[str, list[str]]:
    try:
        validate_email(email)
    except ValidationError:
        return {"email": ["Enter an email address, such as anna@example.org."]}
    if User.objects.filter(email=email).exists():
        return {"email": ["There is already a user with this email. Log in, or choose another address."]}
    return {}


def _role_errors(role: str) -> dict[str, list[str]]:
    allowed = User.Role.values
    return {} if role in allowed else {"role": [f"Unknown role. Allowed: {', '.join(allowed)}."]}


def _password_errors(password: str, user: User) -> dict[str, list[str]]:
    try:
        validate_password(password or "", user)
    except ValidationError as error:
        return {"password": list(error.messages)}
    return {}


def _name_error(value: Any) -> str:
    good = isinstance(value, str) and len(value) <= 120 and storable(value)
    return "" if good else "Text of at most 120 characters."


def _language_error(value: Any) -> str:
    allowed = [code for code, _name in settings.LANGUAGES]
    return "" if value in allowed else f"Unknown language. Allowed: {', '.join(allowed)}."


def _time_zone_error(value: Any) -> str:
    known = isinstance(value, str) and value in zoneinfo.available_timezones()
    return "" if known else "Unknown time zone. Use an IANA name such as UTC, Europe/Berlin or Asia/Tokyo."


def _exchange_error(value: Any) -> str:
    allowed = settings.XRAY_EXCHANGES
    return "" if value in allowed else f"Unknown exchange. Allowed: {', '.join(allowed)}."


_CHECKS = {
    "name": _name_error,
    "language": _language_error,
    "time_zone": _time_zone_error,
    "preferred_exchange": _exchange_error,
}
