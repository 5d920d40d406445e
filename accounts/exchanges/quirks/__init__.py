"""What is particular about each exchange, one small file each; nothing else asks which exchange it is."""

from functools import lru_cache
from importlib import import_module

from accounts.exchanges.quirks.base import KeyPermissions, Quirks, StopsApart

__all__ = ["KeyPermissions", "Quirks", "StopsApart", "quirks_for", "testnet_titles"]

NAMES = ("binance", "bybit", "kucoin", "mexc", "okx")


@lru_cache(maxsize=len(NAMES))
def quirks_for(exchange: str) -> Quirks:
    """The quirks of one exchange.

    Raises:
        ValueError: an exchange that the platform does not know.

    """
    if exchange not in NAMES:
        raise ValueError(f"Unknown exchange {exchange!r}. Allowed: {', '.join(NAMES)}.")
    found: Quirks = import_module(f"accounts.exchanges.quirks.{exchange}").QUIRKS
    return found


def testnet_titles() -> str:
    """The exchanges that have a test network, in words."""
    *titles, last = [quirks_for(name).title for name in NAMES if quirks_for(name).has_testnet]
    return f"{', '.join(titles)} and {last}"
