"""Blacklisting and lifting, with the audit trail."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.clock import now
from accounts.models import EXCHANGES, User
from accounts.services.audit import audit_record
from signals.models import Blacklist

REASON = 200
EMPTY = "Name a symbol, a kind of signal or a user: without any it would refuse everything; that is a stop's work."


def blacklist_add(
    *, actor: User | None, reason: str, symbol: str = "", kind: str = "", user: User | None = None, exchange: str = "",
    expires_at: datetime | None = None,
) -> Blacklist:  # fmt: skip
    """Refuse entries of a symbol, a kind of signal, for a user, or any combination, from the next signal on.

    Adding what is there already gives the present entry with the new reason and end. Raises ValidationError.
    """
    entry = {"exchange": exchange, "symbol": symbol.strip().upper(), "kind": kind.strip(), "user": user}
    _check(entry, reason, expires_at)
    with transaction.atomic():
        known = Blacklist.objects.select_for_update().filter(**entry, lifted_at=None).first()
        row = known or Blacklist(**entry, created_by=actor)
        row.reason, row.expires_at = reason.strip(), expires_at
        row.save()
        audit_record(actor=actor, action="blacklist.added", obj=row, detail={"entry": str(row), "reason": row.reason})
    return row


def blacklist_lift(*, rows: Iterable[Blacklist], actor: User | None) -> int:
    """Lift entries; returns how many were in force. They stay as history."""
    lifted = 0
    with transaction.atomic():
        for row in rows:
            if Blacklist.objects.filter(pk=row.pk, lifted_at=None).update(lifted_at=now()):
                audit_record(actor=actor, action="blacklist.lifted", obj=row, detail={"entry": str(row)})
                lifted += 1
    return lifted


def _check(entry: Mapping[str, object], reason: str, expires_at: datetime | None) -> None:
    errors: dict[str, list[str]] = {}
    if not (entry["symbol"] or entry["kind"] or entry["user"]):
        errors["symbol"] = [EMPTY]
    if entry["symbol"] and ("/" not in str(entry["symbol"]) or len(str(entry["symbol"])) > 32):
        errors["symbol"] = [f"Write symbols like BTC/USDT, not {entry['symbol']}."]
    if entry["exchange"] and entry["exchange"] not in dict(EXCHANGES):
        errors["exchange"] = [f"One of: {', '.join(dict(EXCHANGES))}; or empty for every exchange."]
    if not 1 <= len(reason.strip()) <= REASON:
        errors["reason"] = [f"Say why, in 1 to {REASON} characters."]
    if expires_at is not None and expires_at <= now():
        errors["expires_at"] = ["The end must lie in the future; leave it empty for an entry without one."]
    if errors:
        raise ValidationError(errors)
