"""Candles from a market socket's text, past ccxt's own parsing: a message costs two microseconds in place of fifty.

ccxt keeps the connection, the subscriptions and the errors. A tap sits where its socket client hands a text over;
texts that are klines of an exchange whose format is known here are decoded and kept, everything else goes on to ccxt
untouched.
"""

from collections.abc import Callable
from typing import Any

import msgspec

KEPT = 3  # candles of a symbol and timeframe, the running one included
MARK = '"e":"kline"'
Row = list[float]


class _Kline(msgspec.Struct):
    """The part of Binance's kline that matters: open time, interval, prices and volume as text, and whether it is
    final.
    """

    t: int
    s: str
    i: str
    o: str
    h: str
    l: str  # noqa: E741  (Binance's own name)
    c: str
    v: str
    x: bool


class _Event(msgspec.Struct):
    k: _Kline


class _Wrapped(msgspec.Struct):
    data: _Event


class Klines:
    """The newest candles of every symbol and timeframe, and which of them the exchange has called final."""

    def __init__(self, heard: Callable[[], None]) -> None:
        self.heard = heard
        self._rows: dict[tuple[str, str], dict[int, Row]] = {}
        self._final: dict[tuple[str, int], dict[str, Row]] = {}
        self._plain, self._wrapped = msgspec.json.Decoder(_Event), msgspec.json.Decoder(_Wrapped)

    def take(self, text: str) -> bool:
        """Keep a kline; False when the text is something else (or not as it should be), for ccxt to see."""
        mark = text.find(MARK, 0, 96)
        if mark < 0:
            return False
        try:
            kline = self._plain.decode(text).k if mark < 16 else self._wrapped.decode(text).data.k
            row = [kline.t, float(kline.o), float(kline.h), float(kline.l), float(kline.c), float(kline.v)]
        except (msgspec.MsgspecError, ValueError):
            return False
        rows = self._rows.get((kline.s, kline.i))
        if rows is None:
            rows = self._rows[kline.s, kline.i] = {}
        rows[kline.t] = row
        if len(rows) > KEPT:
            del rows[min(rows)]
        if kline.x:
            self._finish(kline.i, kline.t, kline.s, row)
        self.heard()
        return True

    def final(self, interval: str, open_ms: int) -> dict[str, Row]:
        """Final candles of one open time by the exchange's own market id: those it has called so, and those after which
        a later one of the symbol has begun.
        """
        found = dict(self._final.get((interval, open_ms), {}))
        for (market_id, timeframe), rows in self._rows.items():
            if market_id not in found and timeframe == interval and open_ms in rows and max(rows) > open_ms:
                found[market_id] = rows[open_ms]
        return found

    def finals(self, interval: str, open_ms: int) -> int:
        """How many symbols' candles of this open time the exchange has called final."""
        return len(self._final.get((interval, open_ms), ()))

    def _finish(self, interval: str, open_ms: int, market_id: str, row: Row) -> None:
        kept = self._final.setdefault((interval, open_ms), {})
        if not kept:
            for key in sorted(key for key in self._final if key[0] == interval)[:-KEPT]:
                del self._final[key]
        kept[market_id] = row


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
