"""Which answers of an exchange are believed, and what becomes of the others."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from accounts.exchanges.errors import AnswerImpossible, AnswerUnreadable, ExchangeRefused
from accounts.scrub import secrets_remember
from tests.trading.conftest import AT
from trading.brokers.answers import FeeImpossible
from trading.brokers.checked import CheckedExchange
from trading.domain.odd_answers import TradeFee
from trading.domain.types import OrderState, OrderType, Purpose, Side

ORDER = OrderState(
    client_order_id="abc", intent_id=uuid4(), leg=0, purpose=Purpose.ENTRY, bot_id=uuid4(), position_id=uuid4(),
    symbol="BTC/USDT", side=Side.BUY, type=OrderType.LIMIT, amount=Decimal("0.5"), price=Decimal(64000), created_at=AT,
    exchange_order_id="77", reference_price=Decimal(64000),
)  # fmt: skip
MS = int(AT.timestamp() * 1000)


def trade(**more: Any) -> dict[str, Any]:
    fee = {"cost": 0.0005, "currency": "BTC"}
    base = {"id": "1", "order": "77", "symbol": "BTC/USDT", "side": "buy", "price": 64000.0, "amount": 0.5, "fee": fee}
    return {**base, "timestamp": MS, **more}


def answer(**more: Any) -> dict[str, Any]:
    base = {"id": "77", "clientOrderId": "abc", "symbol": "BTC/USDT", "side": "buy", "status": "closed"}
    return {**base, "amount": 0.5, "filled": 0.5, "cost": 32000.0, "trades": [], **more}


class Scripted:
    """Answers everything with the same, or raises it."""

    def __init__(self, said: Any) -> None:
        self.said = said

    def __getattr__(self, _name: str) -> Any:
        def said(*_arguments: Any) -> Any:
            if isinstance(self.said, Exception):
                raise self.said
            return self.said

        return said


def asked(name: str, said: Any, *arguments: Any) -> tuple[Any, list[Any]]:
    """What comes through (or the error that does), and what was reported."""
    reported: list[Any] = []
    exchange = CheckedExchange(Scripted(said), reported.append)
    try:
        return getattr(exchange, name)(*arguments), reported
    except Exception as error:
        return error, reported


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"status": None, "filled": None, "symbol": None, "side": None, "clientOrderId": None},
        {"status": "open", "filled": 0.0},
        {"trades": [trade(amount=0.2), trade(id="2", amount=0.3)]},
        {"trades": [trade(fee={"cost": -0.00005, "currency": "BTC"})]},
        {"trades": [trade(fee={"cost": 0.01, "currency": "BNB"}, price=63990.5, timestamp=None)]},
        {"trades": [trade(fee=None), trade(fee=None)]},
        {"trades": [trade(fee={"cost": None, "currency": None})]},
    ],
)
def test_sound_answers_get_through(more: dict[str, Any]) -> None:
    said = answer(**more)
    assert asked("order_create", said, ORDER, None) == (said, [])
    assert asked("order_look", (said, said["trades"]), ORDER) == ((said, said["trades"]), [])


@pytest.mark.parametrize(
    "said", [None, [], {}, "ok", 7, {"id": ""}, {"id": True}, {"id": "x" * 65}, {"id": "a\x00"}, {"id": '{"a": 1'}]
)
def test_what_is_no_order(said: Any) -> None:
    error, reported = asked("order_create", said, ORDER, None)
    assert type(error) is AnswerUnreadable and [odd.impossible for odd in reported] == [False]


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"status": "ODD"}, AnswerUnreadable),
        ({"status": 7}, AnswerUnreadable),
        ({"filled": None}, AnswerUnreadable),
        ({"filled": "abc"}, AnswerUnreadable),
        ({"filled": float("nan")}, AnswerUnreadable),
        ({"filled": float("inf")}, AnswerUnreadable),
        ({"filled": True}, AnswerUnreadable),
        ({"filled": {}}, AnswerUnreadable),
        ({"filled": -0.1}, AnswerImpossible),
        ({"filled": 0.6}, AnswerImpossible),
        ({"cost": -1}, AnswerImpossible),
        ({"amount": "1e400"}, AnswerImpossible),
        ({"symbol": "ETH/USDT"}, AnswerImpossible),
        ({"side": "sell"}, AnswerImpossible),
        ({"clientOrderId": "another"}, AnswerImpossible),
        ({"id": "78"}, AnswerImpossible),
        ({"trades": "none"}, AnswerUnreadable),
    ],
)
def test_odd_orders(more: dict[str, Any], kind: type[Exception]) -> None:
    error, reported = asked("order_create", answer(**more), ORDER, None)
    assert type(error) is kind and reported[0].impossible is (kind is AnswerImpossible)
    assert reported[0].about == "the order to buy BTC/USDT" and reported[0].text == str(error)


TRADES = [
    ({"id": None}, AnswerUnreadable),
    ({"price": None}, AnswerUnreadable),
    ({"price": "nan"}, AnswerUnreadable),
    ({"price": 0}, AnswerImpossible),
    ({"price": -64000}, AnswerImpossible),
    ({"cost": 0.032}, AnswerImpossible),
    ({"cost": 32_000_000_000}, AnswerImpossible),
    ({"amount": None}, AnswerUnreadable),
    ({"amount": -0.5}, AnswerImpossible),
    ({"symbol": "ETH/USDT"}, AnswerImpossible),
    ({"side": "odd"}, AnswerUnreadable),
    ({"timestamp": "soon"}, AnswerUnreadable),
    ({"timestamp": 10**30}, AnswerUnreadable),
    ({"timestamp": 1}, AnswerImpossible),
    ({"timestamp": 7_258_118_400_000}, AnswerImpossible),
    ({"fee": "0.1"}, AnswerUnreadable),
    ({"fee": {"cost": None, "currency": "BTC"}}, AnswerUnreadable),
    ({"fee": {"cost": "x", "currency": "BTC"}}, AnswerUnreadable),
    ({"fee": {"cost": 0.0005, "currency": None}}, AnswerUnreadable),
    ({"fee": {"cost": 0.0005, "currency": "X" * 17}}, AnswerUnreadable),
    ({"fee": None, "info": {"commissionAsset": "BNB"}}, AnswerUnreadable),
    ({"fee": {"cost": None, "currency": None}, "info": {"feeCcy": "BTC"}}, AnswerUnreadable),
    ({"fee": {"cost": 0.06, "currency": "BTC"}}, FeeImpossible),
    ({"fee": {"cost": 6400, "currency": "USDT"}}, FeeImpossible),
    ({"fee": {"cost": 0.5, "currency": "BTC"}}, AnswerImpossible),
    ({"fee": {"cost": 32000, "currency": "USDT"}}, AnswerImpossible),
    ({"fee": {"cost": -4000, "currency": "USDT"}}, AnswerImpossible),
    ({"fee": {"cost": -40, "currency": "USDT"}}, AnswerImpossible),
    ({"fee": {"cost": -1, "currency": "USDT"}, "takerOrMaker": "taker"}, AnswerImpossible),
    ({"fee": {"cost": 0.1, "currency": "7"}, "info": {"commissionAsset": 7}}, AnswerUnreadable),
    ({"fee": {"cost": float("inf"), "currency": "BNB"}}, AnswerUnreadable),
]
OURS = [
    ({"side": "sell"}, AnswerImpossible),
    ({"order": "78"}, AnswerImpossible),
    ({"price": 64001.0}, AnswerImpossible),
    ({"price": 6000.0}, AnswerImpossible),
    ({"amount": 0.6}, AnswerImpossible),
]


@pytest.mark.parametrize(("more", "kind"), [*TRADES, *OURS])
def test_odd_trades_of_an_order(more: dict[str, Any], kind: type[Exception]) -> None:
    for name, said in (("order_look", (answer(), [trade(**more)])), ("order_trades", [trade(**more)])):
        error, reported = asked(name, said, ORDER, *(["77"] if name == "order_trades" else []))
        assert type(error) is kind and len(reported) == 1


@pytest.mark.parametrize(("more", "kind"), [*TRADES, ({"side": None}, AnswerUnreadable)])
def test_odd_trades_of_an_account(more: dict[str, Any], kind: type[Exception]) -> None:
    error, reported = asked("trades_since", [trade(id="0"), trade(**more)], "BTC/USDT", AT)
    assert type(error) is kind and len(reported) == 1


@pytest.mark.parametrize(("average", "fits"), [(64000.0, True), (63990.0, True), (0.064, False), (None, True)])
def test_an_orders_average_price_is_that_of_its_trades(average: float | None, fits: bool) -> None:
    """Also where the decision saw no quote and a trade does not say what it was worth."""
    order = replace(ORDER, reference_price=Decimal(0), type=OrderType.MARKET, price=None)
    rows = [trade(amount=0.2), trade(id="2", amount=0.3), trade(id="2", amount=0.3)]
    looked, _ = asked("order_look", (answer(average=average), rows), order)
    created, _ = asked("order_create", answer(average=average, trades=rows), order, None)
    assert isinstance(looked, AnswerImpossible) is isinstance(created, AnswerImpossible) is not fits


def test_an_average_of_more_than_is_told_yet_says_nothing() -> None:
    found, _ = asked("order_look", (answer(average=1.0), [trade(amount=0.2)]), ORDER)
    assert not isinstance(found, Exception)


def test_trades_that_come_to_more_than_was_ordered_or_differ_under_one_id() -> None:
    for rows in ([trade(), trade(id="2")], [trade(amount=0.1), trade(amount=0.2)]):
        assert type(asked("order_trades", rows, ORDER, "77")[0]) is AnswerImpossible


@pytest.mark.parametrize(
    ("totals", "kind"),
    [
        ([], AnswerUnreadable),
        ({"": Decimal(1)}, AnswerUnreadable),
        ({7: Decimal(1)}, AnswerUnreadable),
        ({"A" * 17: Decimal(1)}, AnswerUnreadable),
        ({"BTC": Decimal("-0.1")}, AnswerImpossible),
        ({"BTC": Decimal("Infinity")}, AnswerImpossible),
        ({"BTC": Decimal("1e30")}, AnswerImpossible),
        ({"BTC": Decimal("NaN")}, AnswerUnreadable),
    ],
)
def test_odd_balances(totals: Any, kind: type[Exception]) -> None:
    error, reported = asked("balances", totals)
    assert type(error) is kind and len(reported) == 1
    assert asked("balances", {"USDT": Decimal(5), "币安": Decimal(0)})[1] == []


@pytest.mark.parametrize("rows", [None, {}, [{}], [answer(symbol="ETH/USDT")], [answer(filled="x")]])
def test_odd_lists_of_orders(rows: Any) -> None:
    error, reported = asked("orders_open", rows, ["BTC/USDT"])
    assert isinstance(error, AnswerUnreadable) and len(reported) == 1


@pytest.mark.parametrize("bug", [ValueError("x"), TypeError("x"), KeyError("x"), AttributeError("x"), OverflowError()])
def test_what_a_parser_stumbles_over_is_unreadable(bug: Exception) -> None:
    error, reported = asked("order_create", bug, ORDER, None)
    assert type(error) is AnswerUnreadable and "does not parse" in reported[0].text


def test_what_the_exchange_says_clearly_is_no_odd_answer() -> None:
    error, reported = asked("order_create", ExchangeRefused("too small"), ORDER, None)
    assert type(error) is ExchangeRefused and reported == []


def test_what_was_said_is_kept_without_secrets_and_shortened() -> None:
    secrets_remember(["canary-key-of-this-test"])
    info = {"status": "ODD", "echo": "canary-key-of-this-test", "signature": "ab12cd", "long": "x" * 9000}
    _, reported = asked("order_create", answer(status="ODD", info=info), ORDER, None)
    assert reported[0].raw.startswith('{"status": "ODD"') and len(reported[0].raw) == 4000
    assert "canary" not in reported[0].raw and "ab12cd" not in reported[0].raw


def test_a_time_ahead_within_reason_is_a_clock_that_differs() -> None:
    soon = int((AT + timedelta(hours=1)).timestamp() * 1000)
    assert asked("order_trades", [trade(timestamp=soon)], ORDER, "77")[1] == []


def test_an_accepted_fee_gets_through_everywhere_and_no_other() -> None:
    odd = TradeFee("BTC/USDT", "1", "buy", Decimal(64000), Decimal("0.5"), Decimal("0.061"), "BTC")
    info = {"price": "64000.0", "qty": "0.5", "commission": "0.061", "commissionAsset": "BTC"}
    said = trade(fee={"cost": 0.061, "currency": "BTC"}, info=info)
    reported: list[Any] = []

    def asking(*accepted: TradeFee) -> CheckedExchange:
        return CheckedExchange(Scripted([said]), reported.append, lambda fee: fee in accepted)

    with pytest.raises(FeeImpossible, match="out of all proportion"):
        asking(replace(odd, fee=Decimal("0.06"))).trades_since("BTC/USDT", AT)
    assert reported[0].fee == odd and "accept the fee" in reported[0].advice
    with pytest.raises(AnswerImpossible, match="more than was ordered"):  # whatever else is wrong comes first
        CheckedExchange(Scripted([said, trade(id="2")]), reported.append, lambda _fee: True).order_trades(ORDER, "77")
    reported.clear()
    assert asking(odd).trades_since("BTC/USDT", AT) == asking(odd).order_trades(ORDER, "77") == [said]
    look = CheckedExchange(Scripted((answer(trades=[said]), [said])), reported.append, lambda fee: fee == odd)
    assert look.order_look(ORDER)[1] == [said] and reported == []
