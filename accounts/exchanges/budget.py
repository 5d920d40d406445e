"""The request budget: requests to one exchange wait for their turn, and a ban binds everybody.

Clients made by `accounts.exchanges.factory` spend by themselves for every request; call `spend` only for requests
that do not go through them. A request passes lanes, each with a pace of its own: those of its key, and that of the
address that it leaves from. No lane lets through more than 80 % of what the exchange allows, in any window of time.
With REDIS_URL lanes and bans are shared by all processes behind one address (`shared_turns`); without Redis only one
process may trade, so one process is the whole budget.

What gets out of a trade or finds out what became of one (`Purpose.URGENT`) goes first: everything else lets the
address's lane run no further ahead than a moment (`SLACK_S`). Accounts take turns as they come, and one account has
only a few requests under way (`trading.brokers.ccxt_exchange`), so none can crowd out the others.
"""

import asyncio
import threading
import time
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings

from accounts.clock import now
from accounts.exchanges import shared_turns
from accounts.exchanges.errors import ExchangeNotSent
from accounts.exchanges.quirks import NAMES, quirks_for
from accounts.exchanges.quirks.base import UNSTATED, Allowed, Limits, Usage
from accounts.exchanges.turns import Lane, Taken, Turns

MOST = 0.8  # of what is allowed
AHEAD = 0.08  # of what is allowed: how far requests may run ahead of their pace after a quiet time
LARGEST = 4.0  # units of a single request, but for rare lists of everything
PUBLIC = 0.4  # of what is allowed to an address: requests without a key
SLACK_S = 0.25  # how far ahead of now the address's lane may be taken by what is not urgent
PATIENCE_S = 5.0  # a longer ban is an error at once, not a wait
ENTRY_WAIT_S = 12.0  # an entry that would wait longer for its turn is given up


class Purpose(StrEnum):
    """What a request with a key is for."""

    READ = "read"  # balances, lists, comparisons
    ENTRY = "entry"  # a new order that opens something
    EXIT = "exit"  # a new order that closes something
    URGENT = "urgent"  # cancels, and look-ups of orders


purpose: ContextVar[Purpose] = ContextVar("purpose", default=Purpose.READ)  # of what the running task asks for
orders: ContextVar[int] = ContextVar("orders", default=1)  # new orders that its next order request counts as


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast units may pass, and how many of them at once after a quiet time."""

    unit_s: float
    ahead_s: float


def pace(allowed: Allowed, share: float = MOST, largest: float = LARGEST) -> Pace:
    """The pace at which no window of the limit's length ever sees more than `share` of it.

    What ran ahead, and one request (of up to `largest` units) that began in the window but was paid for after it, are
    taken off the rate.
    """
    ahead = AHEAD * allowed.amount if AHEAD * allowed.amount >= 1 else 0.0
    rate = max(share * allowed.amount - ahead - largest, 0.1 * allowed.amount) / allowed.window_s
    return Pace(1 / rate, ahead / rate)


_limits: dict[str, Limits] = {}
_turns = Turns()
_guard = threading.Lock()


def limits_of(exchange: str) -> Limits:
    """What the exchange allows: as it stated itself, else as documented. A testnet's name ends with ":testnet"."""
    if (found := _limits.get(exchange)) is not None:
        return found
    name = exchange.partition(":")[0]
    return quirks_for(name).limits if name in NAMES else UNSTATED


def limits_set(exchange: str, limits: Limits | None) -> None:
    """The exchange's own statement (None: none). What was held by another reading of its limits is not any more."""
    if limits is None or limits == limits_of(exchange):
        return
    with _guard:
        _limits[exchange] = limits
    name = f"hold:{_place(exchange)}"
    _turns.unbar(name)
    shared_turns.unbar(name)


async def spend(exchange: str, cost: float, *, account_id: int | None = None) -> None:
    """Wait for the turn of a request of this cost (ccxt's units; `account_id` names whose key signs it).

    Raises:
        ExchangeNotSent: the exchange has barred this address (or the key) for longer than a few seconds, or an entry
            would have waited too long.

    """
    wanted: Purpose | None = purpose.get()
    if account_id is None and wanted is not Purpose.URGENT:
        wanted = None
    lanes, bars = _lanes(exchange, cost, account_id, wanted), _bars(exchange, account_id, wanted)
    began = time.monotonic()
    while True:
        taken = await _take(lanes, bars)
        _refuse(exchange, taken, wanted, time.monotonic() - began)
        lanes, wait = lanes[taken.passed :], max(taken.barred_s, taken.wait_s)
        if wait <= 0 and not lanes:
            return
        await asyncio.sleep(wait)


def _refuse(exchange: str, taken: Taken, wanted: Purpose | None, waited_s: float) -> None:
    if taken.barred_s > PATIENCE_S:
        raise _barred(exchange, taken.barred_s)
    if wanted is Purpose.ENTRY and waited_s + taken.wait_s > ENTRY_WAIT_S:
        raise ExchangeNotSent(f"The entry waited too long for its turn at {exchange} and was given up.")


def _barred(exchange: str, seconds: float) -> ExchangeNotSent:
    return ExchangeNotSent(
        f"{exchange} asked us to wait; nothing is sent to it for another {seconds:.0f} s.", retry_after_s=seconds
    )


async def _take(lanes: Sequence[Lane], bars: Sequence[str]) -> Taken:
    if shared_turns.shared():
        taken = await shared_turns.take(lanes, bars)
        if taken is not None:
            _turns.bar(bars[0], taken.barred_s)  # the guard of sockets looks here
            return taken
    return _turns.take(lanes, bars)


def _place(exchange: str) -> str:
    """An exchange as seen from this address."""
    return f"{exchange}@{settings.XRAY_OUTGOING_ADDRESS}"


def _lanes(exchange: str, cost: float, account_id: int | None, wanted: Purpose | None) -> tuple[Lane, ...]:
    """What the request passes, in order."""
    place, limits = _place(exchange), limits_of(exchange)
    urgent = wanted in (Purpose.EXIT, Purpose.URGENT)
    lanes: tuple[Lane, ...] = ()
    if account_id is None:
        lanes += _lane(f"{place}:public", limits.address, cost, share=PUBLIC)
        return lanes + _lane(f"{place}:address", limits.address, cost, slack_s=SLACK_S)
    key = f"{exchange}:{account_id}"
    if wanted in (Purpose.ENTRY, Purpose.EXIT):
        lanes += _lane(f"{key}:orders", limits.orders, float(orders.get()))
    lanes += _lane(f"{key}:key", limits.key, cost)
    if limits.keys_count:
        if not urgent:  # in the order in which they came
            lanes += _lane(f"{place}:signed", limits.address, cost)
        lanes += _lane(f"{place}:address", limits.address, cost, slack_s=None if urgent else SLACK_S)
    return lanes


def _lane(
    name: str, allowed: Allowed | None, units: float, *, share: float = MOST, slack_s: float | None = None
) -> tuple[Lane, ...]:
    if allowed is None:
        return ()
    found = pace(allowed, share, min(units, LARGEST) if name.endswith(":orders") else LARGEST)
    return (Lane(name, units * found.unit_s, found.ahead_s, slack_s),)


def _bars(exchange: str, account_id: int | None, wanted: Purpose | None) -> tuple[str, ...]:
    """Names of what may forbid the request: bans for all, a limit nearly used up for what is not urgent."""
    place = _place(exchange)
    names = [f"ban:{place}"] if account_id is None else [f"ban:{place}", f"ban:{exchange}:{account_id}"]
    if wanted not in (Purpose.EXIT, Purpose.URGENT):
        names += [name.replace("ban:", "hold:", 1) for name in names]
    return tuple(names)


def ban_set(exchange: str, seconds: float, *, account_id: int | None = None) -> None:
    """The exchange asked to wait: nobody sends to it (or with this key) for so many seconds."""
    _bar(f"ban:{_place(exchange) if account_id is None else f'{exchange}:{account_id}'}", seconds)


def usage_seen(exchange: str, usages: Iterable[Usage], *, account_id: int | None = None) -> None:
    """What an answer said of its limits: somebody else behind this address uses them, too. Above 80 % only what is
    urgent is sent until they begin anew."""
    for usage in usages:
        if usage.share > MOST and usage.resets_s > 0:
            key = account_id is not None and usage.of_key
            _bar(f"hold:{f'{exchange}:{account_id}' if key else _place(exchange)}", usage.resets_s)


def _bar(name: str, seconds: float) -> None:
    _turns.bar(name, seconds)
    shared_turns.bar(name, seconds)


def ban_left(exchange: str, *, account_id: int | None = None) -> float:
    """Seconds left of a ban of the address or of this key, as far as this process knows; 0 when there is none."""
    return _turns.barred_s(_bars(exchange, account_id, Purpose.URGENT))


def ban_ends(exchange: str, *, testnet: bool = False, account_id: int | None = None) -> datetime | None:
    """When the exchange will have us again, as far as any process knows; None when it has not barred us."""
    place = f"{exchange}:testnet" if testnet else exchange
    bars = _bars(place, account_id, Purpose.URGENT)
    left = max(_turns.barred_s(bars), shared_turns.barred_s(bars))
    return now() + timedelta(seconds=left) if left > 0 else None


def ban_check(exchange: str, *, account_id: int | None = None) -> None:
    """Raise ExchangeNotSent when there is a ban that this process knows of."""
    if (left := ban_left(exchange, account_id=account_id)) > 0:
        raise _barred(exchange, left)


def budgets_forget() -> None:
    """Forget every turn, ban and stated limit (tests)."""
    with _guard:
        _limits.clear()
        _turns.forget()
    shared_turns.forget()
