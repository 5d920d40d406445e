"""One account's turn: check it against its exchange when that is due, take what the exchange reports, execute."""

from accounts.clock import now
from accounts.exchanges.errors import ExchangeError, ExchangeStopped
from accounts.models import ExchangeAccount
from accounts.services.exchange_accounts import account_pause
from accounts.services.notices import notice_send
from trading.leases import LeaseBusy
from trading.models import AccountLease
from trading.services import reconciliation
from trading.services.errors import account_errors_count
from trading.services.execution import account_execute
from trading.wiring import fills_here


def account_work(*, account_id: int) -> int:
    """Do all that waits for the account; returns the number of inputs handled.

    Raises:
        trading.leases.LeaseBusy: somebody else works on it, so this wake must be repeated.
        ExchangeError: the exchange could not be asked; what was stored stays, and the bots' error count grew.
    """
    account = ExchangeAccount.objects.filter(pk=account_id).select_related("user").first()
    if account is None or account.status == ExchangeAccount.Status.REMOVED:
        return 0
    try:
        handled = account_execute(account_id=account_id) if fills_here(account) else _at_exchange(account)
    except ExchangeStopped as error:
        _account_stop(account, error)
        raise
    except ExchangeError as error:
        account_errors_count(account_id=account_id, message=str(error))
        raise
    if not handled and lease_busy(account_id=account_id):
        raise LeaseBusy(f"Account {account_id} is being worked on; come back for what was added meanwhile.")
    return handled


def lease_busy(*, account_id: int) -> bool:
    """Whether somebody works on the account right now."""
    return AccountLease.objects.filter(account=account_id, expires_at__gt=now()).exclude(owner="").exists()


def _at_exchange(account: ExchangeAccount) -> int:
    asked_at = now()
    events, totals = reconciliation.account_check_due(account=account)
    if totals is None:
        events = reconciliation.orders_catch_up(account=account)
    handled = account_execute(account_id=account.pk, events=events)
    if totals is not None:
        reconciliation.check_finish(account=account, totals=totals, asked_at=asked_at)
    return handled


def _account_stop(account: ExchangeAccount, error: ExchangeStopped) -> None:
    """A revoked key or a ban stops this account only; it says so and waits for its owner."""
    if account.status != ExchangeAccount.Status.ACTIVE:
        return
    account_pause(account=account, actor=None, reason=str(error))
    notice_send(user=account.user, level="bad", title=f"{account.name} was stopped", text=str(error))
