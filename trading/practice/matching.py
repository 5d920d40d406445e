"""Matching: takers walk the displayed book and other users' orders, resting orders wait in price-time queues.

A limit order rests behind the quantity the book displayed at its price. Trades of the tape at that price (their taker
on the other side) first eat that queue, then the users' orders in the order of their arrival; a trade through the
price finds the queue gone. A tape trade gives out no more than its volume. What a taker takes from a displayed book
is gone until the next book. Everything here is a function of the orders, their times and the feed, so that after a
crash or an outage the path missed is matched as if the exchange had been running all along.
"""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Protocol

import numpy as np

from trading.practice.book import MAX_LEVELS, Book
from trading.practice.bookkeeping import Bookkeeper
from trading.practice.decimals import ZERO
from trading.practice.errors import rejected
from trading.practice.market import Prints
from trading.practice.open_orders import OpenOrders
from trading.practice.orders import (
    BUY,
    CANCELED,
    EXPIRED,
    EXPIRED_IN_MATCH,
    SELL,
    Fill,
    Match,
    Order,
    OrderList,
)
from trading.practice.symbols import Listing

CHUNK_MS = 300_000  # of tape looked at together
IMMEDIATE = ("IOC", "FOK")


class Feed(Protocol):
    """What matching needs of the market (``market.Market`` is one)."""

    def listing(self, symbol: str) -> Listing:
        """The pair; raises Binance's "Invalid symbol."."""

    def book_at(self, symbol: str, now: int, levels: int) -> Book:
        """The book displayed at ``now`` (real ms)."""

    def prints(self, symbol: str, after: int, until: int) -> Prints:
        """The tape of real ms (after, until]."""


class Engine:
    """Open orders and the rules by which they trade; what that does to accounts is the bookkeeper's."""

    def __init__(self, feed: Feed, books: Bookkeeper) -> None:
        self.feed, self.books = feed, books
        self.open = OpenOrders()
        self.lists: dict[int, OrderList] = {}
        self.cursors: dict[str, int] = {}  # real ms up to which a symbol's tape has been matched
        self.shown: Decimal | None = None  # base at most that the market's own liquidity shows; None: all of it
        self._taken: dict[str, tuple[int, defaultdict[Decimal, Decimal]]] = {}

    def submit(self, order: Order, now: int) -> list[Fill]:
        """Accept a checked order: take what it can, rest or expire what is left. Raises rejected()."""
        plan = list(self._plan(order, now)) if order.working else []
        if order.type == "LIMIT_MAKER" and plan:
            raise rejected("Order would immediately match and take.")
        self.books.lock(order, order.reserve() or _cost(order, plan))
        if order.quote_qty:
            order.qty = _quantity(order, plan)
        self.books.note(order, now, "NEW")
        return self._work(order, plan, now)

    def submit_list(self, orders: OrderList, legs: tuple[Order, Order], now: int) -> None:
        """Accept an OCO: both legs rest on one reserve, held by the first until one of them leads."""
        if next(self._plan(legs[0], now), None):
            raise rejected("Order would immediately match and take.")
        self.books.lock(legs[0], max(leg.reserve() for leg in legs))
        self.lists[orders.id] = orders
        self.books.note_list(orders, now, "EXEC_STARTED")
        for leg in legs:
            self.books.note(leg, now, "NEW")
            self._rest(leg, now)

    def cancel(self, order: Order, now: int, request_id: str = "") -> None:
        """Close an open order at its owner's wish; its list goes with it."""
        for one in (order, self._sibling(order)):
            if one:
                self._close(one, CANCELED, now, request_id)

    def _work(self, order: Order, plan: list[Match], now: int) -> list[Fill]:
        """Execute a plan, then rest or expire the remainder."""
        if order.tif == "FOK" and _quantity(order, plan) < order.qty:
            plan = []
        fills = [fill for match in plan if (fill := self._take(order, match, now))]
        if order.live and order.working and (order.at_market or order.tif in IMMEDIATE):
            self._close(order, EXPIRED, now)
        elif order.live:
            self._rest(order, now)
        return fills

    def _rest(self, order: Order, now: int) -> None:
        order.ahead = self._displayed(order, now) if order.working else ZERO
        self.open.add(order)
        self.books.touch(order)

    def _displayed(self, order: Order, now: int) -> Decimal:
        """The market's quantity at the order's price on its own side."""
        listing, book = self.feed.listing(order.symbol), self.feed.book_at(order.symbol, now, MAX_LEVELS)
        ticks = int(order.price / listing.tick)
        return listing.qty(dict(book.bids if order.side == BUY else book.asks).get(ticks, 0))

    def _fill(self, order: Order, price: Decimal, qty: Decimal, maker: bool, now: int) -> Fill:
        self._lead(order, now)
        fill = self.books.fill(order, price, qty, maker, now)
        self._settled(order, now)
        return fill

    def _close(self, order: Order, status: str, now: int, request_id: str = "") -> None:
        order.status, order.updated = status, now
        self.books.note(order, now, "CANCELED" if status == CANCELED else "EXPIRED", request_id=request_id)
        self._settled(order, now)

    def _settled(self, order: Order, now: int) -> None:
        """Free what the order no longer needs and forget it once closed."""
        self.books.release(order)
        if order.live:
            return
        self.open.remove(order)
        orders = self.lists.get(order.list_id)
        if orders and not self._sibling(order):
            orders.status = "ALL_DONE"
            self.books.note_list(orders, now, "ALL_DONE")
            del self.lists[orders.id]

    def _plan(self, order: Order, now: int, budget: Decimal | None = None) -> Iterator[Match]:
        """What the order would take now, best price first; ``budget`` bounds the quote spent."""
        listing = self.feed.listing(order.symbol)
        budget = order.quote_qty or budget
        wanted = listing.max_qty if order.quote_qty else order.remaining
        for match in self._opposite(order, now):
            if not order.crosses(match.price) or not wanted:
                return
            if _own(order, match):
                yield match
                continue
            match.qty = min(match.qty, wanted)
            if budget is not None:
                match.qty = min(match.qty, listing.whole_lots(budget / match.price))
                budget -= match.qty * match.price
            if not match.qty:
                return
            wanted -= match.qty
            yield match

    def _opposite(self, order: Order, now: int) -> list[Match]:
        """The other side of the market, best first; at one price the market's own liquidity stands in front."""
        listing, book = self.feed.listing(order.symbol), self.feed.book_at(order.symbol, now, MAX_LEVELS)
        taken = self._taken_of(order.symbol, book.epoch)
        levels = book.asks if order.side == BUY else book.bids
        found = [Match(price := listing.price(t), listing.qty(q) - taken[price], None) for t, q in levels]
        if self.shown is not None:
            found = _no_more(found, listing.whole_lots(self.shown))
        makers = [one for one in self.open.of_symbol(order.symbol) if one.side != order.side and one.working]
        found += [Match(one.price, one.remaining, one) for one in makers]
        sign = 1 if order.side == BUY else -1
        return sorted((m for m in found if m.qty > 0), key=lambda m: (sign * m.price, m.maker.id if m.maker else 0))

    def _taken_of(self, symbol: str, epoch: int) -> defaultdict[Decimal, Decimal]:
        known = self._taken.get(symbol)
        if known is None or known[0] != epoch:
            known = self._taken[symbol] = epoch, defaultdict(lambda: ZERO)
        return known[1]

    def _take(self, order: Order, match: Match, now: int) -> Fill | None:
        maker = match.maker
        if maker and maker.account == order.account:
            self._close(maker, EXPIRED_IN_MATCH, now)  # nobody trades with himself
            return None
        fill = self._fill(order, match.price, match.qty, False, now)
        if maker:
            self._fill(maker, match.price, match.qty, True, now)
        else:
            self._taken[order.symbol][1][match.price] += match.qty
        return fill

    def advance(self, symbol: str, now: int) -> None:
        """Match the symbol's open orders against the tape up to ``now`` (real ms)."""
        after = self.cursors.get(symbol, now)
        while self.open.of_symbol(symbol) and after < now:
            prints = self.feed.prints(symbol, after, min(now, after + CHUNK_MS))
            start = 0
            while (hit := self._next_hit(symbol, prints, start)) is not None:
                self._on_print(symbol, prints, hit)
                start = hit + 1
            after = min(now, after + CHUNK_MS)
        self.cursors[symbol] = max(now, after)

    def _next_hit(self, symbol: str, prints: Prints, start: int) -> int | None:
        """The next trade that any open order could care about."""
        tick = self.feed.listing(symbol).tick
        falling: list[int] = []
        rising: list[int] = []
        for order in self.open.of_symbol(symbol):
            level = int((order.price if order.working else order.stop) / tick)
            down = order.side == BUY if order.working else order.triggered_by(ZERO)
            (falling if down else rising).append(level)
        ticks = prints.ticks[start:]
        hits = np.flatnonzero((ticks <= max(falling, default=-1)) | (ticks >= min(rising, default=2**62)))
        return start + int(hits[0]) if len(hits) else None

    def _on_print(self, symbol: str, prints: Prints, at: int) -> None:
        listing, time = self.feed.listing(symbol), int(prints.times[at])
        price, qty, bought = listing.price(prints.ticks[at]), listing.qty(prints.lots[at]), bool(prints.buys[at])
        self._stops_touch(symbol, price, time)
        for side in (BUY, SELL):
            qty = self._fill_resting(symbol, side, price, qty, (side == BUY) != bought, time)

    def trade_with(self, account: int, symbol: str, price: Decimal, qty: Decimal, time: int) -> None:
        """Others trade ``qty`` at ``price``, away from the book, with this account alone."""
        for order in [one for one in self.open.of_symbol(symbol) if one.account == account]:
            if not order.live:
                continue  # its other leg has sold
            if not order.working and order.triggered_by(price):
                self._trigger(order, time)
            elif order.working and order.crosses(price) and (take := min(qty, order.remaining)):
                self._fill(order, order.price, take, True, time)
                qty -= take

    def _stops_touch(self, symbol: str, price: Decimal, time: int) -> None:
        """Somebody trades at ``price``: it sets off the stops that wait for it."""
        for order in [one for one in self.open.of_symbol(symbol) if not one.working and one.triggered_by(price)]:
            if order.live:
                self._trigger(order, time)

    def _fill_resting(self, symbol: str, side: str, price: Decimal, left: Decimal, hit: bool, time: int) -> Decimal:
        """Deal a trade's volume to one side's queue; ``hit`` says its taker came for this side. Returns the rest."""
        sign, passed = (-1 if side == BUY else 1), ZERO
        queue = [one for one in self.open.of_symbol(symbol) if one.side == side and one.working and one.crosses(price)]
        for order in sorted(queue, key=lambda one: (sign * one.price, one.id)):
            if order.price == price and not hit:
                break
            eaten = min(left, max(order.ahead - passed, ZERO)) if order.price == price else ZERO
            left, passed = left - eaten, passed + eaten
            order.ahead = max(order.ahead - passed, ZERO) if order.price == price else ZERO
            self.books.touch(order)
            if order.live and (take := min(left, order.remaining)):
                self._fill(order, order.price, take, True, time)
                left -= take
        return left

    def _trigger(self, order: Order, time: int) -> None:
        """A stop's price was touched: from now on it is a limit or a market order."""
        self._lead(order, time)
        order.working, order.updated = 1, time
        self.open.remove(order)
        self.books.note(order, time, "NEW")
        if not order.at_market:
            self._work(order, list(self._plan(order, time)), time)
            return
        account = self.books.accounts[order.account]
        budget = order.lock + account.free[self.books.asset(order)] if order.side == BUY else None
        plan = list(self._plan(order, time, budget))
        if order.side == BUY and (short := _cost(order, plan) - order.lock) > 0:
            self.books.lock(order, short)
        self._work(order, plan, time)

    def _sibling(self, order: Order) -> Order | None:
        """The other open leg of the order's list."""
        orders = self.lists.get(order.list_id)
        if orders is None:
            return None
        other = self.open.find(order.account, orders.second if order.id == orders.first else orders.first)
        return other if other and other.live else None

    def _lead(self, order: Order, now: int) -> None:
        """An order begins to execute: its sibling expires and hands over the reserve."""
        other = self._sibling(order)
        if other:
            order.lock, other.lock = order.lock + other.lock, ZERO
            self._close(other, EXPIRED, now)
            self.books.release(order)


def _no_more(levels: list[Match], left: Decimal) -> list[Match]:
    """The best levels (they come best first), so many units of base in all."""
    kept: list[Match] = []
    for level in levels:
        level.qty = min(level.qty, left)
        left -= max(level.qty, ZERO)
        kept.append(level)
    return kept


def _own(order: Order, match: Match) -> bool:
    """Whether the match is with another order of the same account: that one expires instead of trading."""
    return match.maker is not None and match.maker.account == order.account


def _quantity(order: Order, plan: list[Match]) -> Decimal:
    return sum((match.qty for match in plan if not _own(order, match)), ZERO)


def _cost(order: Order, plan: list[Match]) -> Decimal:
    """What a plan takes from the account that makes it."""
    if order.side == SELL:
        return _quantity(order, plan)
    return sum((match.price * match.qty for match in plan if not _own(order, match)), ZERO)
