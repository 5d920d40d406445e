"""The request budget: requests to one exchange wait for their turn, and a ban binds everybody.

Clients made by `accounts.exchanges.factory` spend by themselves for every request; call `spend` only for requests
that do not go through them. With REDIS_URL turns and bans are shared by all processes (`shared_budget`); without Redis
only one process may trade, so one process is the whole budget. Requests with a key have a lane of their own: an order
never waits behind a hundred candles.
"""

import asyncio
import threading
import time
from dataclasses import dataclass, field

from accounts.exchanges import shared_budget
from accounts.exchanges.errors import ExchangeRetry

DEFAULT_SPACING_S = 0.5
SHARE = 0.5  # of what the exchange allows, for requests without a key
SIGNED_SHARE = 0.4  # for requests with one; together less than all
BURST_S = 2.0  # how far requests may run ahead of their spacing after a quiet time
PATIENCE_S = 5.0  # a longer ban is an error at once, not a wait


@dataclass(slots=True)
class _Purse:
    spacing_s: float = DEFAULT_SPACING_S
    burst_s: float = 0.0
    paid_until: float = 0.0
    barred_until: float = 0.0
    signed_until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def turn(self, weight: float, *, signed: bool) -> float:
        """Seconds to wait; the turn is taken."""
        with self.lock:
            now = time.monotonic()
            start = max(self.signed_until if signed else self.paid_until, now - self.burst_s)
            until = start + self.cost_s(weight, signed=signed)
            if signed:
                self.signed_until = until
            else:
                self.paid_until = until
            return max(start - now, 0.0)

    def cost_s(self, weight: float, *, signed: bool) -> float:
        """Seconds of its lane that a request takes."""
        return weight * self.spacing_s / (SIGNED_SHARE if signed else SHARE)


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
    wait = max(await _turn(exchange, weight, signed=account_id is not None), ban_left(exchange, account_id=account_id))
    if wait > 0:
        await asyncio.sleep(wait)


async def _turn(exchange: str, weight: float, *, signed: bool) -> float:
    purse = _purse(exchange)
    if shared_budget.shared():
        lane, cost_s = f"{exchange}:{'signed' if signed else 'public'}", purse.cost_s(weight, signed=signed)
        wait = await asyncio.to_thread(shared_budget.turn_shared, lane, cost_s, purse.burst_s)
        if wait is not None:
            return wait
    return purse.turn(weight, signed=signed)


def ban_set(exchange: str, seconds: float, *, account_id: int | None = None) -> None:
    """The exchange asked to wait: nobody sends to it (or with this key) for so many seconds."""
    purse = _purse(exchange, _name(account_id))
    with purse.lock:
        purse.barred_until = max(purse.barred_until, time.monotonic() + seconds)
    shared_budget.ban_share(exchange, _name(account_id), seconds)


def ban_left(exchange: str, *, account_id: int | None = None) -> float:
    """Seconds left of a ban of the address or of this key; 0 when there is none."""
    names = {"", _name(account_id)}
    here = max(_purse(exchange, name).barred_until for name in names) - time.monotonic()
    if not shared_budget.shared():
        return max(here, 0.0)
    return max(here, 0.0, *(shared_budget.ban_shared(exchange, name) for name in names))


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
    shared_budget.shared_forget()


def _name(account_id: int | None) -> str:
    return "" if account_id is None else str(account_id)
