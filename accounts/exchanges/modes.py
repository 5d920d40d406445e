"""Which modes may send orders from this deployment; each refusal says what would allow it."""

from django.conf import settings

from accounts.exchanges.endpoints import endpoints_for
from accounts.exchanges.errors import ExchangeRefused
from accounts.exchanges.quirks import quirks_for
from accounts.models import ExchangeAccount


def mode_check(*, exchange: str, mode: str, live_enabled: bool) -> None:
    """Whether an account of this mode may send orders here.

    Raises:
        ExchangeRefused: it may not; the message says what would allow it.

    """
    quirks, overridden = quirks_for(exchange), endpoints_for(exchange) is not None
    if mode == ExchangeAccount.Mode.PAPER:
        raise ExchangeRefused("A paper account sends nothing to an exchange and has no keys.")
    if mode == ExchangeAccount.Mode.PRACTICE and not overridden:
        other = "paper or testnet" if quirks.has_testnet else "paper"
        raise ExchangeRefused(
            f"Practice needs a practice server: set XRAY_EXCHANGE_ENDPOINTS for {exchange}, or use {other}."
        )
    if mode in (ExchangeAccount.Mode.TESTNET, ExchangeAccount.Mode.LIVE) and overridden:
        raise ExchangeRefused(
            f"XRAY_EXCHANGE_ENDPOINTS points {quirks.title} at another server, so {mode} is refused: use practice."
        )
    if mode == ExchangeAccount.Mode.TESTNET and not quirks.has_testnet:
        raise ExchangeRefused(f"{quirks.title} has no test network: use paper.")
    if mode == ExchangeAccount.Mode.LIVE:
        _live_check(live_enabled)


def _live_check(live_enabled: bool) -> None:
    if not settings.XRAY_LIVE_TRADING:
        raise ExchangeRefused("Live trading is off in this deployment: XRAY_LIVE_TRADING=1 turns it on.")
    if not live_enabled:
        raise ExchangeRefused("Live trading is off for this account: its owner must switch it on.")
