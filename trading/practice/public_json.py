"""Public market data as Binance writes it. Prices come in ticks and lots and leave as decimal texts."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from trading.practice.book import Book, Levels
from trading.practice.market import DAY_MS, Candle, Market, Prints
from trading.practice.symbols import Listing

Json = dict[str, Any]


def price_text(listing: Listing, ticks: float) -> str:
    """Ticks as a price; exact, because the scale is a power of ten."""
    places = listing.price_places
    return f"{ticks / 10**places:.{max(8, places)}f}"


def qty_text(listing: Listing, lots: float) -> str:
    """Lots as a quantity."""
    places = listing.qty_places
    return f"{lots / 10**places:.{max(8, places)}f}"


def quote_text(listing: Listing, candle: Candle) -> str:
    """A candle's turnover in quote: its volume at the mean of its four prices."""
    places = listing.price_places + listing.qty_places
    mean = (candle.open + candle.high + candle.low + candle.close) / 4
    return f"{candle.lots * mean / 10**places:.8f}"


def taker_share(candle: Candle) -> float:
    """Share of the volume bought by takers: more in candles that rise."""
    return 0.5 + 0.25 * (candle.close - candle.open) / max(candle.high - candle.low, 1)


def kline_row(listing: Listing, candle: Candle) -> list[Any]:
    """A kline as REST serves it."""
    share, quote = taker_share(candle), quote_text(listing, candle)
    prices = [price_text(listing, ticks) for ticks in candle[2:6]]
    taker = [qty_text(listing, round(candle.lots * share)), f"{float(quote) * share:.8f}"]
    volume = qty_text(listing, candle.lots)
    return [candle.open_ms, *prices, volume, candle.close_ms - 1, quote, candle.trades, *taker, "0"]


def kline_event(listing: Listing, interval: str, candle: Candle, now: int) -> Json:
    """The kline event of a stream; final once its time is over."""
    open_ms, first, high, low, last, volume, end, quote, trades, base, taker, _ = kline_row(listing, candle)
    kline = {
        "t": open_ms, "T": end, "s": listing.symbol, "i": interval, "f": -1, "L": -1, "o": first, "c": last, "h": high,
        "l": low, "v": volume, "n": trades, "x": now > end, "q": quote, "V": base, "Q": taker, "B": "0",
    }  # fmt: skip
    return {"e": "kline", "E": now, "s": listing.symbol, "k": kline}


def trade_rows(listing: Listing, prints: Prints) -> list[Json]:
    """Rows of /trades; slots without volume are no trades."""
    return [
        {
            "id": slot, "price": price_text(listing, ticks), "qty": qty_text(listing, lots),
            "quoteQty": _product(listing, ticks, lots), "time": time, "isBuyerMaker": not bought, "isBestMatch": True,
        }
        for slot, time, ticks, lots, bought in _each(prints)
    ]  # fmt: skip


def agg_rows(listing: Listing, prints: Prints) -> list[Json]:
    """Rows of /aggTrades: every trade is its own aggregate."""
    return [
        {
            "a": slot, "p": price_text(listing, ticks), "q": qty_text(listing, lots), "f": slot, "l": slot, "T": time,
            "m": not bought, "M": True,
        }
        for slot, time, ticks, lots, bought in _each(prints)
    ]  # fmt: skip


def trade_events(listing: Listing, prints: Prints, now: int) -> list[Json]:
    """Events of @trade."""
    return [
        {
            "e": "trade", "E": now, "s": listing.symbol, "t": row["id"], "p": row["price"], "q": row["qty"],
            "T": row["time"], "m": row["isBuyerMaker"], "M": True,
        }
        for row in trade_rows(listing, prints)
    ]  # fmt: skip


def agg_events(listing: Listing, prints: Prints, now: int) -> list[Json]:
    """Events of @aggTrade."""
    return [{"e": "aggTrade", "E": now, "s": listing.symbol} | row for row in agg_rows(listing, prints)]


def depth(listing: Listing, book: Book) -> Json:
    """A book as REST serves it."""
    return {"lastUpdateId": book.epoch, "bids": levels(listing, book.bids), "asks": levels(listing, book.asks)}


def depth_event(listing: Listing, books: list[Book], now: int) -> Json:
    """What changed over consecutive books: every level that did, with its last size (0: gone)."""
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}
    for before, after in pairwise(books):
        bids |= _changed(before.bids, after.bids)
        asks |= _changed(before.asks, after.asks)
    head = {"e": "depthUpdate", "E": now, "s": listing.symbol, "U": books[0].epoch + 1, "u": books[-1].epoch}
    return head | {"b": levels(listing, bids.items()), "a": levels(listing, asks.items())}


def levels(listing: Listing, side: Iterable[tuple[int, int]]) -> list[list[str]]:
    """One side of a book as pairs of texts."""
    return [[price_text(listing, ticks), qty_text(listing, lots)] for ticks, lots in side]


def book_ticker(listing: Listing, book: Book) -> Json:
    """Best bid and ask as REST serves them."""
    texts = {"bidPrice": price_text(listing, book.bids[0][0]), "bidQty": qty_text(listing, book.bids[0][1])}
    texts |= {"askPrice": price_text(listing, book.asks[0][0]), "askQty": qty_text(listing, book.asks[0][1])}
    return {"symbol": listing.symbol} | texts


def book_ticker_event(listing: Listing, book: Book) -> Json:
    """The bookTicker event, which Binance sends without a name."""
    row = book_ticker(listing, book)
    names = {"b": "bidPrice", "B": "bidQty", "a": "askPrice", "A": "askQty"}
    return {"u": book.epoch, "s": listing.symbol} | {short: row[long] for short, long in names.items()}


def ticker(market: Market, symbol: str, now: int) -> Json:
    """The 24-hour statistics of a pair."""
    listing, day = market.listings[symbol], market.span(symbol, now - DAY_MS, now)
    book, quote = market.book_at(symbol, now, 1), quote_text(market.listings[symbol], day)
    average = (day.open + day.high + day.low + day.close) / 4
    return {
        "symbol": symbol, "priceChange": price_text(listing, day.close - day.open),
        "priceChangePercent": f"{(day.close / day.open - 1) * 100:.3f}",
        "weightedAvgPrice": price_text(listing, average),
        "prevClosePrice": price_text(listing, day.open), "lastPrice": price_text(listing, day.close),
        "lastQty": qty_text(listing, max(1, day.lots // max(1, day.trades))), **book_ticker(listing, book),
        "openPrice": price_text(listing, day.open), "highPrice": price_text(listing, day.high),
        "lowPrice": price_text(listing, day.low), "volume": qty_text(listing, day.lots), "quoteVolume": quote,
        "openTime": day.open_ms, "closeTime": day.close_ms, "firstId": market.mapping.first_at(day.open_ms + 1),
        "lastId": market.mapping.last_at(now), "count": day.trades,
    }  # fmt: skip


TICKER_EVENT = {
    "s": "symbol", "p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice", "x": "prevClosePrice",
    "c": "lastPrice", "Q": "lastQty", "b": "bidPrice", "B": "bidQty", "a": "askPrice", "A": "askQty", "o": "openPrice",
    "h": "highPrice", "l": "lowPrice", "v": "volume", "q": "quoteVolume", "O": "openTime", "C": "closeTime",
    "F": "firstId", "L": "lastId", "n": "count",
}  # fmt: skip
MINI_EVENT = ("s", "c", "o", "h", "l", "v", "q")


def ticker_event(market: Market, symbol: str, now: int) -> Json:
    """The 24hrTicker event."""
    row = ticker(market, symbol, now)
    return {"e": "24hrTicker", "E": now} | {short: row[long] for short, long in TICKER_EVENT.items()}


def mini_event(market: Market, symbol: str, now: int) -> Json:
    """The 24hrMiniTicker event."""
    event = ticker_event(market, symbol, now)
    return {"e": "24hrMiniTicker", "E": now} | {name: event[name] for name in MINI_EVENT}


def _each(prints: Prints) -> Iterator[tuple[int, int, int, int, bool]]:
    rows = zip(*(column.tolist() for column in prints), strict=True)
    return (row for row in rows if row[3])


def _product(listing: Listing, ticks: int, lots: int) -> str:
    places = listing.price_places + listing.qty_places
    return f"{ticks * lots / 10**places:.{max(8, places)}f}"


def _changed(before: Levels, after: Levels) -> Levels:
    """Levels that are new or differ, and zeros for those that are gone."""
    old, new = dict(before), dict(after)
    return [level for level in after if old.get(level[0]) != level[1]] + [(t, 0) for t in old if t not in new]
