"""A stop at OKX between its firing and what is shown of it: it is open until its sales are known, and never absent."""

import asyncio

import pytest

from accounts.exchanges.errors import AnswerUnreadable
from accounts.exchanges.lean_ccxt import client_class
from accounts.exchanges.quirks import okx_stops

STOP = {"algoId": "7", "algoClOrdId": "ours", "instId": "ETH-USDT", "ordType": "conditional", "side": "sell", "sz": "2"}
TRADE = {"id": "t1", "order": "87", "amount": 2.0, "price": 99.0, "side": "sell"}


class OrderNotFound(Exception):
    """As ccxt calls it."""


class Client:
    """Pages by name; what is not given is not there."""

    def __init__(self, trades=(), **pages):
        self.trades, self.pages = list(trades), pages
        self.parser = client_class("okx")()

    def market(self, symbol):
        return {"id": symbol.replace("/", "-"), "symbol": symbol, "spot": True}

    def parse_order(self, row, market):
        return self.parser.parse_order(row, self.parser.safe_market(market["id"]))

    async def fetch_order_trades(self, order_id, _symbol, _since=None, _limit=None, _params=None):
        return [trade for trade in self.trades if trade["order"] == order_id]

    def __getattr__(self, name):
        async def page(_asked):
            if name not in self.pages:
                raise OrderNotFound(name)
            return {"data": self.pages[name]}

        return page


def told(client, order_id="7"):
    return asyncio.run(okx_stops.look(client, order_id, "ours", "ETH/USDT"))


def child(state, sold):
    return [{"ordId": "87", "algoId": "7", "state": state, "accFillSz": sold}]


@pytest.mark.parametrize(
    ("stop", "order", "status", "filled"),
    [
        ({"state": "live"}, None, "open", "0"),
        ({"state": "pause"}, None, "open", "0"),
        ({"state": "effective"}, None, "open", "0"),
        ({"state": "effective", "ordId": "87"}, None, "open", "0"),
        ({"state": "effective", "ordIdList": ["87"]}, child("live", "0"), "open", "0"),
        ({"state": "effective", "ordIdList": ["87"]}, child("partially_filled", "0.5"), "open", "0.5"),
        ({"state": "effective", "ordIdList": ["87"]}, child("filled", "2"), "closed", "2"),
        ({"state": "effective", "ordIdList": ["87"]}, child("canceled", "0.5"), "canceled", "0.5"),
        ({"state": "order_failed"}, None, "canceled", "0"),
        ({"state": "canceled"}, None, "canceled", "0"),
    ],
)
def test_what_a_stop_came_to(stop, order, status, filled):
    pages = {"privateGetTradeOrderAlgo": [STOP | stop]} | ({} if order is None else {"privateGetTradeOrder": order})
    found = told(Client(**pages))
    assert (found["id"], found["clientOrderId"], found["status"], found["filled"]) == ("7", "ours", status, filled)


@pytest.mark.parametrize("odd", ["odd", "", None, 7])
def test_in_a_state_that_nobody_knows_it_has_not_ended(odd):
    with pytest.raises(AnswerUnreadable):
        told(Client(privateGetTradeOrderAlgo=[STOP | {"state": odd}]))
    fired = STOP | {"state": "effective", "ordIdList": ["87"]}
    with pytest.raises(AnswerUnreadable):
        told(Client(privateGetTradeOrderAlgo=[fired], privateGetTradeOrder=child(odd, "0.5")))


def test_its_sales_are_told_under_its_own_id():
    stop = STOP | {"state": "effective", "ordIdList": ["87"]}
    pages = {"privateGetTradeOrderAlgo": [stop], "privateGetTradeOrder": child("filled", "2")}
    found = told(Client(trades=[TRADE], **pages))
    assert found["trades"] == [{**TRADE, "order": "7"}]


@pytest.mark.parametrize("listed", ["privateGetTradeOrdersAlgoPending", "privateGetTradeOrdersAlgoHistory"])
def test_it_is_found_by_our_id_where_its_own_page_is_not_there(listed):
    found = told(Client(**{listed: [{**STOP, "algoId": "6", "algoClOrdId": "other"}, STOP | {"state": "live"}]}), "")
    assert found["id"] == "7"


def test_it_is_absent_when_no_list_has_it():
    assert told(Client(), "") is None


def test_an_order_names_the_stop_that_sent_it_in_the_list_or_on_its_page():
    rows = [{"ordId": "87", "algoId": "7"}, {"ordId": "88", "algoId": ""}]
    client = Client(privateGetTradeOrdersHistory=rows, privateGetTradeOrder=[{"ordId": "89", "algoId": "9"}])
    found = asyncio.run(okx_stops.parents(client, "ETH/USDT", {"87", "88", "89"}))
    assert found == {"87": "7", "89": "9"}


def test_what_is_no_answer_is_not_taken_for_absence():
    class Broken(Client):
        def __getattr__(self, name):
            async def page(_asked):
                raise TimeoutError

            return page

    with pytest.raises(TimeoutError):
        told(Broken(), "")
