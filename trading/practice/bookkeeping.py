"""What trading does to accounts: reserves, payments, fees, ledger lines, and the events its owners are told."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from trading.practice import reports
from trading.practice.accounts import Account
from trading.practice.decimals import ZERO, truncate_asset
from trading.practice.orders import BUY, FILLED, PARTIALLY_FILLED, Entry, Fill, Order, OrderList
from trading.practice.store import Changes
from trading.practice.symbols import Listing

FEE = Decimal("0.001")  # of the received asset, maker and taker alike


class Bookkeeper:
    """Moves money and remembers in ``changes`` what has to be written and in ``events`` what has to be told."""

    def __init__(
        self, listing: Callable[[str], Listing], accounts: dict[int, Account], next_id: Callable[[], int]
    ) -> None:
        self.listing, self.accounts, self.next_id = listing, accounts, next_id
        self.changes = Changes()
        self.events: list[tuple[int, dict[str, Any]]] = []  # (account id, user-data event)

    def drain(self) -> tuple[Changes, list[tuple[int, dict[str, Any]]]]:
        """Hand over what has gathered and start anew."""
        gathered = self.changes, self.events
        self.changes, self.events = Changes(), []
        return gathered

    def asset(self, order: Order) -> str:
        """The asset an order pays with."""
        listing = self.listing(order.symbol)
        return listing.quote if order.side == BUY else listing.base

    def lock(self, order: Order, amount: Decimal) -> None:
        """Set an amount aside for an order; raises Binance's insufficient balance."""
        self.accounts[order.account].lock(self.asset(order), amount)
        order.lock += amount
        self._moved(order.account, self.asset(order))
        self.touch(order)

    def release(self, order: Order) -> None:
        """Give back what the order no longer needs."""
        surplus = order.lock - order.reserve()
        if surplus > 0:
            self.accounts[order.account].unlock(self.asset(order), surplus)
            order.lock -= surplus
            self._moved(order.account, self.asset(order))
        self.touch(order)

    def fill(self, order: Order, price: Decimal, qty: Decimal, maker: bool, now: int) -> Fill:
        """Execute ``qty`` of an order at ``price``: money, ledger, status, report."""
        fill = self._fill_of(order, price, qty, maker, now)
        paid, got = (fill.quote, qty) if order.side == BUY else (qty, fill.quote)
        self.changes.fills.append(fill)
        self._move(fill, "trade", self.asset(order), -paid)
        self._move(fill, "trade", fill.fee_asset, got)
        self._move(fill, "fee", fill.fee_asset, -fill.fee)
        account = self.accounts[order.account]
        account.pay(self.asset(order), paid)
        account.receive(fill.fee_asset, got - fill.fee)
        order.lock -= paid
        order.executed += qty
        order.cum_quote += fill.quote
        order.updated = now
        order.status = PARTIALLY_FILLED if order.remaining else FILLED
        self.note(order, now, "TRADE", fill)
        return fill

    def _fill_of(self, order: Order, price: Decimal, qty: Decimal, maker: bool, now: int) -> Fill:
        listing = self.listing(order.symbol)
        got, asset = (qty, listing.base) if order.side == BUY else (price * qty, listing.quote)
        return Fill(
            self.next_id(), order.id, order.account, order.symbol, order.side, price, qty, price * qty,
            truncate_asset(got * FEE), asset, int(maker), now, order.list_id,
        )  # fmt: skip

    def _move(self, fill: Fill, kind: str, asset: str, amount: Decimal) -> None:
        entry = Entry(self.next_id(), fill.time, fill.account, kind, asset, amount, fill.order_id, fill.id, "")
        self.changes.entries.append(entry)
        self._moved(fill.account, asset)

    def _moved(self, account: int, asset: str) -> None:
        self.changes.balances[account, asset] = self.accounts[account]

    def touch(self, order: Order) -> None:
        """The order has to be written."""
        self.changes.orders[order.id] = order

    def note(self, order: Order, now: int, kind: str, fill: Fill | None = None, request_id: str = "") -> None:
        """Remember what happened to an order: for the ledger and for its owner's stream."""
        if fill is None:
            self._write_down(order, now, f"{kind} {order.status}")
        self.events.append((order.account, reports.execution(order, kind, now, fill, request_id)))

    def note_rejection(self, order: Order, now: int, reason: str) -> None:
        """An order that never came to be."""
        self._write_down(order, now, f"REJECTED {reason}")
        self.events.append((order.account, reports.rejection(order, now, reason)))

    def note_list(self, orders: OrderList, now: int, kind: str) -> None:
        """An order list began or ended."""
        self.changes.lists[orders.id] = orders
        self.events.append((orders.account, reports.list_status(orders, kind, now)))

    def _write_down(self, order: Order, now: int, words: str) -> None:
        entry = Entry(self.next_id(), now, order.account, "order", "", ZERO, order.id, -1, words)
        self.changes.entries.append(entry)

    def deposit(self, account: Account, asset: str, amount: Decimal, now: int) -> None:
        """Add an amount from outside; below zero it is taken away."""
        account.receive(asset, amount)
        kind = "deposit" if amount > 0 else "withdrawal"
        self.changes.entries.append(Entry(self.next_id(), now, account.id, kind, asset, amount, -1, -1, ""))
        self._moved(account.id, asset)
        self.events.append((account.id, reports.deposit(asset, amount, now)))
