"""A person says that an exchange really took a fee above a tenth of its trade."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from accounts.clock import now
from accounts.fields import decimal_text
from accounts.models import User
from accounts.services.audit import audit_record
from trading.models import OddFee
from trading.selectors.odd_fees import fees_open
from trading.services.reconciliation import check_want
from trading.services.wakes import accounts_wake
from trading.store.checks import FEE_ACCEPTED


def fee_accept(*, fee: OddFee, actor: User, ip: str | None = None) -> OddFee:
    """Let the trade be booked with this fee; the account is then compared with its exchange, and goes on if nothing
    else is open. Kept with who and when, and audited.

    Raises:
        PermissionDenied: the account is somebody else's.
        ValidationError: it was accepted before, or the trade is booked already.

    """
    if not actor.is_staff and fee.account.user_id != actor.pk:
        raise PermissionDenied("This account is somebody else's.")
    with transaction.atomic():
        row = OddFee.objects.select_for_update(of=("self",)).select_related("account", "accepted_by").get(pk=fee.pk)
        if row.accepted_at is not None:
            raise ValidationError(f"This fee was accepted already by {row.accepted_by or 'a user who is gone'}.")
        if not fees_open().filter(pk=row.pk).exists():
            raise ValidationError("The exchange told another fee meanwhile, and the trade is booked with that one.")
        row.accepted_by, row.accepted_at = actor, now()
        row.save(update_fields=["accepted_by", "accepted_at"])
        numbers = {name: decimal_text(getattr(row, name)) for name in ("price", "amount", "fee")}
        detail = {"symbol": row.symbol, "trade": row.trade_id, "side": row.side, "currency": row.currency, **numbers}
        audit_record(actor=actor, action="account.fee_accepted", obj=row.account, detail=detail, ip=ip)
        check_want(row.account_id, FEE_ACCEPTED)
        accounts_wake([row.account_id])
    return row
