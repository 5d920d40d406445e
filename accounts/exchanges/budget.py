"""The request budget of this process: requests to one exchange wait for their turn, and a ban binds everybody.

Clients made by `accounts.exchanges.factory` spend by themselves for every request; call `spend` only for requests
that do not go through them. Without Redis only one process may trade, so one process is the whole budget.
"""

import asyncio
import threading
import time
from dataclasses import dataclass, field

from accounts.exchanges.errors import ExchangeRetry

DEFAULT_SPACING_S = 0.5
SHARE = 0.8  # of what the exchange allows
BURST_S = 2.0  # how far requests may run ahead of their spacing after a quiet time
PATIENCE_S = 5.0  # a longer ban is an error at once, not a wait


@dataclass(slots=True)
class _Purse:
    spacing_s: float = DEFAULT_SPACING_S
    burst_s: float = 0.0
    paid_until: float = 0.0
    barred_until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def turn(self, weight: float) -> float:
        """Seconds to wait; the turn is taken."""
        with self.lock:
            now = time.monotonic()
            start = max(self.paid_until, now - self.burst_s)
            self.paid_until = start + weight * self.spacing_s / SHARE
            return max(start - now, self.barred_until - now, 0.0)


_purses: dict[tuple[str, str], _Purse] = {}
_guard = threading.Lock()


def _purse(exchange: str, account: str = "") -> _Purse:
    with _guard:
        return _purses.setdefault((exchange, account), _Purse())


def spacing_set(exchange: str, spacing_s: float) -> None:
    """The exchange's own statement: seconds between requests of weight 1 (0 or less: none stated)."""
    purse = _purse(exchange)
    purse.spacing_s, purse.burst_s = (spacing_s, BURST_S) if spacing_s > 0 else (DEFAULT_SPACING_S, 0.0)


async def spend(exchange: str, weight: float, *, account_id: int | None = None) -> None:
    """Wait for the turn of a request of this weight (in the exchange's own units; `account_id` names whose it is).

    Raises:
        ExchangeRetry: the exchange has barred this address (or the key) for longer than a few seconds.

    """
    ban_check(exchange, account_id=account_id, patience_s=PATIENCE_S)
    wait = _purse(exchange).turn(weight)
    if wait > 0:
        await asyncio.sleep(wait)


def ban_set(exchange: str, seconds: float, *, account_id: int | None = None) -> None:
    """The exchange asked to wait: nobody in this process sends to it (or with this key) for so many seconds."""
    purse = _purse(exchange, _name(account_id))
    with purse.lock:
        purse.barred_until = max(purse.barred_until, time.monotonic() + seconds)


def ban_left(exchange: str, *, account_id: int | None = None) -> float:
    """Seconds left of a ban of the address or of this key; 0 when there is none."""
    until = max(_purse(exchange).barred_until, _purse(exchange, _name(account_id)).barred_until)
    return max(until - time.monotonic(), 0.0)


def ban_check(exchange: str, *, account_id: int | None = None, patience_s: float = 0.0) -> None:
    """Raise ExchangeRetry when a ban lasts longer than `patience_s` seconds."""
    left = ban_left(exchange, account_id=account_id)
    if left > patience_s:
        raise ExchangeRetry(
            f"{exchange} asked us to wait; nothing is sent to it for another {left:.0f} s.", retry_after_s=left
        )


def budgets_forget() -> None:
    """Forget every turn and ban (tests)."""
    with _guard:
        _purses.clear()


def _name(account_id: int | None) -> str:
    return "" if account_id is None else str(account_id)
