"""Whether an account may trade now, and whether anything moves it to."""

from collections.abc import Iterable

from django.conf import settings

from accounts.models import EXCHANGES, ExchangeAccount
from signals.selectors import exchange_is_read

KEYS_USABLE = (
    ExchangeAccount.Verification.VERIFIED,
    ExchangeAccount.Verification.UNPROVEN,
    ExchangeAccount.Verification.NOT_NEEDED,
)


def account_problem(account: ExchangeAccount) -> str:
    """Why this account may not trade now, in words; empty when it may."""
    if account.status != ExchangeAccount.Status.ACTIVE:
        reason = account.status_reason.rstrip(".")
        return f"The account is {account.status}{': ' + reason if reason else ''}."
    if account.mode != ExchangeAccount.Mode.PAPER and account.verification not in KEYS_USABLE:
        return "The account's keys are not verified yet: verify them first."
    if account.verification == ExchangeAccount.Verification.UNPROVEN and not account.permissions.get("attested_by"):
        return "Nobody could prove that the key may not withdraw: its owner has to attest it first."
    if account.mode == ExchangeAccount.Mode.LIVE:
        if not settings.XRAY_LIVE_TRADING:
            return "Live trading is off on this platform (XRAY_LIVE_TRADING)."
        if not account.live_enabled:
            return "Live trading is off for this account: its owner can switch it on."
    return ""


def prices_problem(exchange: str) -> str:
    """Why bots at an exchange would wait for ever, in words; empty when its prices are read. No query for a scanned
    one."""
    if exchange_is_read(exchange=exchange):
        return ""
    title = dict(EXCHANGES).get(exchange, exchange)
    return (
        f"No prices are read for {title} here, so nothing is bought or sold there: ask staff to switch it on (add "
        f"{exchange} to XRAY_MARKET_EXCHANGES)."
    )


def prices_problems(exchanges: Iterable[str]) -> dict[str, str]:
    """The same for several, by exchange; each is looked up once."""
    return {exchange: prices_problem(exchange) for exchange in set(exchanges)}
