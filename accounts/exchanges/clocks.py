"""When an exchange's clock must be measured again: ten minutes after the last time, or when it refused a time stamp."""

import time

EVERY_S = 600.0
DOUBTED_S = 2.0  # a doubt is not followed more often than this
_measured: dict[str, float] = {}
_doubted: set[str] = set()


def due(exchange: str) -> bool:
    """Whether it must be measured before the next request is signed."""
    age = time.monotonic() - _measured.get(exchange, float("-inf"))
    return age > EVERY_S or (exchange in _doubted and age > DOUBTED_S)


def measured(exchange: str) -> None:
    """It was measured just now (or could not be: that is tried again later)."""
    _doubted.discard(exchange)
    _measured[exchange] = time.monotonic()


def doubt(exchange: str) -> None:
    """It refused a time stamp of ours."""
    _doubted.update((exchange, f"{exchange}:testnet"))


def forget() -> None:
    """Forget all (tests)."""
    _measured.clear()
    _doubted.clear()
