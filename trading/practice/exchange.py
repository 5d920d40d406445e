"""The exchange as a whole: market, accounts, orders and their store behind one object.

Nothing here waits: a call changes memory, ``commit`` writes all of it in one transaction and only then hands the events
to the listeners. The event loop's single thread is the lock.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from trading.practice import reports
from trading.practice.accounts import Account
from trading.practice.bookkeeping import Bookkeeper
from trading.practice.listen_keys import ListenKeys
from trading.practice.market import Market
from trading.practice.matching import Engine
from trading.practice.orders import Entry, Fill, Order, OrderList
from trading.practice.store import Changes, Store

Listener = Callable[[int, dict[str, Any]], None]  # (account id, event)


def system_clock() -> int:
    """Real time in ms."""
    return time.time_ns() // 1_000_000


class Exchange:
    """Owns all state; every public method leaves it committed."""

    def __init__(self, market: Market, store: Store, clock: Callable[[], int] = system_clock) -> None:
        self.market, self.store, self.clock = market, store, clock
        self.listeners: list[Listener] = []
        self.revoked: set[str] = set()  # API keys that are known and no longer valid
        self.listen_keys = ListenKeys()
        self._last_id = store.last_id(Order, Fill, OrderList, Entry)
        self.accounts: dict[int, Account] = {account.id: account for account in store.accounts()}
        self.by_key: dict[str, Account] = {account.key: account for account in self.accounts.values()}
        self.books = Bookkeeper(market.listing, self.accounts, self.next_id)
        self.engine = Engine(market, self.books)
        self._load_orders()

    def next_id(self) -> int:
        """One sequence for orders, fills and ledger lines: unique, and increasing within each."""
        self._last_id += 1
        return self._last_id

    def _load_orders(self) -> None:
        self.engine.cursors = self.store.cursors()
        for order in self.store.live_orders():
            self.engine.open.add(order)
            self.books.changes.orders[order.id] = order
        for orders in self.store.select(OrderList, "status = 'EXECUTING'"):
            self.engine.lists[orders.id] = orders
        self.tick()

    def tick(self) -> int:
        """Match everything up to now, as if the exchange had never been down; returns now in real ms."""
        now = self.clock()
        for symbol in self.engine.open.symbols():
            self.engine.advance(symbol, now)
        if self.books.events:
            self.commit(now)
        return now

    def reach(self, symbol: str) -> int:
        """Match one symbol up to now, before an order changes it; returns now in real ms."""
        now = self.clock()
        self.engine.advance(symbol, now)
        if self.books.events:
            self.commit(now)
        return now

    def commit(self, now: int) -> None:
        """Write what has happened, then tell the listeners."""
        changes, events = self.books.drain()
        symbols = {order.symbol for order in changes.orders.values()}
        changes.cursors = {symbol: self.engine.cursors[symbol] for symbol in symbols if symbol in self.engine.cursors}
        self.store.write(changes)
        for account, event in events + self._positions(changes, now):
            for listener in self.listeners:
                listener(account, event)

    def _positions(self, changes: Changes, now: int) -> list[tuple[int, dict[str, Any]]]:
        touched: defaultdict[int, list[str]] = defaultdict(list)
        for account, asset in changes.balances:
            touched[account].append(asset)
        return [(id, reports.position(self.accounts[id], assets, now)) for id, assets in touched.items()]

    def account_put(self, key: str, secret: str, permissions: frozenset[str], balances: dict[str, Decimal]) -> Account:
        """Create an account with its first deposits; a known key only gets the secret and permissions given."""
        known, now = self.by_key.get(key), self.clock()
        account = Account(known.id if known else len(self.accounts) + 1, key, secret, permissions)
        if known:
            account.free, account.locked = known.free, known.locked
        self.books.changes.accounts.append(account)
        self.accounts[account.id] = self.by_key[key] = account
        for asset, amount in () if known else balances.items():
            self.books.deposit(account, asset, amount, now)
        self.commit(now)
        return account

    def deposit(self, account: Account, asset: str, amount: Decimal) -> None:
        """Add an amount from outside; below zero it is taken away."""
        now = self.clock()
        self.books.deposit(account, asset, amount, now)
        self.commit(now)

    def open_orders(self, account: Account, symbol: str | None = None) -> list[Order]:
        """The account's open orders by id."""
        mine = self.engine.open.of_account(account.id)
        return [order for order in mine if symbol in (None, order.symbol)]

    def order_find(self, account: Account, symbol: str, order_id: int | None, client_id: str | None) -> Order | None:
        """An order by its id or the latest with a client id, open or closed."""
        for order in self.open_orders(account, symbol):
            if order.id == order_id or (order_id is None and order.client_id == client_id):
                return order
        column, value = ("id", order_id) if order_id is not None else ("client_id", client_id)
        where = f"account = ? AND symbol = ? AND {column} = ? ORDER BY id DESC LIMIT 1"
        return next(self.store.select(Order, where, (account.id, symbol, value)), None)
