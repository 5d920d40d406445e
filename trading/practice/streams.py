"""Market streams: each knows what it has sent and what is due.

A stream is shared by all its subscribers; the hub asks it about every 100 ms for the events that have become due.
"""

import re
from collections.abc import Callable
from typing import Any

from trading.practice import public_json as out
from trading.practice.book import MAX_LEVELS
from trading.practice.klines import INTERVALS
from trading.practice.market import Market

SECOND = 1_000
Due = Callable[[int], list[Any]]  # now in real ms -> events


def trade_stream(market: Market, symbol: str, started: int, write: Callable) -> Due:
    """Every trade after ``started``; ``write`` makes trade or aggTrade events."""
    last = market.mapping.last_at(started)

    def due(now: int) -> list[Any]:
        nonlocal last
        first, last = last + 1, max(last, market.mapping.last_at(now))
        prints = market.prints_of(symbol, first, last + 1)
        return write(market.listings[symbol], prints, now) if len(prints.slots) else []

    return due


def kline_stream(market: Market, symbol: str, interval: str, started: int) -> Due:
    """The running candle each second, and every candle once more, final, when its time is over."""
    length, listing = INTERVALS[interval], market.listings[symbol]
    opened, second = started // length * length, started // SECOND

    def event(open_ms: int, now: int) -> list[Any]:
        candle = market.candle_at(symbol, interval, open_ms, now)
        return [out.kline_event(listing, interval, candle, now)] if candle else []

    def due(now: int) -> list[Any]:
        nonlocal opened, second
        events = []
        while opened + length <= now:
            events += event(opened, now)
            opened += length
        if now // SECOND != second:
            second = now // SECOND
            events += event(opened, now)
        return events

    return due


def depth_stream(market: Market, symbol: str, every: int, started: int) -> Due:
    """Changes of the book since the last event, numbered without holes."""
    books, listing = [market.book_at(symbol, started, MAX_LEVELS)], market.listings[symbol]
    period = started // every

    def due(now: int) -> list[Any]:
        nonlocal period
        latest = market.mapping.epoch_at(now)
        if now // every == period or latest <= books[-1].epoch:
            return []
        period = now // every
        books.extend(market.book(symbol, epoch, MAX_LEVELS) for epoch in range(books[-1].epoch + 1, latest + 1))
        event = out.depth_event(listing, books, now)
        del books[:-1]
        return [event]

    return due


def changing_stream(every: int, started: int, read: Callable[[int], Any]) -> Due:
    """What ``read`` says, once in ``every`` ms and only when it differs from what was said last."""
    period, said = started // every - 1, None

    def due(now: int) -> list[Any]:
        nonlocal period, said
        if now // every == period:
            return []
        period, before, said = now // every, said, read(now)
        return [said] if said != before else []

    return due


SYMBOL_STREAM = re.compile(
    r"(?P<symbol>[a-z0-9]+)@(?:(?P<plain>trade|aggTrade|bookTicker|ticker|miniTicker)|kline_(?P<interval>\w+)"
    r"|depth(?P<levels>5|10|20)?(?:@(?P<every>100|1000)ms)?)"
)
ALL_STREAMS = {"!ticker@arr": out.ticker_event, "!miniTicker@arr": out.mini_event}


def stream_open(market: Market, name: str, now: int) -> Due | None:
    """The stream of that name as of ``now``; None when Binance has no such stream or pair."""
    if name in ALL_STREAMS:
        write = ALL_STREAMS[name]
        return changing_stream(SECOND, now, lambda at: [write(market, symbol, at) for symbol in market.listings])
    match = SYMBOL_STREAM.fullmatch(name)
    if match is None or (symbol := match["symbol"].upper()) not in market.listings:
        return None
    if match["interval"]:
        return kline_stream(market, symbol, match["interval"], now) if match["interval"] in INTERVALS else None
    if match["plain"]:
        return _plain_stream(market, symbol, match["plain"], now)
    every, listing = int(match["every"] or SECOND), market.listings[symbol]
    if match["levels"]:
        count = int(match["levels"])
        return changing_stream(every, now, lambda at: out.depth(listing, market.book_at(symbol, at, count)))
    return depth_stream(market, symbol, every, now)


def _plain_stream(market: Market, symbol: str, kind: str, now: int) -> Due:
    listing = market.listings[symbol]
    if kind == "bookTicker":
        return changing_stream(100, now, lambda at: out.book_ticker_event(listing, market.book_at(symbol, at, 1)))
    if kind in ("ticker", "miniTicker"):
        write = out.ticker_event if kind == "ticker" else out.mini_event
        return changing_stream(SECOND, now, lambda at: write(market, symbol, at))
    return trade_stream(market, symbol, now, out.trade_events if kind == "trade" else out.agg_events)
