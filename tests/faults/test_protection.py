"""Stops that rest at the exchange: through each kind of fault, resized, and set off while the platform is away."""

import time
from decimal import Decimal

import pytest

from accounts.clock import clock_set
from signals import quotes
from tests.faults.laboratory import BANS, ORDER, SLOW, SYMBOL, fault_on, some
from trading.domain.exits import RETRY_LONGEST
from trading.models import AccountCheck, BotConfig, Intent, Order, Position
from trading.practice.faults import KINDS
from trading.services.by_hand import position_reduce_request

D = Decimal
CANCEL = {"path": "(order|orderList)$", "method": "DELETE"}
FAR = "0.05"  # a fraction of the entry that this market does not fall: a `spike` sets stops off


def protected(laboratory, target: str = "0.5") -> None:
    """The trader's bot has its stops rest at the exchange, with targets so far above the entry (a fraction)."""
    bot = laboratory.bot
    bot.config = BotConfig.objects.create(
        bot=bot, version=2, entry_type="market", max_spread="0.1", profit_target=target, stop_loss=FAR,
        holding_time_s=100_000, protection=BotConfig.Protection.EXCHANGE,
    )  # fmt: skip
    bot.save()


def resting(laboratory) -> list[Order]:
    return list(Order.objects.filter(type="stop", status="active"))


def theirs(laboratory) -> list[dict]:
    """Stops that are open at the exchange, alone or with a target; each by the name of the order that it is to us."""
    rows = laboratory.exchange.admin(f"ledger?key={laboratory.key}")["orders"]
    found = [row for row in rows if row["type"] == "STOP_LOSS" and row["status"] == "NEW"]
    return [{**row, "clientOrderId": row["clientOrderId"].removesuffix("-s")} for row in found]


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


def set_off(laboratory, stop: Order) -> None:
    """The exchange sells by itself; nobody of us is told."""
    laboratory.act("spike", symbol="BTCUSDT", price=str(stop.price))
    assert theirs(laboratory) == []


def never_two(laboratory) -> None:
    """By the exchange's own book: at no moment did two stops rest, nor one for more than was held."""
    told = laboratory.exchange.admin(f"ledger?key={laboratory.key}")
    stops = {row["orderId"]: D(row["origQty"]) for row in told["orders"] if row["type"] == "STOP_LOSS"}
    held, waiting = D(0), {}
    for entry in told["entries"]:
        if entry["asset"] == "BTC":
            held += D(entry["amount"])
        if entry["order_id"] in stops:
            waiting.pop(entry["order_id"], None)  # triggered, sold or cancelled
        if entry["order_id"] in stops and entry["note"] == "NEW NEW" and entry["order_id"] not in seen(told, entry):
            waiting[entry["order_id"]] = stops[entry["order_id"]]
        assert len(waiting) <= 1 and sum(waiting.values()) <= held, (entry, waiting, held)


def target_of(laboratory, stop: Order) -> dict:
    """The other leg of a pair, as the exchange has it."""
    rows = laboratory.exchange.admin(f"ledger?key={laboratory.key}")["orders"]
    return next(row for row in rows if row["clientOrderId"] == stop.client_order_id + "-t")


def seen(told: dict, entry: dict) -> set[int]:
    """Orders that the ledger names before this line."""
    return {one["order_id"] for one in told["entries"] if one["id"] < entry["id"]}


def test_a_stop_that_is_set_off_while_the_platform_is_away_closes_the_position(laboratory):
    protected(laboratory)
    stop = opened(laboratory)
    set_off(laboratory, stop)
    laboratory.restart()
    laboratory.settle(lambda: laboratory.held() == 0)
    stop.refresh_from_db()
    position = Position.objects.get()
    assert (stop.status, position.close_reason) == ("filled", "stop_loss")
    assert Order.objects.filter(side="sell").count() == 1
    laboratory.check()


def test_the_target_rests_beside_it_and_sells_while_the_platform_is_away(laboratory):
    protected(laboratory)
    stop = opened(laboratory)
    position, target = Position.objects.get(), target_of(laboratory, stop)
    assert (target["type"], target["status"], D(target["origQty"])) == ("LIMIT_MAKER", "NEW", stop.amount)
    assert D(target["price"]) == position.target_price == stop.target
    laboratory.restart()
    assert not AccountCheck.objects.exists(), "its legs are taken for somebody's hand"
    laboratory.act("spike", symbol="BTCUSDT", price=str(position.target_price))
    assert (target_of(laboratory, stop)["status"], theirs(laboratory)) == ("FILLED", [])
    laboratory.restart()
    laboratory.settle(lambda: laboratory.held() == 0)
    stop.refresh_from_db()
    position.refresh_from_db()
    assert (stop.status, position.close_reason) == ("filled", "take_profit")
    fill = stop.fills.get()
    assert (fill.price, fill.maker) == (stop.target, True)
    assert Order.objects.filter(side="sell").count() == 1
    laboratory.check()


def test_what_a_target_left_unsold_is_covered_again(laboratory):
    """The exchange ends the stop when its target begins to sell: what is left has neither until it is taken back."""
    protected(laboratory)
    first = opened(laboratory)
    laboratory.act("spike", symbol="BTCUSDT", price=str(first.target), amount=f"{first.amount / 2:.5f}")
    assert (target_of(laboratory, first)["status"], theirs(laboratory)) == ("PARTIALLY_FILLED", [])
    laboratory.restart()
    laboratory.settle(lambda: len(resting(laboratory)) == 1 and resting(laboratory)[0] != first)
    (second,) = resting(laboratory)
    assert (second.amount, second.target) == (first.amount - D(f"{first.amount / 2:.5f}"), first.target)
    assert [row["clientOrderId"] for row in theirs(laboratory)] == [second.client_order_id]
    laboratory.check()
    set_off(laboratory, second)
    laboratory.restart()
    laboratory.settle(lambda: laboratory.held() == 0)
    assert Position.objects.get().close_reason == "stop_loss"
    laboratory.check()


def test_where_a_pair_is_refused_the_stop_rests_alone(laboratory):
    protected(laboratory, target="4.5")  # PERCENT_PRICE_BY_SIDE allows five times the price
    stop = opened(laboratory)
    assert stop.target is None and [row["clientOrderId"] for row in theirs(laboratory)] == [stop.client_order_id]
    assert list(Order.objects.filter(type="stop").values_list("status", flat=True)) == ["active", "rejected"]
    laboratory.check()


@pytest.mark.parametrize("kind", some(sorted(KINDS), 6))
def test_a_stop_is_placed_once_whatever_is_answered(laboratory, kind):
    protected(laboratory)
    laboratory.script(fault_on(kind, **ORDER, skip=1))
    laboratory.buy()
    laboratory.turn()
    if kind in SLOW | BANS:
        time.sleep(1.2)
    assert laboratory.told()["faults"][0]["hits"] == 1
    laboratory.recover()
    laboratory.settle()
    laboratory.ahead += RETRY_LONGEST
    laboratory.settle(lambda: len(resting(laboratory)) == 1)
    assert [row["clientOrderId"] for row in theirs(laboratory)] == [resting(laboratory)[0].client_order_id]
    laboratory.check()
    never_two(laboratory)


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
    never_two(laboratory)
    set_off(laboratory, second)
    laboratory.restart()
    laboratory.settle(lambda: laboratory.held() == 0)
    laboratory.check()


def target_reached(laboratory, monkeypatch) -> None:
    """The platform sees the bid at the target."""
    at = laboratory.clock()
    high = (Position.objects.get().target_price * D("1.01")).quantize(D("0.01"))
    row = quotes.QuoteRow(SYMBOL, high, high + 1, D(1000), D(1000), at)
    monkeypatch.setattr(laboratory, "_quote", lambda: quotes.publish("binance", [row]))


def test_a_target_that_the_platform_watches_has_the_stop_taken_back_first(laboratory, monkeypatch):
    protected(laboratory)
    stop = opened(laboratory)
    target_reached(laboratory, monkeypatch)
    laboratory.settle(lambda: laboratory.held() == 0)
    stop.refresh_from_db()
    assert (stop.status, stop.filled, Position.objects.get().close_reason) == ("cancelled", 0, "take_profit")
    laboratory.check()
    never_two(laboratory)


def test_a_stop_that_was_set_off_before_the_target_is_all_that_sells(laboratory, monkeypatch):
    protected(laboratory)
    stop = opened(laboratory)
    set_off(laboratory, stop)
    target_reached(laboratory, monkeypatch)
    laboratory.settle(lambda: laboratory.held() == 0)
    stop.refresh_from_db()
    assert stop.status == "filled" and Order.objects.filter(side="sell").count() == 1
    assert set(Intent.objects.values_list("status", flat=True)) == {"done"}
    laboratory.check()


def test_a_stop_cancelled_by_hand_there_comes_back_after_a_while(laboratory):
    protected(laboratory)
    stop = opened(laboratory)
    laboratory.act("cancel_by_hand", order={"symbol": "BTCUSDT", "origClientOrderId": stop.client_order_id + "-s"})
    laboratory.restart()
    laboratory.settle(lambda: not resting(laboratory))
    assert laboratory.held() == 1, "the platform goes on watching"
    laboratory.ahead += RETRY_LONGEST
    laboratory.settle(lambda: len(resting(laboratory)) == 1)
    laboratory.check()
    never_two(laboratory)
