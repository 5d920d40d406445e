"""Candles from a market socket's text, past ccxt's own parsing: a message costs a microsecond in place of fifty.

ccxt keeps the connection, the subscriptions and the errors. A tap sits where its socket client hands a text over;
texts that are klines of an exchange whose format is known here are decoded and kept, everything else goes on to ccxt
untouched.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

KEPT = 3  # candles of a symbol and timeframe, the running one included
MARK = '"e":"kline"'
Row = list[float]


class _Kline(msgspec.Struct, gc=False):
    """The part of Binance's kline that matters: open time, interval, prices and volume (sent as text), and whether it
    is final.
    """

    t: int
    s: str
    i: str
    o: float
    h: float
    l: float  # noqa: E741  (Binance's own name)
    c: float
    v: float
    x: bool


class _Event(msgspec.Struct, gc=False):
    k: _Kline


class _Wrapped(msgspec.Struct, gc=False):
    data: _Event


class Klines:
    """The newest candles of every symbol and timeframe, and which of them the exchange has called final."""

    def __init__(self, heard: Callable[[], None]) -> None:
        self.heard = heard
        self._kept: dict[str, dict[str, dict[int, _Kline]]] = {}  # interval, market id, open time
        self._plain = msgspec.json.Decoder(_Event, strict=False).decode
        self._wrapped = msgspec.json.Decoder(_Wrapped, strict=False).decode

    def take(self, text: str) -> bool:
        """Keep a kline; False when the text is something else (or not as it should be), for ccxt to see."""
        mark = text.find(MARK, 0, 96)
        if mark < 0:
            return False
        try:
            kline = self._plain(text).k if mark < 16 else self._wrapped(text).data.k
        except msgspec.MsgspecError:
            return False
        try:
            kept = self._kept[kline.i][kline.s]
        except KeyError:
            kept = self._kept.setdefault(kline.i, {}).setdefault(kline.s, {})
        kept[kline.t] = kline
        if len(kept) > KEPT:
            del kept[next(iter(kept))]  # the one that was heard of first
        self.heard()
        return True

    def final(self, interval: str, open_ms: int, market_ids: Mapping[str, str]) -> dict[str, Row]:
        """Final candles of one open time, of the symbols in `market_ids` (symbol to the exchange's own id): those the
        exchange has called final, and those after which a later one of the symbol has begun.
        """
        known, found = self._kept.get(interval, {}), {}
        for symbol, market_id in market_ids.items():
            kline = known.get(market_id, {}).get(open_ms)
            if kline is not None and (kline.x or max(known[market_id]) > open_ms):
                found[symbol] = [kline.t, kline.o, kline.h, kline.l, kline.c, kline.v]
        return found

    def complete(self, interval: str, open_ms: int, market_ids: Iterable[str]) -> bool:
        """Whether the exchange has called the candle of this open time final for all these markets."""
        known = self._kept.get(interval, {})
        return all((kline := known.get(one, {}).get(open_ms)) is not None and kline.x for one in market_ids)


def klines_tap(client: Any, klines: Klines) -> None:
    """Put a tap on every socket that a ccxt.pro client opens from now on; a later call changes who listens."""
    first = not hasattr(client, "xray_klines")
    client.xray_klines = klines
    if not first:
        return
    open_socket = client.client

    def tapped(url: str, *args: Any, **kwargs: Any) -> Any:
        socket = open_socket(url, *args, **kwargs)
        if not getattr(socket, "xray_tap", False):
            socket.xray_tap, hand_over = True, socket.handle_text_or_binary_message

            def handle(data: Any) -> None:
                if not (isinstance(data, str) and client.xray_klines.take(data)):
                    hand_over(data)

            socket.handle_text_or_binary_message = handle
        return socket

    client.client = tapped


TAPPED = frozenset({"binance"})  # exchanges whose kline format is known here; the others are read from ccxt's caches
