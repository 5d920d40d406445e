"""One Redis connection pool for what processes of this room share. Only used when REDIS_URL is set."""

from functools import lru_cache
from typing import Any

from django.conf import settings


@lru_cache(maxsize=1)
def redis_client() -> Any:
    """The client; Redis may be slow to answer but never blocks for long."""
    import redis

    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=3, socket_connect_timeout=3)
