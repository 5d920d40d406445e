"""Where ports are plugged in: the only module that looks at an account's mode."""

from dataclasses import dataclass

from accounts.exchanges.quirks import quirks_for
from accounts.models import ExchangeAccount
from trading.brokers.paper import PaperBroker
from trading.brokers.port import Broker
from trading.domain.types import AccountState


@dataclass(frozen=True, slots=True)
class Ports:
    """What a run of one account works with."""

    broker: Broker
    commits_first: bool  # orders leave this process: store and commit each step before its orders are sent
    records_answers: bool  # a replay cannot work the broker's answers out again: they are recorded as inputs
    fee_pair: str = ""  # values fees that the exchange takes in a coin of its own


def broker_for(account: ExchangeAccount, state: AccountState) -> Broker:
    """The broker of an account's mode; `state` is what is open now (the paper broker's book starts from it)."""
    if account.mode == ExchangeAccount.Mode.PAPER:
        return PaperBroker.restored(state)
    from trading.brokers.live import LiveBroker  # late: ccxt is heavy, and a paper account never needs it

    return LiveBroker(account)


def ports_for(account: ExchangeAccount, state: AccountState) -> Ports:
    """All ports of one run."""
    ours = account.mode == ExchangeAccount.Mode.PAPER
    return Ports(
        broker_for(account, state),
        commits_first=not ours,
        fee_pair="" if ours else _fee_pair(account),
        records_answers=not ours,
    )


def _fee_pair(account: ExchangeAccount) -> str:
    coin = quirks_for(account.exchange).fee_coin
    return f"{coin}/{account.quote_currency}" if coin else ""


def start_balance(account: ExchangeAccount) -> str | None:
    """What an account's ledger begins with when nobody but us knows it (text of a Decimal), else None."""
    return str(account.paper_start_balance) if account.mode == ExchangeAccount.Mode.PAPER else None


def fills_here(account: ExchangeAccount) -> bool:
    """Whether the account's orders are filled by our own broker from quotes (and not at an exchange)."""
    return account.mode == ExchangeAccount.Mode.PAPER
