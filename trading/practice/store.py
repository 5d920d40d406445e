"""What survives a crash: an SQLite file, written in one transaction before an answer leaves.

WAL with synchronous=NORMAL keeps every committed transaction when the process is killed. Fills and ledger are
append-only: triggers refuse updates and deletes. Amounts are texts, so nothing is rounded.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from trading.practice.accounts import Account
from trading.practice.errors import StartError
from trading.practice.orders import LIVE, Entry, Fill, Order, OrderList

TABLES = {Order: "orders", Fill: "fills", OrderList: "lists", Entry: "ledger"}
APPEND_ONLY = ("fills", "ledger")
INDEXES = (
    "CREATE INDEX IF NOT EXISTS orders_by_client ON orders(account, client_id)",
    "CREATE INDEX IF NOT EXISTS orders_by_symbol ON orders(account, symbol, id)",
    "CREATE INDEX IF NOT EXISTS orders_live ON orders(status) WHERE status IN ('NEW', 'PARTIALLY_FILLED')",
    "CREATE INDEX IF NOT EXISTS fills_by_symbol ON fills(account, symbol, id)",
    "CREATE INDEX IF NOT EXISTS fills_by_order ON fills(order_id)",
    "CREATE INDEX IF NOT EXISTS ledger_by_account ON ledger(account, id)",
)


@dataclass
class Changes:
    """Everything one step of the exchange has to write; emptied by ``Store.write``."""

    orders: dict[int, Order] = field(default_factory=dict)
    lists: dict[int, OrderList] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    balances: dict[tuple[int, str], Account] = field(default_factory=dict)
    cursors: dict[str, int] = field(default_factory=dict)


class Store:
    """The state file."""

    def __init__(self, path: Path, market: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=1.0)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")  # a second server on the same file would trade twice
            self._create(path, market)
        except sqlite3.DatabaseError as error:
            raise StartError(f"{path}: cannot be used as state ({error}); is another exchange running on it?") from None
        path.chmod(0o600)

    def _create(self, path: Path, market: str) -> None:
        run = self._db.execute
        run("BEGIN IMMEDIATE")
        run("CREATE TABLE IF NOT EXISTS about(market TEXT)")
        run("CREATE TABLE IF NOT EXISTS accounts(id INTEGER PRIMARY KEY, key UNIQUE, secret TEXT, permissions TEXT)")
        run("CREATE TABLE IF NOT EXISTS balances(account, asset, free TEXT, locked TEXT, PRIMARY KEY(account, asset))")
        run("CREATE TABLE IF NOT EXISTS cursors(symbol TEXT PRIMARY KEY, ms INTEGER)")
        for record, table in TABLES.items():
            columns = ", ".join(f"{c.name} {'INTEGER' if c.type is int else 'TEXT'}" for c in fields(record))
            run(f"CREATE TABLE IF NOT EXISTS {table}({columns.replace('id INTEGER', 'id INTEGER PRIMARY KEY', 1)})")
        for table in APPEND_ONLY:
            for action in ("UPDATE", "DELETE"):
                run(
                    f"CREATE TRIGGER IF NOT EXISTS {table}_{action} BEFORE {action} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
        for index in INDEXES:
            run(index)
        self._claim(path, market)
        run("COMMIT")

    def _claim(self, path: Path, market: str) -> None:
        """A state lives in one market: in another its orders would meet prices that were never theirs."""
        known = self._db.execute("SELECT market FROM about").fetchone()
        if known is None:
            self._db.execute("INSERT INTO about VALUES (?)", (market,))
        elif known[0] != market:
            raise StartError(f"{path} belongs to another market ({known[0]}); this is {market}: give another --state")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def write(self, changes: Changes) -> None:
        """Commit all changes at once."""
        run = self._db.execute
        run("BEGIN IMMEDIATE")
        try:
            for account in changes.accounts:
                row = account.id, account.key, account.secret, " ".join(sorted(account.permissions))
                run("INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?)", row)
            self._put("INSERT OR REPLACE", changes.orders.values())
            self._put("INSERT OR REPLACE", changes.lists.values())
            self._put("INSERT", changes.fills)
            self._put("INSERT", changes.entries)
            for (owner, asset), account in changes.balances.items():
                amounts = str(account.free[asset]), str(account.locked[asset])
                run("INSERT OR REPLACE INTO balances VALUES (?, ?, ?, ?)", (owner, asset, *amounts))
            self._db.executemany("INSERT OR REPLACE INTO cursors VALUES (?, ?)", changes.cursors.items())
            run("COMMIT")
        except BaseException:
            run("ROLLBACK")
            raise

    def _put(self, verb: str, records: Iterable[Any]) -> None:
        for record in records:
            names = [column.name for column in fields(record)]
            values = [getattr(record, name) for name in names]
            marks = ", ".join("?" * len(names))
            row = [str(value) if isinstance(value, Decimal) else value for value in values]
            self._db.execute(f"{verb} INTO {TABLES[type(record)]} VALUES ({marks})", row)

    def select(self, record: type, where: str, values: tuple = ()) -> Iterator[Any]:
        """Records of one kind; ``where`` is SQL from this package, values are bound."""
        columns = fields(record)
        for row in self._db.execute(f"SELECT * FROM {TABLES[record]} WHERE {where}", values):
            yield record(*(Decimal(v) if c.type is Decimal else v for c, v in zip(columns, row, strict=True)))

    def live_orders(self) -> Iterator[Order]:
        """Every account's open orders by id."""
        return self.select(Order, f"status IN {LIVE!r} ORDER BY id")

    def last_id(self, *records: type) -> int:
        """The largest id given out to any of the kinds."""
        return max(self._db.execute(f"SELECT max(id) FROM {TABLES[kind]}").fetchone()[0] or 0 for kind in records)

    def cursors(self) -> dict[str, int]:
        """Real ms up to which each symbol had been matched when it was last written."""
        return dict(self._db.execute("SELECT symbol, ms FROM cursors"))

    def accounts(self) -> Iterator[Account]:
        """All accounts with their balances."""
        for id, key, secret, permissions in self._db.execute("SELECT * FROM accounts ORDER BY id").fetchall():
            account = Account(id, key, secret, frozenset(permissions.split()))
            for asset, free, locked in self._db.execute(
                "SELECT asset, free, locked FROM balances WHERE account = ?", (id,)
            ):
                account.free[asset], account.locked[asset] = Decimal(free), Decimal(locked)
            yield account
