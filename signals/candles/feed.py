"""Closed candles from the websocket, on their way from the streams process to the scan.

In one process a dict; with REDIS_URL also a Redis hash per candle (it expires), so that a scan worker of its own can
read them. The scan asks by REST for what is not here: losing this content loses nothing.
"""

import json
import threading
from collections import OrderedDict

from django.conf import settings

from signals.shared_redis import redis_client

KEPT = 8  # candles an exchange and timeframe
EXPIRES_S = 600
Row = list[float]
_rows: "OrderedDict[tuple[str, str, int], dict[str, Row]]" = OrderedDict()
_lock = threading.Lock()


def candles_put(exchange: str, timeframe: str, open_ms: int, rows: dict[str, Row]) -> None:
    """Offer final candles of one open time: symbol -> [open time ms, open, high, low, close, volume]."""
    if not rows:
        return
    with _lock:
        _rows.setdefault((exchange, timeframe, open_ms), {}).update(rows)
        while len(_rows) > KEPT * max(1, len({key[:2] for key in _rows})):
            _rows.popitem(last=False)
    if settings.REDIS_URL:
        key = _key(exchange, timeframe, open_ms)
        pipe = redis_client().pipeline()
        pipe.hset(key, mapping={symbol: json.dumps(row) for symbol, row in rows.items()})
        pipe.expire(key, EXPIRES_S)
        pipe.execute()


def candles_get(exchange: str, timeframe: str, open_ms: int) -> dict[str, Row]:
    """Final candles of one open time that have come by websocket: symbol -> [open time ms, open, high, low, close,
    volume].
    """
    with _lock:
        rows = dict(_rows.get((exchange, timeframe, open_ms), {}))
    if not rows and settings.REDIS_URL:
        stored = redis_client().hgetall(_key(exchange, timeframe, open_ms))
        rows = {symbol.decode(): json.loads(row) for symbol, row in stored.items()}
    return rows


def feed_forget() -> None:
    """Forget everything held in this process (tests)."""
    with _lock:
        _rows.clear()


def _key(exchange: str, timeframe: str, open_ms: int) -> str:
    return f"xray:candles:{exchange}:{timeframe}:{open_ms}"
