"""Who calls, and whether the call is fresh and signed: Binance's HMAC rules."""

import hashlib
import hmac
import re

from trading.practice import errors
from trading.practice.accounts import Account
from trading.practice.params import Params

KEY_FORMAT = re.compile(r"[A-Za-z0-9_\-]{8,128}")
DEFAULT_WINDOW, LONGEST_WINDOW, AHEAD = 5_000, 60_000, 1_000  # ms


def key_check(accounts: dict[str, Account], key: str | None) -> Account:
    """The account behind an API key."""
    if not key or not KEY_FORMAT.fullmatch(key):
        raise errors.bad_key_format()
    account = accounts.get(key)
    if account is None:
        raise errors.unauthorized()
    return account


def time_check(params: Params, now: int) -> None:
    """Refuse requests that are too old or from the future; ``now`` in real ms."""
    sent = params.integer("timestamp")
    window = params.integer("recvWindow", DEFAULT_WINDOW)
    if window > LONGEST_WINDOW:
        raise errors.long_window()
    if sent >= now + AHEAD:
        raise errors.early_timestamp()
    if now - sent > window:
        raise errors.late_timestamp()


def signature_check(account: Account, payload: str, signature: str) -> None:
    """Refuse a payload that this account did not sign."""
    expected = hmac.new(account.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise errors.bad_signature()


def permission_check(account: Account, needed: str) -> None:
    """Refuse a key without the permission (``read`` or ``spot``)."""
    if needed not in account.permissions:
        raise errors.unauthorized()
