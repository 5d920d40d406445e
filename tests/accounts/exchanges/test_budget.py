import asyncio
import random
from collections import defaultdict

import pytest

from accounts.exchanges import budget
from accounts.exchanges.budget import Purpose
from accounts.exchanges.errors import ExchangeNotSent
from accounts.exchanges.quirks import NAMES, quirks_for
from accounts.exchanges.quirks.base import Allowed, Limits, Usage

LIMITS = Limits(Allowed(1200.0, 60.0), key=Allowed(300.0, 10.0), orders=Allowed(100.0, 10.0))


class Clock:
    """Monotonic time that only sleeping moves: the loop's own clock, which jumps to the next timer."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Jumping(asyncio.SelectorEventLoop):
    """A loop in which sleeping takes no time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def time(self) -> float:
        return self.clock.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self.clock.now = max(self.clock.now, self._scheduled[0].when())
        super()._run_once()


@pytest.fixture
def clock(monkeypatch, settings) -> Clock:
    settings.REDIS_URL = ""  # what processes share has a clock of its own: Redis's
    budget.budgets_forget()
    clock = Clock()
    monkeypatch.setattr(budget.time, "monotonic", clock.monotonic)
    yield clock
    budget.budgets_forget()


def run(clock: Clock, *coroutines):
    async def all_of_them():
        return await asyncio.gather(*coroutines, return_exceptions=True)

    loop = Jumping(clock)
    try:
        found = loop.run_until_complete(all_of_them())
    finally:
        loop.close()
    for one in found:
        if isinstance(one, Exception) and not isinstance(one, ExchangeNotSent):
            raise one
    return found


async def asked(clock, sent, cost, *, account_id=None, purpose=Purpose.READ, exchange="binance"):
    budget.purpose.set(purpose)
    await budget.spend(exchange, cost, account_id=account_id)
    sent.append((clock.now, cost, account_id))


def most(sent, window_s: float) -> float:
    """The most units in any window of that length."""
    sent = sorted(sent)
    return max(sum(c for at, c, _ in sent if 0 <= at - start < window_s) for start, _, _ in sent)


@pytest.mark.parametrize("exchange", NAMES)
def test_in_no_window_more_than_80_percent_whatever_is_asked(clock, exchange) -> None:
    limits, rng, sent = quirks_for(exchange).limits, random.Random(exchange), []
    kinds = [(None, Purpose.READ), (1, Purpose.EXIT), (1, Purpose.READ), (2, Purpose.URGENT), (3, Purpose.EXIT)]

    async def later(after, cost, account_id, purpose):
        await asyncio.sleep(after)
        await asked(clock, sent, cost, account_id=account_id, purpose=purpose, exchange=exchange)

    want = [(rng.uniform(0, 30), rng.choice([0.2, 1.0, 2.0, 4.0]), *rng.choice(kinds)) for _ in range(900)]
    run(clock, *(later(*one) for one in want))
    assert len(sent) == 900
    counted = [one for one in sent if one[2] is None or limits.keys_count]
    assert most(counted, limits.address.window_s) <= 0.8 * limits.address.amount
    if limits.key is not None:
        for number in (1, 2, 3):
            assert most([one for one in sent if one[2] == number], limits.key.window_s) <= 0.8 * limits.key.amount


def test_most_of_it_can_be_used(clock) -> None:
    budget.limits_set("binance", LIMITS)
    sent = []
    run(clock, *(asked(clock, sent, 1.0, account_id=n % 50, purpose=Purpose.URGENT) for n in range(3000)))
    assert 0.65 * 1200 <= most(sent, 60) <= 0.8 * 1200


def test_orders_of_one_key_are_counted(clock) -> None:
    budget.limits_set("binance", Limits(Allowed(10**6, 60.0), orders=Allowed(20.0, 1.0)))
    sent = []
    run(clock, *(asked(clock, sent, 0.2, account_id=n % 2, purpose=Purpose.EXIT) for n in range(200)))
    for number in (0, 1):
        assert most([(at, 1, a) for at, _, a in sent if a == number], 1.0) <= 16


def test_what_gets_out_waits_behind_nothing(clock) -> None:
    budget.limits_set("binance", LIMITS)
    sent, exits = [], []

    async def exit_later():
        await asyncio.sleep(5)
        began = clock.now
        await asked(clock, exits, 0.2, account_id=99, purpose=Purpose.EXIT)
        assert clock.now - began <= budget.SLACK_S + 0.5

    crowd = [asked(clock, sent, 1.0, account_id=n % 40, purpose=Purpose.ENTRY) for n in range(1000)]
    crowd += [asked(clock, sent, 2.0) for _ in range(300)]
    crowd += [asked(clock, sent, 4.0, account_id=n % 40) for n in range(200)]
    run(clock, *crowd, exit_later())
    assert len(exits) == 1


def test_an_entry_that_would_wait_too_long_is_given_up_and_was_not_sent(clock) -> None:
    budget.limits_set("binance", LIMITS)
    sent = []
    found = run(
        clock, *(asked(clock, sent, 1.0, account_id=n % 40, purpose=Purpose.ENTRY) for n in range(1000))
    )  # fmt: skip
    given_up = [one for one in found if isinstance(one, ExchangeNotSent)]
    assert len(given_up) + len(sent) == 1000 and len(given_up) > 500
    assert max(at for at, _, _ in sent) <= 1000 + budget.ENTRY_WAIT_S
    assert "waited too long" in str(given_up[0])


def test_accounts_take_turns(clock) -> None:
    """One that asks for ten times as much, a few at a time as the platform does, does not make the others wait."""
    budget.limits_set("binance", LIMITS)
    sent = []

    async def account(number, times):
        for _ in range(times):
            await asked(clock, sent, 1.0, account_id=number)
            await asyncio.sleep(0.02)  # the answer

    run(clock, *(account(0, 100) for _ in range(4)), *(account(n, 40) for n in range(1, 20)))
    done = defaultdict(list)
    for at, _, number in sent:
        done[number].append(at)
    ends = [max(done[n]) for n in range(1, 20)]
    middle = sum(1 for at in done[0] if at <= min(ends))
    assert max(ends) - min(ends) < 0.2 * (max(ends) - 1000)
    assert middle <= 4.5 * 40, "four requests at a time get four turns a round, not more"


def test_a_ban_binds_everybody(clock) -> None:
    budget.ban_set("okx", 60)
    sent = []
    (found,) = run(clock, asked(clock, sent, 1.0, account_id=1, purpose=Purpose.URGENT, exchange="okx"))
    assert isinstance(found, ExchangeNotSent) and found.retry_after_s == pytest.approx(60)
    run(clock, asked(clock, sent, 1.0, exchange="mexc"))
    clock.now += 61
    run(clock, asked(clock, sent, 1.0, exchange="okx"))
    assert len(sent) == 2


def test_a_ban_that_comes_while_a_request_waits_is_seen_before_it_leaves(clock) -> None:
    budget.limits_set("binance", LIMITS)
    sent = []

    async def ban():
        await asyncio.sleep(3)
        budget.ban_set("binance", 4)
        return clock.now

    *_, at = run(clock, *(asked(clock, sent, 4.0, account_id=n) for n in range(60)), ban())
    assert sent and not [one for one in sent if at <= one[0] < at + 4]


def test_a_longer_ban_is_not_shortened(clock) -> None:
    budget.ban_set("okx", 60)
    budget.ban_set("okx", 5)
    assert budget.ban_left("okx") == pytest.approx(60)


def test_a_keys_ban_is_its_own(clock) -> None:
    budget.ban_set("okx", 60, account_id=1)
    assert budget.ban_left("okx", account_id=1) == pytest.approx(60)
    assert budget.ban_left("okx", account_id=2) == 0


def test_a_testnet_has_limits_of_its_own(clock) -> None:
    budget.ban_set("binance:testnet", 60)
    assert budget.ban_left("binance") == 0 and budget.limits_of("binance:testnet") == budget.limits_of("binance")


def test_a_limit_that_somebody_else_uses_holds_all_but_what_gets_out(clock) -> None:
    budget.usage_seen("binance", [Usage(0.79, 30.0)])
    sent, exits = [], []
    run(clock, asked(clock, sent, 1.0, account_id=1))
    assert clock.now == 1000
    budget.usage_seen("binance", [Usage(0.9, 3.0)])
    run(
        clock,
        asked(clock, exits, 1.0, account_id=1, purpose=Purpose.EXIT),
        asked(clock, sent, 1.0, account_id=1),
        asked(clock, sent, 1.0),
    )
    assert [at for at, _, _ in exits] == [1000] and min(at for at, _, _ in sent[1:]) >= 1003


def test_half_of_what_is_asked_goes_on_without_a_statement(clock) -> None:
    sent = []
    run(clock, *(asked(clock, sent, 1.0, exchange="unknown") for _ in range(40)))
    assert most(sent, 10.0) <= 0.8 * 20
