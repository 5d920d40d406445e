import asyncio

import pytest

from accounts.exchanges import budget
from accounts.exchanges.errors import ExchangeRetry


class Clock:
    """Monotonic time that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch, settings) -> Clock:
    settings.REDIS_URL = ""  # what processes share has a clock of its own: Redis's
    budget.budgets_forget()
    clock = Clock()
    monkeypatch.setattr(budget.time, "monotonic", clock.monotonic)

    async def sleep(seconds: float) -> None:
        clock.now += seconds

    monkeypatch.setattr(budget.asyncio, "sleep", sleep)
    yield clock
    budget.budgets_forget()


def _spend(times: int, weight: float = 1.0, exchange: str = "okx") -> None:
    async def go() -> None:
        for _ in range(times):
            await budget.spend(exchange, weight)

    asyncio.run(go())


def test_half_a_second_where_nothing_is_stated(clock: Clock) -> None:
    _spend(5)
    assert clock.now - 1000 == pytest.approx(4 * 0.5 / budget.SHARE)


def test_at_most_the_share_of_what_is_allowed(clock: Clock) -> None:
    budget.spacing_set("okx", 0.1)  # ten a second
    _spend(620)
    allowed = (clock.now - 1000) * 10
    assert 600 / allowed <= budget.SHARE + 0.001  # 20 of the 620 ran ahead, once


def test_weights_cost_more(clock: Clock) -> None:
    budget.spacing_set("okx", 0.1)
    _spend(41, weight=10)
    assert clock.now - 1000 == pytest.approx(40 * 10 * 0.1 / budget.SHARE - budget.BURST_S, abs=1.5)


def test_orders_do_not_wait_behind_candles(clock: Clock) -> None:
    budget.spacing_set("okx", 0.1)
    purse = budget._purse("okx")
    for _ in range(200):
        purse.turn(1.0, signed=False)
    assert purse.turn(1.0, signed=False) > 30
    assert purse.turn(1.0, signed=True) == 0.0
    assert budget.SHARE + budget.SIGNED_SHARE < 1


def test_a_ban_binds_everybody(clock: Clock) -> None:
    budget.ban_set("okx", 60)
    with pytest.raises(ExchangeRetry) as found:
        _spend(1)
    assert found.value.retry_after_s == pytest.approx(60)
    _spend(1, exchange="mexc")
    clock.now += 61
    _spend(1)


def test_a_short_ban_is_waited_for(clock: Clock) -> None:
    budget.ban_set("okx", 2)
    _spend(1)
    assert clock.now >= 1002


def test_a_longer_ban_is_not_shortened(clock: Clock) -> None:
    budget.ban_set("okx", 60)
    budget.ban_set("okx", 5)
    assert budget.ban_left("okx") == pytest.approx(60)


def test_a_keys_ban_is_its_own(clock: Clock) -> None:
    budget.ban_set("okx", 60, account_id=1)
    assert budget.ban_left("okx", account_id=1) == pytest.approx(60)
    assert budget.ban_left("okx", account_id=2) == 0
