"""A pair at Binance: one order, whichever of its legs is shown, sells or is gone; it is open until both are known."""

import asyncio

import pytest

from accounts.exchanges.errors import AnswerUnreadable
from accounts.exchanges.quirks import binance_pairs as pairs

TRADE = {"id": "t1", "order": "72", "amount": 2.0, "price": 110.0, "side": "sell", "info": {"orderListId": "9"}}


class OrderNotFound(Exception):
    """As ccxt calls it."""


def leg(letter, status="open", filled=0.0, number="9", name="ours"):
    order_id = {"t": "72", "s": "73"}[letter]
    own = {"id": order_id, "clientOrderId": f"{name}-{letter}", "status": status, "filled": filled, "amount": 2.0}
    return {**own, "symbol": "ETH/USDT", "side": "sell", "info": {"orderListId": number}}


class Client:
    """Pages of single orders by our id, and lists."""

    def __init__(self, *shown, listed=(), closed=(), trades=()):
        self.shown, self.listed, self.closed, self.trades = shown, list(listed), list(closed), list(trades)

    async def fetch_order(self, order_id, _symbol, asked):
        assert order_id is None
        for row in self.shown:
            if row["clientOrderId"] == asked["clientOrderId"]:
                return row
        raise OrderNotFound("Order does not exist.")

    async def fetch_open_orders(self, _symbol):
        return self.listed

    async def fetch_orders(self, _symbol):
        return self.closed

    async def fetch_order_trades(self, order_id, _symbol, _since=None, _limit=None, _params=None):
        return [trade for trade in self.trades if trade["order"] == order_id]


def told(client):
    return asyncio.run(pairs.look(client, "", "ours", "ETH/USDT"))


@pytest.mark.parametrize(
    ("legs", "status", "filled"),
    [
        ([leg("t"), leg("s")], "open", "0.0"),
        ([leg("t")], "open", "0.0"),
        ([leg("t", "expired")], "open", "0.0"),  # the other is not shown yet: it may be selling
        ([leg("t", "expired"), leg("s")], "open", "0.0"),
        ([leg("t", "open", 0.5), leg("s", "expired")], "open", "0.5"),
        ([leg("t", "closed", 2.0), leg("s", "expired")], "closed", "2.0"),
        ([leg("t", "expired"), leg("s", "closed", 2.0)], "closed", "2.0"),
        ([leg("t", "canceled", 0.5), leg("s", "expired")], "canceled", "0.5"),
        ([leg("t", "canceled"), leg("s", "canceled")], "canceled", "0.0"),
    ],
)
def test_what_a_pair_came_to(legs, status, filled):
    found = told(Client(*legs))
    assert (found["id"], found["clientOrderId"]) == ("list-9", "ours")
    assert (found["status"], float(found["filled"])) == (status, float(filled))


def test_its_sales_are_told_under_its_own_id():
    client = Client(leg("t", "closed", 2.0), leg("s", "expired"), trades=[TRADE])
    assert told(client)["trades"] == [{**TRADE, "order": "list-9"}]
    rows = [TRADE, {**TRADE, "id": "t2", "order": "5", "info": {"orderListId": "-1"}}]
    assert [row["order"] for row in asyncio.run(pairs.trades_told(client, "ETH/USDT", rows))] == ["list-9", "5"]


@pytest.mark.parametrize("where", ["listed", "closed"])
def test_it_is_found_in_the_lists_where_its_legs_own_pages_are_not_there(where):
    found = told(Client(**{where: [leg("t", name="other", number="8"), leg("t"), leg("s")]}))
    assert (found["id"], found["status"]) == ("list-9", "open")


def test_it_is_absent_when_no_list_has_it():
    assert told(Client(listed=[leg("t", name="other")])) is None


def test_two_legs_are_one_open_order_and_what_stands_alone_stays_so():
    alone = {"id": "5", "clientOrderId": "web", "status": "open", "filled": 0.0, "info": {"orderListId": -1}}
    rows = [leg("t", "open", 0.5), alone, leg("s")]
    found = asyncio.run(pairs.open_too(Client(), "ETH/USDT", rows))
    assert [(row["id"], row["clientOrderId"]) for row in found] == [("list-9", "ours"), ("5", "web")]
    assert float(found[0]["filled"]) == 0.5 and found[1] is alone


def test_what_is_no_answer_is_not_taken_for_absence():
    class Broken(Client):
        async def fetch_order(self, *_):
            raise TimeoutError

    with pytest.raises(TimeoutError):
        told(Broken())


@pytest.mark.parametrize("answer", [{}, [], "", {"orderReports": []}, {"orderReports": "two"}])
def test_an_answer_that_names_no_legs_says_nothing_of_what_was_placed(answer):
    class Garbled(Client):
        def market(self, symbol):
            return {"id": "ETHUSDT"}

        async def privatePostOrderListOco(self, asked):
            assert asked["quantity"] == "2" and asked["listClientOrderId"] == "ours"
            return answer

    assert asyncio.run(pairs.create(Garbled(), "ETH/USDT", "2", "90", "110", "ours")) is answer


@pytest.mark.parametrize(
    "odd", [{"status": "odd"}, {"status": None}, {"symbol": "BTC/USDT"}, {"side": "buy"}, {"amount": 3.0}]
)
def test_of_legs_that_do_not_fit_each_other_nothing_is_believed(odd):
    with pytest.raises(AnswerUnreadable):
        told(Client(leg("t", "canceled"), leg("s", "canceled") | odd))
    with pytest.raises(AnswerUnreadable):
        told(Client(leg("t"), leg("s", number="10")))


@pytest.mark.parametrize("said", [None, "abc", -2, "", 1.5, []])
def test_a_list_that_is_no_number_cannot_be_read(said):
    with pytest.raises(AnswerUnreadable, match="which order list"):
        asyncio.run(pairs.trades_told(Client(), "ETH/USDT", [{**TRADE, "info": {"orderListId": said}}]))
