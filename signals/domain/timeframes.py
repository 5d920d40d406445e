"""Timeframes: their names, lengths and grids. A candle's key is its open time, a multiple of the length, in UTC."""

from datetime import UTC, datetime

MINUTE_MS = 60_000
TIMEFRAMES: dict[str, int] = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "2h": 120 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "1d": 1440 * MINUTE_MS,
}


def timeframe_ms(timeframe: str) -> int:
    """Length of a timeframe in milliseconds; ValueError names the ones that are known."""
    try:
        return TIMEFRAMES[timeframe]
    except KeyError:
        raise ValueError(f"Unknown timeframe {timeframe!r}. Allowed: {', '.join(TIMEFRAMES)}.") from None


def last_closed_ms(now_ms: int, timeframe: str, grace_ms: int = 0) -> int:
    """Open time (ms) of the newest candle that closed at least `grace_ms` before `now_ms`."""
    step = timeframe_ms(timeframe)
    return (now_ms - grace_ms) // step * step - step


def open_time(open_ms: int) -> datetime:
    """Milliseconds since the epoch as an aware UTC datetime (exact: no float in between)."""
    seconds, rest = divmod(open_ms, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def open_ms(moment: datetime) -> int:
    """An aware datetime as whole milliseconds since the epoch."""
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000
