"""Turns and bars that all processes share, in Redis: turns by its clock, bars with their time left.

Used when REDIS_URL is set. When Redis cannot be asked, every process keeps to its own turns until it answers again.
"""

import asyncio
import logging
import time
import weakref
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from django.conf import settings

from accounts.exchanges.turns import Lane, Taken

logger = logging.getLogger(__name__)
TIMEOUT_S = 0.5
AWAY_S = 5.0  # Redis is left alone for so long after it did not answer
PREFIX = "xray:budget:"
# KEYS: bars, then lanes. ARGV: how many bars, then for each lane what it costs, how far ahead, slack (-1: none), in
# seconds. What `Turns.take` does, in one step for all processes; bars and turns are decided together.
_TAKE = """
local bars, left = tonumber(ARGV[1]), 0
for i = 1, bars do left = math.max(left, redis.call('PTTL', KEYS[i])) end
if left > 0 then return {0, '0', tostring(left)} end
local stamp = redis.call('TIME')
local now = stamp[1] + stamp[2] / 1000000
for i = bars + 1, #KEYS do
  local at = 2 + (i - bars - 1) * 3
  local cost, ahead, slack = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local start = math.max(tonumber(redis.call('GET', KEYS[i]) or '0'), now - ahead)
  local wait = math.max(start - now, 0)
  if slack >= 0 and wait > slack then return {i - bars - 1, string.format('%.6f', wait - slack), '0'} end
  redis.call('SET', KEYS[i], string.format('%.6f', start + cost), 'EX', 3600)
  if wait > 0 then return {i - bars, string.format('%.6f', wait), '0'} end
end
return {#KEYS - bars, '0', '0'}
"""
# A bar is only ever made longer.
_BAR = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end
"""
_away_until = 0.0
_scripts: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Any]" = weakref.WeakKeyDictionary()


def shared() -> bool:
    """Whether there is a Redis to share by, and it answered lately."""
    return bool(settings.REDIS_URL) and time.monotonic() >= _away_until


async def take(lanes: Sequence[Lane], bars: Sequence[str]) -> Taken | None:
    """As `Turns.take`; None when Redis cannot be asked."""
    keys = [PREFIX + name for name in (*bars, *(lane.name for lane in lanes))]
    numbers = [x for lane in lanes for x in (lane.cost_s, lane.ahead_s, -1 if lane.slack_s is None else lane.slack_s)]
    try:
        passed, wait, barred_ms = await _script()(keys=keys, args=[len(bars), *numbers])
    except Exception as error:
        _leave_alone(error)
        return None
    return Taken(int(passed), float(wait), float(barred_ms) / 1000)


def barred_s(names: Sequence[str]) -> float:
    """Seconds left of the longest of these bars; 0 where there is none, or nobody can be asked."""
    if not shared():
        return 0.0
    try:
        client = _client(settings.REDIS_URL)[0].pipeline(transaction=False)
        for name in names:
            client.pttl(PREFIX + name)
        return max(0, *client.execute()) / 1000
    except Exception as error:
        _leave_alone(error)
        return 0.0


def bar(name: str, seconds: float) -> None:
    """Let every process know that it is barred."""
    if seconds > 0:
        _tell(lambda client, script: script(keys=[PREFIX + name], args=[int(seconds * 1000) + 1], client=client))


def unbar(name: str) -> None:
    """Lift a bar for every process."""
    _tell(lambda client, _script: client.delete(PREFIX + name))


def _tell(act: Callable[[Any, Any], Any]) -> None:
    if not shared():
        return
    try:
        act(*_client(settings.REDIS_URL))
    except Exception as error:
        _leave_alone(error)


def forget() -> None:
    """Forget what this process knows, and all turns and bars in Redis (tests)."""
    global _away_until
    _away_until = 0.0
    if settings.REDIS_URL:
        client = _client(settings.REDIS_URL)[0]
        for key in client.scan_iter(f"{PREFIX}*"):
            client.delete(key)


def _leave_alone(error: Exception) -> None:
    global _away_until
    logger.warning("Redis cannot be asked for the request budget (%r); this process keeps to its own.", error)
    _away_until = time.monotonic() + AWAY_S


def _script() -> Any:
    """The script of the running loop's own connections."""
    loop = asyncio.get_running_loop()
    if loop not in _scripts:
        import redis.asyncio

        client = redis.asyncio.Redis.from_url(
            settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        _scripts[loop] = client.register_script(_TAKE)
    return _scripts[loop]


@lru_cache(maxsize=2)
def _client(url: str) -> tuple[Any, Any]:
    import redis

    client = redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    return client, client.register_script(_BAR)
