"""Market data endpoints: the same for everybody, no key needed."""

from collections.abc import Callable
from typing import Any

from trading.practice import public_json as out
from trading.practice.decimals import plain
from trading.practice.errors import bad_interval, bad_symbol
from trading.practice.gateway import Call, Endpoint
from trading.practice.klines import INTERVALS
from trading.practice.limits import ORDER_LIMIT, ORDER_LIMIT_DAY
from trading.practice.market import Prints
from trading.practice.params import Params
from trading.practice.tape import ANCHOR_MS

MAX_ROWS = 1000
AVERAGE_MS = 300_000


def _symbol(call: Call) -> str:
    return call.exchange.market.listing(call.params.text("symbol")).symbol


def _symbols(call: Call) -> tuple[list[str], bool]:
    """The pairs asked for, and whether it was one alone (then the answer is an object, not a list)."""
    if "symbol" in call.params:
        return [_symbol(call)], True
    listings = call.exchange.market.listings
    chosen = call.params.words("symbols") or list(listings)
    if not set(chosen) <= set(listings):
        raise bad_symbol()
    return chosen, False


def _limit(params: Params, default: int = 500, most: int = MAX_ROWS) -> int:
    return min(params.integer("limit", default, 1), most)


def ping(call: Call) -> Any:
    """Is anybody there?"""
    return {}


def server_time(call: Call) -> Any:
    """Real time in ms."""
    return {"serverTime": call.now}


def exchange_info(call: Call) -> Any:
    """Pairs, filters and rate limits."""
    listings = call.exchange.market.listings
    rates = (
        ("REQUEST_WEIGHT", "MINUTE", 1, call.weights.limit),
        ("ORDERS", "SECOND", 10, ORDER_LIMIT),
        ("ORDERS", "DAY", 1, ORDER_LIMIT_DAY),
    )
    names = ("rateLimitType", "interval", "intervalNum", "limit")
    return {
        "timezone": "UTC", "serverTime": call.now, "exchangeFilters": [],
        "rateLimits": [dict(zip(names, rate, strict=True)) for rate in rates],
        "symbols": [listings[symbol].info() for symbol in _symbols(call)[0]],
    }  # fmt: skip


def klines(call: Call) -> Any:
    """Candles from startTime on, or the latest up to endTime."""
    symbol, interval, limit = _symbol(call), call.params.text("interval"), _limit(call.params)
    if interval not in INTERVALS:
        raise bad_interval()
    length, end = INTERVALS[interval], min(call.params.integer("endTime", call.now), call.now)
    if "startTime" in call.params:
        start = -(-call.params.integer("startTime") // length) * length
        end = min(end, start + (limit - 1) * length)
    else:
        start = (end // length - limit + 1) * length
    if end < max(start, ANCHOR_MS):
        return []
    listing = call.exchange.market.listings[symbol]
    rows = call.exchange.market.candles(symbol, interval, start, end, call.now)
    return [out.kline_row(listing, candle) for candle in rows]


def depth(call: Call) -> Any:
    """The displayed book."""
    symbol = _symbol(call)
    book = call.exchange.market.book_at(symbol, call.now, _limit(call.params, 100, 5000))
    return out.depth(call.exchange.market.listings[symbol], book)


def _prints(call: Call) -> tuple[Any, Prints]:
    """The trades asked for by fromId, by time, or the latest ones."""
    symbol, market, limit = _symbol(call), call.exchange.market, _limit(call.params)
    latest = market.mapping.last_at(call.now) + 1
    if "fromId" in call.params:
        first = call.params.integer("fromId")
        last = first + limit
    elif "startTime" in call.params:
        first = market.mapping.first_at(max(ANCHOR_MS, call.params.integer("startTime")))
        end = min(call.params.integer("endTime", call.now), call.now)
        last = min(first + limit, market.mapping.last_at(end) + 1)
    else:
        last = market.mapping.last_at(min(call.params.integer("endTime", call.now), call.now)) + 1
        first = last - limit
    return market.listings[symbol], market.prints_of(symbol, first, min(last, latest))


def trades(call: Call) -> Any:
    """Public trades."""
    return out.trade_rows(*_prints(call))


def agg_trades(call: Call) -> Any:
    """Public trades in their aggregated form."""
    return out.agg_rows(*_prints(call))


def _one_or_all(call: Call, row: Callable[[str], Any]) -> Any:
    symbols, alone = _symbols(call)
    return row(symbols[0]) if alone else [row(symbol) for symbol in symbols]


def ticker_day(call: Call) -> Any:
    """24-hour statistics."""
    return _one_or_all(call, lambda symbol: out.ticker(call.exchange.market, symbol, call.now))


def ticker_price(call: Call) -> Any:
    """Latest prices."""
    market = call.exchange.market
    return _one_or_all(call, lambda symbol: {"symbol": symbol, "price": plain(market.last_price(symbol, call.now))})


def ticker_book(call: Call) -> Any:
    """Best bids and asks."""
    market = call.exchange.market
    return _one_or_all(
        call, lambda symbol: out.book_ticker(market.listings[symbol], market.book_at(symbol, call.now, 1))
    )


def average_price(call: Call) -> Any:
    """Mean price of the last five minutes."""
    symbol = _symbol(call)
    span = call.exchange.market.span(symbol, call.now - AVERAGE_MS, call.now)
    mean = (span.open + span.high + span.low + span.close) / 4
    price = out.price_text(call.exchange.market.listings[symbol], mean)
    return {"mins": AVERAGE_MS // 60_000, "price": price, "closeTime": call.now}


def system_status(call: Call) -> Any:
    """Normal, always."""
    return {"status": 0, "msg": "normal"}


def health(call: Call) -> Any:
    """Not Binance's: is the practice exchange alive, and which market is it?"""
    market = call.exchange.market
    return {"status": "ok", "market": market.name, "speed": str(market.speed), "symbols": len(market.listings)}


def _by_count(one: int, every: int) -> Callable[[Params], int]:
    return lambda params: one if "symbol" in params else every


def _depth_weight(params: Params) -> int:
    limit = params.integer("limit", 100, 1)
    return 5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1000 else 250


ENDPOINTS = (
    Endpoint("GET", "/api/v3/ping", ping, 1, ws="ping"),
    Endpoint("GET", "/api/v3/time", server_time, 1, ws="time"),
    Endpoint("GET", "/api/v3/exchangeInfo", exchange_info, 20, ws="exchangeInfo"),
    Endpoint("GET", "/api/v3/klines", klines, 2, ws="klines"),
    Endpoint("GET", "/api/v3/uiKlines", klines, 2, ws="uiKlines"),
    Endpoint("GET", "/api/v3/depth", depth, _depth_weight, ws="depth"),
    Endpoint("GET", "/api/v3/trades", trades, 25, ws="trades.recent"),
    Endpoint("GET", "/api/v3/historicalTrades", trades, 25, ws="trades.historical"),
    Endpoint("GET", "/api/v3/aggTrades", agg_trades, 4, ws="trades.aggregate"),
    Endpoint("GET", "/api/v3/avgPrice", average_price, 2, ws="avgPrice"),
    Endpoint("GET", "/api/v3/ticker/24hr", ticker_day, _by_count(2, 80), ws="ticker.24hr"),
    Endpoint("GET", "/api/v3/ticker/price", ticker_price, _by_count(2, 4), ws="ticker.price"),
    Endpoint("GET", "/api/v3/ticker/bookTicker", ticker_book, _by_count(2, 4), ws="ticker.book"),
    Endpoint("GET", "/sapi/v1/system/status", system_status, 1),
    Endpoint("GET", "/practice/health", health, 0),
)
