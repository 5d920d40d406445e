"""One API key in one account: two accounts that trade the same money each take the other's orders for somebody's hand.

Keys are recognised by a hash of the public half. Whoever came first keeps it; an account whose keys an exchange refused
keeps nothing, so that nobody can hold another's key by knowing its public half.
"""

import hashlib

from accounts.models import ExchangeAccount

Status, Verification = ExchangeAccount.Status, ExchangeAccount.Verification
IN_USE = "Two accounts with one key would trade the same money, and each take the other's orders for orders by hand."


def key_print(account: ExchangeAccount, api_key: str) -> str:
    """The hash of a key at its exchange and network."""
    return hashlib.sha256(f"{account.exchange}|{account.mode}|{api_key}".encode()).hexdigest()


def key_taken(account: ExchangeAccount, *, by_older: bool = False) -> str:
    """Which other account (or only which older one) has this account's key, in words; empty when none has."""
    if not account.key_print:
        return ""
    others = ExchangeAccount.objects.filter(key_print=account.key_print).exclude(pk=account.pk)
    others = others.exclude(status=Status.REMOVED).exclude(verification=Verification.REFUSED).order_by("pk")
    if by_older:
        others = others.filter(pk__lt=account.pk)
    if (other := others.first()) is None:
        return ""
    whose = f"Your account {other.name} has" if other.user_id == account.user_id else "Another account here has"
    return f"{whose} this key already. {IN_USE}"
