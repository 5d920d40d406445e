"""Each rule refuses with a reason that has its numbers."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from tests.trading.domain.desk import OTHER_BOT, PLAN, START, Desk
from trading.domain.types import CashMoved, OrderType, Purpose, Quote, QuoteSeen


def refused(desk, **intent):
    intent_id = desk.intent(**intent)
    status, reason = desk.decision(intent_id)
    (denied,) = [d for d in desk.results.denied if d.intent_id == intent_id]
    assert denied.reason == reason
    return status, denied.rule, reason


def second_bot(desk, **changes):
    desk.bot(OTHER_BOT, plan=replace(PLAN, **changes))


CASES = {
    "stop_ladder": (lambda: Desk().bot(stop=2).quote(100), {}, "A stop is in force: reduce only."),
    "not running": (lambda: Desk().bot(running=False).quote(100), {}, "The bot is not running."),
    "confidence": (
        lambda: Desk().quote(100),
        {"confidence": D("0.39")},
        "Confidence 0.39 is below the bot's threshold 0.4.",
    ),
    "spread": (lambda: Desk().quote(100, 102), {}, "The spread is 1.98 %; 1 % are allowed."),
    "no price": (Desk, {}, "There is no price of BTC/USDT right now."),
    "unknown": (lambda: Desk().quote(100), {"symbol": "XYZ/USDT"}, "XYZ/USDT is not known at this exchange."),
    "capital": (lambda: Desk(cash=150).quote(100), {}, "200.12 USDT are needed; 150 USDT are free."),
    "minimum": (lambda: Desk(cash=9).quote(100), {}, "The account is worth 9 USDT; at least 10 are needed to trade."),
    "size": (
        lambda: Desk(capital_per_trade=D(5)).quote(100),
        {},
        "4.90049 USDT could not be sold again at its stop: the smallest order is 5 USDT.",
    ),
    "amount": (lambda: Desk().quote(1_000_000), {}, "0 BTC is below the smallest amount 0.001."),
}


@pytest.mark.parametrize("name", CASES)
def test_an_entry_is_denied_with_its_reason(name):
    make, intent, reason = CASES[name]
    desk = make()
    status, _, said = refused(desk, **intent)
    assert (status, said) == ("denied", reason)
    assert not desk.results.orders


def test_an_expired_entry_is_dropped_and_an_exit_never_expires():
    desk = Desk().quote(100)
    assert refused(desk, expires_at=START - timedelta(seconds=3))[::2] == ("expired", "The entry expired 3 s ago.")
    desk.intent()
    out = desk.intent(Purpose.EXIT, expires_at=START - timedelta(seconds=3))
    assert desk.decision(out) == ("done", "")


def test_one_position_an_instrument_and_opening_ones_count():
    desk = Desk(entry_type=OrderType.LIMIT_MAKER, max_positions=1).quote(100)
    desk.intent()
    assert refused(desk)[1:] == ("one_position", "The bot already has a position in BTC/USDT.")
    desk = Desk(entry_type=OrderType.LIMIT_MAKER, max_positions=0).quote(100)
    assert refused(desk)[1:] == ("max_positions", "The bot has 0 of 0 positions open.")


def test_money_reserved_by_another_bots_order_is_not_free():
    desk = Desk(cash=300, entry_type=OrderType.LIMIT_MAKER).quote(100)
    desk.intent()
    second_bot(desk)
    assert refused(desk, bot_id=OTHER_BOT)[2] == "200.12 USDT are needed; 100 USDT are free."


def test_a_fall_from_the_peak_stops_entries_but_a_withdrawal_does_not():
    desk = Desk(stop_loss=D("0.9"), holding_time=timedelta(days=9), capital_per_trade=D(900)).quote(100)
    desk.intent()
    second_bot(desk)
    desk.quote(70)
    _, rule, reason = refused(desk, bot_id=OTHER_BOT)
    assert rule == "drawdown"
    assert reason == "The account is 27.07 % below its peak; 20 % are allowed."
    calm = Desk().quote(100)
    calm.intent()
    calm.feed(CashMoved(calm.now, "USDT", D(-500), "withdrawal"))
    second_bot(calm)
    assert calm.decision(calm.intent(bot_id=OTHER_BOT)) == ("done", "")


def test_an_old_price_is_no_price():
    desk = Desk()
    quote = Quote("BTC/USDT", D(100), D("100.01"), D(9), D(9), START - timedelta(seconds=61))
    desk.feed(QuoteSeen(START, quote))
    assert refused(desk)[2] == "The last price is 61 s old; 60 s are allowed."


def test_a_trader_may_enter_by_hand_with_a_stopped_bot_at_a_price_and_for_an_amount():
    desk = Desk().bot(running=False).quote(100)
    intent = desk.intent(Purpose.MANUAL_ENTRY, confidence=D(0), amount_quote=D(50), limit_price=D("99.009"))
    assert desk.decision(intent) is None
    assert (desk.order.type, desk.order.price, desk.order.amount) == (OrderType.LIMIT, D("99.00"), D("0.505"))
    desk.bot(running=False, stop=1)
    assert not desk.state.orders
