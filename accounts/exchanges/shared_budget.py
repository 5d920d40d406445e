"""The part of the request budget that all processes share, in Redis: turns by its clock, bans with their time left.

Used when REDIS_URL is set. When Redis cannot be asked, every process keeps to its own budget until it answers again.
"""

import logging
import time
from functools import lru_cache
from typing import Any

from django.conf import settings

logger = logging.getLogger(__name__)
TIMEOUT_S = 0.5
AWAY_S = 5.0  # Redis is left alone for so long after it did not answer
LOOK_S = 0.2  # how old a look at a ban may be
# Takes a turn: paid-until moves by ARGV[2] seconds from max(paid-until, now - ARGV[1]); answers the seconds to wait.
_TURN = """
local stamp = redis.call('TIME')
local moment = stamp[1] + stamp[2] / 1000000
local start = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), moment - tonumber(ARGV[1]))
redis.call('SET', KEYS[1], string.format('%.6f', start + tonumber(ARGV[2])), 'EX', 3600)
return string.format('%.6f', math.max(start - moment, 0))
"""
# A ban is only ever made longer.
_BAN = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end
"""
_away_until = 0.0
_bans: dict[tuple[str, str], tuple[float, float]] = {}  # (looked at, banned until), both monotonic


def shared() -> bool:
    """Whether there is a Redis to share by, and it answered lately."""
    return bool(settings.REDIS_URL) and time.monotonic() >= _away_until


def turn_shared(lane: str, cost_s: float, burst_s: float) -> float | None:
    """Take a turn of `cost_s` seconds in a lane; seconds to wait, or None when Redis cannot be asked."""
    answer = _asked("turn", [f"xray:budget:{lane}"], [burst_s, cost_s])
    return None if answer is None else float(answer)


def ban_share(exchange: str, account: str, seconds: float) -> None:
    """Let every process know of a ban."""
    _bans.pop((exchange, account), None)
    if seconds > 0:
        _asked("ban", [_ban_key(exchange, account)], [int(seconds * 1000) + 1])


def ban_shared(exchange: str, account: str) -> float:
    """Seconds left of a ban that any process was told of; 0 without one. Looks at Redis a few times a second."""
    moment = time.monotonic()
    looked, until = _bans.get((exchange, account), (float("-inf"), 0.0))
    if moment - looked >= LOOK_S:
        left_ms = _asked("left", [_ban_key(exchange, account)], [])
        until = moment + max(int(left_ms or 0), 0) / 1000
        _bans[(exchange, account)] = (moment, until)
    return max(until - moment, 0.0)


def shared_forget() -> None:
    """Forget what this process knows, and the turns and bans in Redis (tests)."""
    global _away_until
    _away_until = 0.0
    _bans.clear()
    if settings.REDIS_URL:
        client = _client(settings.REDIS_URL)[0]
        for key in [*client.scan_iter("xray:budget:*"), *client.scan_iter("xray:ban:*")]:
            client.delete(key)


def _ban_key(exchange: str, account: str) -> str:
    return f"xray:ban:{exchange}:{account}"


def _asked(what: str, keys: list[str], arguments: list[Any]) -> Any:
    """Redis's answer, or None when it cannot be asked."""
    global _away_until
    if not shared():
        return None
    try:
        client, scripts = _client(settings.REDIS_URL)
        return client.pttl(keys[0]) if what == "left" else scripts[what](keys=keys, args=arguments)
    except Exception as error:
        logger.warning("Redis cannot be asked for the request budget (%r); this process keeps to its own.", error)
        _away_until = time.monotonic() + AWAY_S
        return None


@lru_cache(maxsize=2)
def _client(url: str) -> tuple[Any, dict[str, Any]]:
    import redis

    client = redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    return client, {"turn": client.register_script(_TURN), "ban": client.register_script(_BAN)}
