"""Where ports are plugged in: the only module that looks at an account's mode."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial

from accounts.clock import now
from accounts.exchanges.quirks import quirks_for
from accounts.models import ExchangeAccount
from signals.quotes import latest
from trading.brokers.paper import PaperBroker
from trading.brokers.port import Broker
from trading.domain.types import AccountState, Quote
from trading.memory import AccountMemory
from trading.store import AccountStore
from trading.store.odd_answers import answer_quarantine
from trading.store.odd_fees import fee_accepted
from trading.turn.ports import Leaving, Ports

_started_at = now()  # of this process: before it trades at an exchange, each account is checked once


def process_started() -> None:
    """As after a start of this process: every account is checked again before it trades."""
    global _started_at
    _started_at = now()


def ports_for(account: ExchangeAccount) -> Ports:
    """All ports of one turn of this account (its row with `user` loaded)."""
    here, quirks = fills_here(account), quirks_for(account.exchange)
    stops, pairs = not here and quirks.stop_create is not None, not here and quirks.pair_create is not None
    store, memory = AccountStore(account, holds_stops=stops, holds_pairs=pairs), AccountMemory(account.pk)

    def quotes(symbols: Sequence[str]) -> list[Quote]:
        found = (latest(account.exchange, symbol) for symbol in symbols)
        return [Quote(r.symbol, r.bid, r.ask, r.bid_size, r.ask_size, r.at) for r in found if r is not None]

    if here:
        return Ports(store, _paper, quotes, memory, start_balance=Decimal(account.paper_start_balance))
    from trading.brokers.ccxt_exchange import (  # late: ccxt is heavy, and a paper account never needs it
        CcxtExchange,
        side_by_side,
    )
    from trading.brokers.checked import CheckedExchange
    from trading.brokers.live import EXPIRY, LiveBroker

    exchange = CheckedExchange(
        CcxtExchange(account), partial(answer_quarantine, account), partial(fee_accepted, account)
    )
    stop_expiry = max([EXPIRY, *(timedelta(seconds=apart.expires_s) for apart in quirks.all_apart)])

    def broker(_state: AccountState, leaving: Leaving) -> Broker:
        return LiveBroker(exchange, memory, leaving, stop_expiry=stop_expiry)

    fee_pair = f"{quirks.fee_coin}/{account.quote_currency}" if quirks.fee_coin else ""
    return Ports(
        store,
        broker,
        quotes,
        memory,
        exchange,
        together=side_by_side,
        leaves=True,
        fee_pair=fee_pair,
        started_at=_started_at,
    )


def _paper(state: AccountState, _leaving: Leaving) -> Broker:
    return PaperBroker.restored(state)


def fills_here(account: ExchangeAccount) -> bool:
    """Whether the account's orders are filled by our own broker from quotes (and not at an exchange)."""
    return account.mode == ExchangeAccount.Mode.PAPER
