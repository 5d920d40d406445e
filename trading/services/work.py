"""One account's turn as its task does it: what stops the account, and what only counts as an error."""

from accounts.exchanges.errors import ExchangeError, ExchangeNotSent, ExchangeStopped, KeysClosed
from accounts.models import ExchangeAccount, User
from accounts.services.exchange_accounts import account_pause
from accounts.services.notices import notice_send
from accounts.services.reverification import account_verify_soon
from trading.prepared import Prepared
from trading.services.errors import account_errors_count
from trading.turn.turn import account_turn
from trading.wiring import ports_for

_accounts = Prepared(lambda account: ExchangeAccount.objects.filter(pk=account))
_users = Prepared(lambda user: User.objects.filter(pk=user))


def account_work(*, account_id: int) -> int:
    """Do all that waits for the account; returns the number of inputs handled.

    Raises:
        trading.turn.ports.LeaseBusy: somebody else works on it, so this wake must be repeated.
        ExchangeError: the exchange could not be asked; what was stored stays, and the bots' error count grew.
    """
    account = next(iter(_accounts(account_id)), None)
    if account is None or account.status == ExchangeAccount.Status.REMOVED:
        return 0
    [account.user] = _users(account.user_id)
    try:
        return account_turn(ports_for(account))
    except ExchangeStopped as error:
        _account_stop(account, error)
        raise
    except ExchangeNotSent:  # a ban, or no turn in time: it passes, and says nothing of the bots
        raise
    except ExchangeError as error:
        account_errors_count(account_id=account_id, message=str(error))
        raise


def _account_stop(account: ExchangeAccount, error: ExchangeStopped) -> None:
    """A revoked key or a ban stops this account only; it says so and waits for its owner."""
    if not isinstance(error, KeysClosed):
        account_verify_soon(account_id=account.pk)
    if account.status != ExchangeAccount.Status.ACTIVE:
        return
    account_pause(account=account, actor=None, reason=str(error))
    notice_send(user=account.user, level="bad", title=f"{account.name} was stopped", text=str(error))
