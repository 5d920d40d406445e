"""Fault scripts: what goes wrong at the exchange, when, for whom and how often. Set over the admin endpoint.

A fault of a request stands before its acceptance (nothing has happened) or after it (the order is live, and the client
does not learn of it). Which request is hit is decided by filters, counts and a seeded random number, so a script gives
the same faults every time the same requests come.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

from trading.practice import errors, fault_market
from trading.practice.gateway import Answer, Gateway, Proceed, Request
from trading.practice.hub import Hub

HOLD_S = 120.0  # longer than any client waits
BAN_S = 60.0
HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class FaultRefused(ValueError):
    """A script that cannot be; the message says what is allowed."""


@dataclass(slots=True)
class Fault:
    """One line of a script.

    `path` is a regular expression that is searched in the path, `method` GET, POST, PUT or DELETE, `key` an API key,
    `symbol` a market's id; what is left out matches all. Of the matching requests `skip` pass first, then `count` are
    hit (None: all that come), each with `probability`. `seconds` is how long a slow, held or banned one takes.
    """

    kind: str
    path: str = ""
    method: str = ""
    key: str = ""
    symbol: str = ""
    skip: int = 0
    count: int | None = 1
    probability: float = 1.0
    seconds: float | None = None
    seen: int = 0
    hits: int = 0

    def matches(self, request: Request) -> bool:
        """Whether this request is one of those that it is about."""
        endpoint = request.endpoint
        return (
            self.kind in KINDS
            and (not self.method or endpoint.method == self.method)
            and (not self.path or re.search(self.path, endpoint.path) is not None)
            and (not self.key or request.key == self.key)
            and (not self.symbol or str(request.params.get("symbol", "")) == self.symbol)
        )

    def about(self, key: str, symbol: str) -> bool:
        """Whether this event of an account is one of those that it is about."""
        return self.kind in EVENTS and self.key in ("", key) and self.symbol in ("", symbol)

    def strikes(self, chance: random.Random) -> bool:
        """Whether it hits this (matching) request; counts it."""
        self.seen += 1
        if self.seen <= self.skip or (self.count is not None and self.hits >= self.count):
            return False
        if self.probability < 1.0 and chance.random() >= self.probability:
            return False
        self.hits += 1
        return True


Deed = Callable[["Desk", Fault, Request, Proceed], Awaitable[Answer]]


class Desk:
    """The script in force: stands in `Gateway.interceptor` and `Hub.twist`."""

    def __init__(self, gateway: Gateway, hub: Hub) -> None:
        self.gateway = gateway
        self.faults: list[Fault] = []
        self.chance = random.Random(0)
        self.remembered = fault_market.Remembered()
        hub.twist = self.event_times

    def set(self, faults: list[Any], seed: int = 0) -> None:
        """Put a script in force in place of the one before. Raises FaultRefused; then nothing has changed."""
        self.faults, self.chance = [fault_of(one) for one in faults], random.Random(seed)

    def told(self) -> dict[str, Any]:
        """The script with what came of it."""
        return {"faults": [asdict(fault) for fault in self.faults], "during_ban": self.gateway.weights.during_ban}

    def event_times(self, account: int, event: dict[str, Any]) -> list[float]:
        """After how many seconds an account's event is told, each time that it is (see `Hub.twist`)."""
        key = self.gateway.exchange.accounts[account].key
        for fault in self.faults:
            if fault.about(key, str(event.get("s", ""))) and fault.strikes(self.chance):
                return EVENTS[fault.kind](fault, self.chance)
        return [0.0]

    async def __call__(self, request: Request, proceed: Proceed) -> Answer:
        """The first fault that strikes decides what becomes of a request."""
        for fault in self.faults:
            if fault.matches(request) and fault.strikes(self.chance):
                return await KINDS[fault.kind](self, fault, request, proceed)
        answer = await proceed(request)
        if any(fault.kind == "stale_answer" for fault in self.faults):
            self.remembered.keep(request, answer)
        return answer


def fault_of(told: Any) -> Fault:
    """A fault from its JSON. Raises FaultRefused."""
    if not isinstance(told, dict) or told.get("kind") not in KINDS.keys() | EVENTS.keys():
        raise FaultRefused(f"A fault has a kind, one of: {', '.join(sorted([*KINDS, *EVENTS]))}.")
    allowed = {one.name for one in fields(Fault)} - {"seen", "hits"}
    if unknown := sorted(set(told) - allowed):
        raise FaultRefused(f"A fault has no {unknown[0]!r}. It has: {', '.join(sorted(allowed))}.")
    try:
        fault = Fault(**told)
        re.compile(fault.path)
        good = 0.0 <= fault.probability <= 1.0 and fault.skip >= 0 and (fault.count is None or fault.count >= 0)
        good = good and (fault.seconds is None or 0.0 <= fault.seconds <= HOLD_S)
    except (TypeError, re.error):
        good = False
    if not good:
        raise FaultRefused(
            f"{told}: path is a regular expression, probability 0 to 1, skip and count are whole numbers from 0, "
            f"seconds 0 to {HOLD_S:g}."
        )
    return fault


def _before(answer: Callable[[Fault], Answer]) -> Deed:
    async def deed(desk: Desk, fault: Fault, request: Request, proceed: Proceed) -> Answer:
        return answer(fault)

    return deed


def _after(answer: Callable[[Fault], Answer]) -> Deed:
    """The request is accepted first; where the exchange refuses it by itself, that refusal is the answer."""

    async def deed(desk: Desk, fault: Fault, request: Request, proceed: Proceed) -> Answer:
        real = await proceed(request)
        return answer(fault) if real.status == 200 else real

    return deed


def _error(status: int, code: int, message: str) -> Callable[[Fault], Answer]:
    return lambda fault: Answer(status, errors.ApiError(code, message, status).body())


def _raw(status: int, body: bytes, content_type: str = "application/json") -> Callable[[Fault], Answer]:
    return lambda fault: Answer(status, None, {"Content-Type": content_type}, raw=body)


def _cut(fault: Fault) -> Answer:
    return Answer(200, None, cut=True)


async def _timeout_before(desk: Desk, fault: Fault, request: Request, proceed: Proceed) -> Answer:
    await asyncio.sleep(HOLD_S if fault.seconds is None else fault.seconds)
    return _cut(fault)


async def _timeout_after(desk: Desk, fault: Fault, request: Request, proceed: Proceed) -> Answer:
    await proceed(request)
    return await _timeout_before(desk, fault, request, proceed)


async def _slow_before(desk: Desk, fault: Fault, request: Request, proceed: Proceed) -> Answer:
    await asyncio.sleep(1.0 if fault.seconds is None else fault.seconds)
    return await proceed(request)


async def _slow_after(desk: Desk, fault: Fault, request: Request, proceed: Proceed) -> Answer:
    answer = await proceed(request)
    await asyncio.sleep(1.0 if fault.seconds is None else fault.seconds)
    return answer


async def _banned(desk: Desk, fault: Fault, request: Request, proceed: Proceed) -> Answer:
    """The address is banned: every request of it is refused with 418, and counted, until the ban is over."""
    now, seconds = desk.gateway.exchange.clock(), BAN_S if fault.seconds is None else fault.seconds
    desk.gateway.weights.ban(request.address, now, now + round(seconds * 1000))
    error = errors.banned(now + round(seconds * 1000), max(1, round(seconds)))
    return Answer(error.status, error.body(), error.headers)


def _limited(fault: Fault) -> Answer:
    seconds = str(max(1, round(BAN_S if fault.seconds is None else fault.seconds)))
    error = errors.ApiError(-1003, "Too much request weight used; please use the websocket.", 429)
    return Answer(error.status, error.body(), {"Retry-After": seconds})


async def _odd(desk: Desk, fault: Fault, request: Request, proceed: Proceed) -> Answer:
    """What can be wrong with a field: missing, null, another type, an unknown word, a negative fee."""
    answer = await proceed(request)
    if answer.status == 200:
        answer.body = _odder(answer.body, desk.chance)
    return answer


def _odder(body: Any, chance: random.Random) -> Any:
    if isinstance(body, list):
        return [_odder(one, chance) for one in body]
    if not isinstance(body, dict):
        return body
    changed = {name: _odder(value, chance) if isinstance(value, list | dict) else value for name, value in body.items()}
    plain = sorted(name for name, value in body.items() if not isinstance(value, list | dict))
    for name in chance.sample(plain, min(2, len(plain))):
        what = chance.choice(("missing", "null", "word", "negative"))
        if what == "missing":
            changed.pop(name)
        else:
            changed[name] = {"null": None, "word": "SOMETHING_NEW", "negative": "-1"}[what]
    return changed


async def _truncated(desk: Desk, fault: Fault, request: Request, proceed: Proceed) -> Answer:
    answer = await proceed(request)
    if answer.status == 200:
        text = answer.text()
        answer.raw = text[: len(text) // 2]
    return answer


_UNKNOWN = "An unknown error occurred while processing the request."
_AMBIGUOUS = {
    "unknown_1000": (500, -1000, _UNKNOWN),
    "disconnected_1001": (500, -1001, "Internal error; unable to process your request. Please try again."),
    "unexpected_1006": (
        503, -1006, "An unexpected response was received from the message bus. Execution status unknown.",
    ),
    "timeout_1007": (
        504, -1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    ),
    "http_500": (500, -1000, "Internal Server Error"),
    "http_502": (502, -1000, "Bad Gateway"),
    "http_503": (503, -1000, "Unknown error, please check your request or try again later."),
    "http_504": (504, -1000, "Gateway Time-out"),
}  # fmt: skip
_BODIES = {
    "html": _raw(200, HTML, "text/html"), "empty": _raw(200, b""), "braces": _raw(200, b"{}"),
    "html_502": _raw(502, HTML, "text/html"), "reset": _cut,
}  # fmt: skip
_PAIRS = {**_BODIES, **{name: _error(*told) for name, told in _AMBIGUOUS.items()}}
KINDS: dict[str, Deed] = {
    **{f"{name}_before": _before(answer) for name, answer in _PAIRS.items()},
    **{f"{name}_after": _after(answer) for name, answer in _PAIRS.items()},
    "timeout_before": _timeout_before,
    "timeout_after": _timeout_after,
    "slow_before": _slow_before,
    "slow_after": _slow_after,
    "overloaded_1008": _before(_error(503, -1008, "Server is currently overloaded with other requests.")),
    "clock_1021": _before(_error(400, -1021, "Timestamp for this request is outside of the recvWindow.")),
    "rate_limited_429": _before(_limited),
    "banned_418": _banned,
    "key_revoked": _before(lambda fault: Answer(401, errors.unauthorized().body())),
    "odd_fields": _odd,
    "truncated_after": _truncated,
    "partial_fill": fault_market.partial_fill,
    "stale_answer": fault_market.stale_answer,
    "candle_gaps": fault_market.candle_gaps,
}
EVENTS: dict[str, Callable[[Fault, random.Random], list[float]]] = {
    "event_lost": lambda fault, chance: [],
    "event_twice": lambda fault, chance: [0.0, 0.0 if fault.seconds is None else fault.seconds],
    "event_late": lambda fault, chance: [1.0 if fault.seconds is None else fault.seconds],
    "events_shuffled": lambda fault, chance: [chance.uniform(0.0, 1.0 if fault.seconds is None else fault.seconds)],
}
