"""The watcher: a listener of quotes in the streams' process that wakes accounts whose levels are touched.

The listener itself compares Decimals in memory and never touches the database; a thread of its own reloads the index
when trades change (and every two seconds), wakes accounts, and pushes unrealised PnL to its owner's pages at most once
a second. A wake that gets lost is repeated by the next quote that touches, or by the sweeper.
"""

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from django.db import close_old_connections

from accounts.clock import now
from accounts.fields import decimal_text
from signals.quotes import QuoteRow
from trading import live
from trading.domain.deposit.valuation import account_value
from trading.domain.money import exact
from trading.selectors.deposit import routes_of
from trading.services.wakes import account_wake_now, trades_version
from trading.watch_index import Held, Index, Market, Owned, index_load

logger = logging.getLogger(__name__)
RELOAD_S = 2.0
PNL_S = 1.0
MARKET_S = 2.0
WAKE_AGAIN_S = 0.3  # a level stays touched until its exit is stored; do not ask for the same thing every tick
LIVE_AGE_S = 10.0
ZERO = Decimal(0)
Quotes = Mapping[Market, QuoteRow]


class Watcher:
    """One per process; `quotes_seen` may be called from any thread."""

    def __init__(self) -> None:
        self.index = Index()
        self.quotes: dict[Market, QuoteRow] = {}
        self._moved: set[Market] = set()
        self._touched: set[int] = set()
        self._woken_at: dict[int, float] = {}
        self._seen_at: dict[str, datetime] = {}
        self._bell = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._version = -1
        self._due = {"reload": 0.0, "pnl": 0.0, "market": 0.0}

    def quotes_seen(self, exchange: str, rows: Iterable[QuoteRow]) -> None:
        """A batch of quotes: remember them and ring the bell for accounts that they touch."""
        self._start()
        touched: set[int] = set()
        levels = self.index.levels
        for row in rows:
            market = (exchange, row.symbol)
            self.quotes[market] = row
            touched.update(level.account_id for level in levels.get(market, ()) if level.touched(row))
            self._moved.add(market)
        self._seen_at[exchange] = now()
        if touched:
            with self._lock:
                self._touched |= touched
            self._bell.set()

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            self._bell.wait(0.2)
            self._bell.clear()
            try:
                self.turn(time.monotonic())
            except Exception:
                logger.exception("a turn of the watcher failed; the next one goes on")
                time.sleep(1.0)
            finally:
                close_old_connections()

    def turn(self, at: float) -> None:
        """One round: wake what was touched, then whatever is due. `at` is a monotonic time in seconds."""
        self._wake(at)
        version = trades_version()
        if version != self._version or self._is_due("reload", at, RELOAD_S):
            self._version = version
            self._due["reload"] = at + RELOAD_S
            self.reload()
        if self._is_due("pnl", at, PNL_S):
            self.pnl_push()
        if self._is_due("market", at, MARKET_S):
            self._market_push()

    def reload(self) -> None:
        """Replace the index, and look at the latest quotes with it: a level may be new and touched already."""
        moment = now()
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        self.index = index_load(midnight=midnight, before=self.index)
        touched = {
            level.account_id
            for market, levels in self.index.levels.items()
            if (row := self.quotes.get(market))
            for level in levels
            if not level.any_quote and level.touched(row)
        }
        with self._lock:
            self._touched |= touched

    def pnl_push(self) -> None:
        """Push each account's PnL whose symbols moved since the last push."""
        moved, self._moved = self._moved, set()
        for owned in self.index.accounts.values():
            rows = [held for held in owned.held if held.market in moved and held.market in self.quotes]
            if rows and self._fallen(owned):
                account_wake_now(owned.account_id)
            if rows and all(held.market in self.quotes for held in owned.held):
                live.push(owned.user_id, live.Kind.PNL, pnl_payload(owned, rows, self.quotes, now()))

    @exact
    def _fallen(self, owned: Owned) -> bool:
        if not owned.floors:
            return False
        held = [one for one in owned.held if one.market in self.quotes]
        return owned.fallen({one.public_id: one.amount * self.quotes[one.market].bid for one in held})

    def _wake(self, at: float) -> None:
        with self._lock:
            touched, self._touched = self._touched, set()
        for account_id in touched:
            if at - self._woken_at.get(account_id, -1.0) >= WAKE_AGAIN_S:
                self._woken_at[account_id] = at
                account_wake_now(account_id)

    def _is_due(self, name: str, at: float, every: float) -> bool:
        if at < self._due[name]:
            return False
        self._due[name] = at + every
        return True

    def _market_push(self) -> None:
        moment = now()
        for exchange, seen in list(self._seen_at.items()):
            age = max(0.0, (moment - seen).total_seconds())
            payload: live.MarketPayload = {
                "exchange": exchange,
                "connection": "live" if age <= LIVE_AGE_S else "stale",
                "age_s": round(age, 1),
                "at": moment.isoformat(),
            }
            live.broadcast(live.Kind.MARKET, payload)


@exact
def pnl_payload(owned: Owned, rows: list[Held], quotes: Quotes, at: datetime) -> live.PnlPayload:
    """PnL of these positions and the account's totals, at the newest bids (quote currency)."""
    values = {held.public_id: held.amount * quotes[held.market].bid for held in owned.held if held.market in quotes}
    unrealised = sum((held.result + values[held.public_id] for held in owned.held if held.public_id in values), ZERO)
    payload: live.PnlPayload = {
        "account": owned.public_id,
        "positions": [_row(held, values[held.public_id], quotes[held.market]) for held in rows],
        "unrealised": decimal_text(unrealised),
        "at": at.isoformat(),
    }
    found = account_value(
        owned.balances,
        routes=routes_of(owned.exchange, owned.quote_currency),
        quote_of=lambda symbol: quotes.get((owned.exchange, symbol)),
        at=at,
    )
    if not found.waits and not owned.flow_waits:  # else the page goes on showing the last value
        base, deposits = owned.result_at_midnight, owned.net_deposits
        payload["in_positions"] = decimal_text(found.in_coins)
        payload["equity"] = decimal_text(found.equity)
        payload["today"] = None if base is None or deposits is None else decimal_text(found.equity - deposits - base)
    return payload


def _row(held: Held, value: Decimal, quote: QuoteRow) -> live.PnlRow:
    pnl = held.result + value
    return {
        "id": held.public_id,
        "symbol": held.market[1],
        "last": decimal_text(quote.bid),
        "value": decimal_text(value),
        "pnl": decimal_text(pnl),
        "pnl_percent": f"{pnl / held.cost * 100:.2f}" if held.cost else "0",
    }


watcher = Watcher()
