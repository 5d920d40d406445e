"""The paper broker's stated rules."""

from dataclasses import replace
from decimal import Decimal as D
from uuid import UUID

from tests.trading.domain.desk import BTC, START
from trading.brokers.paper import PaperBroker
from trading.domain.types import (
    FillSeen,
    OrderAnswered,
    OrderState,
    OrderStatus,
    OrderType,
    Purpose,
    Quote,
    QuoteSeen,
    RunStarted,
    Side,
)


def order(number=1, side=Side.BUY, type=OrderType.MARKET, amount="1", price=None):
    return OrderState(
        client_order_id=f"order{number}",
        intent_id=UUID(int=number),
        leg=0,
        purpose=Purpose.ENTRY,
        bot_id=UUID(int=1),
        position_id=UUID(int=1),
        symbol="BTC/USDT",
        side=side,
        type=type,
        amount=D(amount),
        price=None if price is None else D(price),
        created_at=START,
    )


def broker(usdt=1000, btc=10, quote=(100, 101, 5)):
    made = PaperBroker({"USDT": D(usdt), "BTC": D(btc)}, {"BTC/USDT": BTC})
    if quote:
        show(made, *quote)
    return made


def show(made, bid, ask, size):
    numbers = [D(str(value)) for value in (bid, ask, size, size)]
    return made.market(QuoteSeen(START, Quote("BTC/USDT", *numbers, START)))


def short(events):
    return [
        (e.price, e.amount, e.fee, e.fee_currency, e.maker) if isinstance(e, FillSeen) else (e.status, e.reason)
        for e in events
    ]


def test_a_market_order_takes_the_visible_size_and_waits_for_the_next_quote():
    made = broker()
    events = made.submit(order(amount="7"), BTC)
    assert short(events) == [(OrderStatus.ACTIVE, ""), (D(101), D(5), D("0.005"), "BTC", False)]
    assert short(show(made, 99, 100, 5)) == [(D(100), D(2), D("0.002"), "BTC", False)]
    assert [e.trade_id for e in events if isinstance(e, FillSeen)] == ["order1-1"]
    assert not made.open_ids()


def test_orders_share_the_size_of_a_quote_in_the_order_they_came():
    made = broker(usdt=10_000)
    made.submit(order(1, amount="3"), BTC)
    assert short(made.submit(order(2, amount="3"), BTC))[1:] == [(D(101), D(2), D("0.002"), "BTC", False)]


def test_a_sell_pays_its_fee_in_quote_currency_rounded_up():
    made = broker()
    odd = replace(BTC, taker_fee=D("0.0000000000001"))
    ((_, _), fill) = short(made.submit(order(side=Side.SELL), odd))
    assert fill == (D(100), D(1), D("1e-11"), "USDT", False)
    tiny = replace(BTC, taker_fee=D("0.00000000000001"))
    assert short(broker().submit(order(side=Side.SELL), tiny))[1][2] == D("1e-12")


def test_a_maker_order_that_would_take_is_refused_else_it_rests():
    made = broker()
    assert made.submit(order(1, type=OrderType.LIMIT_MAKER, price=101), BTC)[0].status is OrderStatus.REJECTED
    assert short(made.submit(order(2, type=OrderType.LIMIT_MAKER, price=100), BTC)) == [(OrderStatus.ACTIVE, "")]
    assert show(made, 100, "100.01", 5) == []
    assert short(show(made, 99, 100, "0.4")) == [(D(100), D("0.4"), D("0.0004"), "BTC", True)]
    assert short(show(made, 90, 91, 5)) == [(D(100), D("0.6"), D("0.0006"), "BTC", True)]


def test_a_limit_order_takes_what_is_there_and_rests_with_the_remainder():
    made = broker()
    assert short(made.submit(order(type=OrderType.LIMIT, price=102, amount="6"), BTC))[1:] == [
        (D(101), D(5), D("0.005"), "BTC", False)
    ]
    assert short(show(made, 101, 102, 5)) == [(D(102), D(1), D("0.001"), "BTC", True)]


def test_nothing_is_sold_or_bought_without_cover():
    assert short(broker(btc=0).submit(order(side=Side.SELL), BTC)) == [(OrderStatus.REJECTED, "Not enough BTC.")]
    made = broker(usdt=150)
    made.submit(order(1, type=OrderType.LIMIT_MAKER, price=100), BTC)
    refused = made.submit(order(2, type=OrderType.LIMIT_MAKER, price=100), BTC)
    assert short(refused) == [(OrderStatus.REJECTED, "Not enough USDT.")]


def test_a_market_buy_whose_money_runs_out_is_cancelled_for_the_rest():
    made = broker(usdt=150)
    events = short(made.submit(order(amount="2"), BTC))
    assert events[1][:2] == (D(101), D("1.485"))
    assert events[2] == (OrderStatus.CANCELLED, "The balance is used up.")


def test_a_cancelled_order_does_not_fill_and_a_new_run_knows_no_quotes():
    made = broker(quote=None)
    resting = order(type=OrderType.LIMIT_MAKER, price=100)
    made.submit(resting, BTC)
    assert made.cancel(resting, BTC) == [OrderAnswered(START, "order1", OrderStatus.CANCELLED)]
    assert show(made, 90, 91, 5) == []
    made.market(RunStarted(START))
    assert short(made.submit(order(2), BTC)) == [(OrderStatus.ACTIVE, "")]
    assert made.submit(order(2), BTC) == []
