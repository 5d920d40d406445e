"""Stops that rest at the exchange: through each kind of fault, resized, and set off while the platform is away."""

import time
from decimal import Decimal

import pytest

from accounts.clock import clock_set
from tests.faults.laboratory import BANS, ORDER, SLOW, fault_on, some
from trading.domain.exits import RETRY_LONGEST
from trading.models import BotConfig, Order, Position
from trading.practice.faults import KINDS
from trading.services.by_hand import position_reduce_request

D = Decimal
CANCEL = {"path": "order$", "method": "DELETE"}
NEAR, FAR = "0.0004", "0.5"  # a fraction of the entry: within seconds of this market, and never


def protected(laboratory, stop: str = FAR) -> None:
    """The trader's bot has its stops rest at the exchange."""
    bot = laboratory.bot
    bot.config = BotConfig.objects.create(
        bot=bot, version=2, entry_type="market", max_spread="0.1", profit_target="0.5", stop_loss=stop,
        holding_time_s=100_000, protection=BotConfig.Protection.EXCHANGE,
    )  # fmt: skip
    bot.save()


def resting(laboratory) -> list[Order]:
    return list(Order.objects.filter(type="stop", status="active"))


def theirs(laboratory) -> list[dict]:
    """Stops that are open at the exchange."""
    rows = laboratory.exchange.admin(f"ledger?key={laboratory.key}")["orders"]
    return [row for row in rows if row["type"] == "STOP_LOSS" and row["status"] == "NEW"]


def opened(laboratory) -> Order:
    laboratory.buy()
    laboratory.settle(lambda: len(resting(laboratory)) == 1)
    (stop,) = resting(laboratory)
    return stop


def test_a_stop_rests_and_is_taken_back_before_anything_else_sells(laboratory):
    protected(laboratory)
    stop = opened(laboratory)
    position = Position.objects.get()
    (row,) = theirs(laboratory)
    assert (row["clientOrderId"], Decimal(row["stopPrice"])) == (stop.client_order_id, position.stop_price)
    assert Decimal(row["origQty"]) == stop.amount
    laboratory.sell()
    laboratory.settle(lambda: laboratory.held() == 0)
    stop.refresh_from_db()
    assert (stop.status, theirs(laboratory)) == ("cancelled", [])
    laboratory.check()


def away_until_set_off(laboratory) -> None:
    """The platform does nothing until the exchange has sold by itself."""
    for _ in range(300):
        if not theirs(laboratory):
            return
        time.sleep(0.1)
    raise AssertionError("the market did not fall to the stop")


def test_a_stop_that_is_set_off_while_the_platform_is_away_closes_the_position(laboratory):
    protected(laboratory, NEAR)
    stop = opened(laboratory)
    away_until_set_off(laboratory)
    laboratory.restart()
    laboratory.settle(lambda: laboratory.held() == 0)
    stop.refresh_from_db()
    position = Position.objects.get()
    assert (stop.status, position.close_reason) == ("filled", "stop_loss")
    assert Order.objects.filter(side="sell").count() == 1
    laboratory.check()


@pytest.mark.parametrize("kind", some(sorted(KINDS), 6))
def test_a_stop_is_placed_once_whatever_is_answered(laboratory, kind):
    protected(laboratory)
    laboratory.script(fault_on(kind, **ORDER, skip=1))
    laboratory.buy()
    laboratory.settle(lambda: laboratory.held() == 1)
    laboratory.turn()
    if kind in SLOW | BANS:
        time.sleep(1.2)
    assert laboratory.told()["faults"][0]["hits"] == 1
    laboratory.recover()
    laboratory.ahead += RETRY_LONGEST
    laboratory.settle(lambda: len(resting(laboratory)) == 1)
    assert [row["clientOrderId"] for row in theirs(laboratory)] == [resting(laboratory)[0].client_order_id]
    laboratory.check()


@pytest.mark.parametrize("kind", some(sorted(KINDS), 6))
def test_nothing_is_sold_beside_a_stop_whose_end_is_unclear(laboratory, kind):
    protected(laboratory)
    opened(laboratory)
    laboratory.script(fault_on(kind, **CANCEL))
    laboratory.sell()
    laboratory.turn()
    if kind in SLOW | BANS:
        time.sleep(1.2)
    assert laboratory.told()["faults"][0]["hits"] == 1
    laboratory.recover()
    laboratory.settle(lambda: laboratory.held() == 0)
    assert theirs(laboratory) == []
    laboratory.check()


def test_a_stop_is_resized_with_what_is_held(laboratory):
    protected(laboratory)
    first = opened(laboratory)
    with clock_set(laboratory.clock):
        position_reduce_request(position=Position.objects.get(), share="0.5", actor=laboratory.account.user)
    laboratory.settle(lambda: [one.amount for one in resting(laboratory)] not in ([], [first.amount]))
    (second,) = resting(laboratory)
    position = Position.objects.get()
    assert first.amount / 2 * D("0.9") < second.amount <= position.amount < first.amount
    assert [row["clientOrderId"] for row in theirs(laboratory)] == [second.client_order_id]
    laboratory.check()
