"""A stop at Bybit is one order under one id: what each state means, where it is looked for, and what is sent."""

import asyncio

import pytest

from accounts.exchanges.lean_ccxt import client_class
from accounts.exchanges.quirks import bybit_stops, quirks_for

STOP = {
    "orderId": "7", "orderLinkId": "ours", "symbol": "ETHUSDT", "side": "Sell", "orderType": "Market", "qty": "2",
    "stopOrderType": "Stop", "triggerPrice": "99", "timeInForce": "IOC", "marketUnit": "baseCoin", "cumExecQty": "0",
    "cumExecValue": "0", "leavesQty": "2", "orderStatus": "Untriggered",
}  # fmt: skip
TRADE = {"id": "t1", "order": "7", "amount": 1.5, "price": 99.0, "side": "sell",
         "info": {"orderLinkId": "ours", "execQty": "1.5"}}  # fmt: skip
MARKET = {"id": "ETHUSDT", "symbol": "ETH/USDT", "type": "spot", "spot": True, "option": False, "linear": None,
          "inverse": None, "contract": False, "base": "ETH", "quote": "USDT", "settle": None,
          "precision": {"amount": 0.0001, "price": 0.01}, "limits": {}}  # fmt: skip


class Client:
    """Lists by name and kind of orders ("all" where none is named)."""

    def __init__(self, trades=(), **lists):
        self.trades, self.lists, self.asked = list(trades), lists, []
        self.parser = client_class("bybit")()

    def market(self, _symbol):
        return MARKET

    def parse_order(self, row, market):
        return self.parser.parse_order(row, market)

    async def fetch_order_trades(self, order_id, _symbol, _since=None, _limit=None, _params=None):
        return [trade for trade in self.trades if order_id in (None, trade["order"])]

    async def _list(self, name, asked):
        self.asked.append(f"{name} {asked.get('orderFilter', 'all')}")
        return {"result": {"list": self.lists.get(f"{name}_{asked.get('orderFilter', 'all')}", [])}}

    async def privateGetV5OrderRealtime(self, asked):
        return await self._list("realtime", asked)

    async def privateGetV5OrderHistory(self, asked):
        return await self._list("history", asked)


def told(client):
    return asyncio.run(bybit_stops.look(client, "7", "ours", "ETH/USDT"))


@pytest.mark.parametrize(
    ("state", "sold", "status"),
    [
        ("Untriggered", "0", "open"),
        ("Triggered", "0", "open"),
        ("New", "0", "open"),
        ("PartiallyFilled", "0.5", "open"),
        ("Filled", "2", "closed"),
        ("PartiallyFilledCanceled", "0.5", "closed"),
        ("Deactivated", "0", "canceled"),
        ("Cancelled", "0", "canceled"),
        ("Rejected", "0", "rejected"),
    ],
)
def test_what_a_stop_came_to(state, sold, status):
    found = told(Client(realtime_all=[STOP | {"orderStatus": state, "cumExecQty": sold}]))
    assert (found["id"], found["clientOrderId"], found["status"]) == ("7", "ours", status)
    assert (found["filled"], found["amount"]) == (float(sold), 2.0)


def test_its_sales_are_those_of_its_own_id():
    sold = STOP | {"orderStatus": "Filled", "cumExecQty": "2", "leavesQty": "0"}
    assert told(Client(trades=[TRADE, {**TRADE, "order": "8"}], realtime_all=[sold]))["trades"] == [TRADE]


@pytest.mark.parametrize("where", ["realtime_all", "realtime_StopOrder", "history_all", "history_StopOrder"])
def test_it_is_found_wherever_it_is_listed(where):
    others = [{**STOP, "orderId": "6", "orderLinkId": "other"}]  # an exchange that looks past the id that it was given
    assert told(Client(**{"realtime_all": others, where: [*others, STOP]}))["id"] == "7"


def test_it_is_absent_when_no_list_has_it():
    client = Client(realtime_all=[{**STOP, "orderLinkId": "other"}])
    assert told(client) is None
    assert client.asked == ["realtime all", "realtime StopOrder", "history all", "history StopOrder"]


def test_what_rested_for_longer_than_lists_go_back_is_told_by_its_sales():
    rest = {**TRADE, "id": "t2", "amount": 0.5, "info": {"orderLinkId": "ours", "execQty": "0.5"}}
    others = {**TRADE, "id": "t3", "order": "8", "info": {"orderLinkId": "other", "execQty": "5"}}
    found = told(Client(trades=[TRADE, others, rest]))
    assert (found["id"], found["status"], found["filled"]) == ("7", "closed", "2.0")
    assert found["trades"] == [TRADE, rest]
    assert told(Client(trades=[others])) is None


def test_what_is_no_answer_is_not_taken_for_absence():
    class Broken(Client):
        async def privateGetV5OrderHistory(self, _asked):
            raise TimeoutError

    with pytest.raises(TimeoutError):
        told(Broken())


class Sending:
    """ccxt's own client, as far as the request."""

    def __init__(self):
        self.sent = []
        self.own = client_class("bybit")({"apiKey": "k", "secret": "s"})
        self.own.markets, self.own.markets_by_id = {"ETH/USDT": MARKET}, {"ETHUSDT": [MARKET]}
        self.own.options |= {"enableUnifiedMargin": False, "enableUnifiedAccount": True, "defaultType": "spot"}
        self.own.options["unifiedMarginStatus"] = 6
        self.own.privatePostV5OrderCreate = self.own.privatePostV5OrderCancel = self._kept

    async def _kept(self, request):
        self.sent.append(request)
        return {"result": {"orderId": "7", "orderLinkId": "ours"}}


def test_what_is_sent_is_a_conditional_order_of_base_coin_without_a_direction():
    client = Sending()
    answer = asyncio.run(bybit_stops.create(client.own, "ETH/USDT", "2", "99", "ours"))
    assert answer["id"] == "7"
    assert client.sent == [
        {"category": "spot", "symbol": "ETHUSDT", "side": "Sell", "orderType": "Market", "orderFilter": "StopOrder",
         "orderLinkId": "ours", "marketUnit": "baseCoin", "qty": "2", "triggerPrice": "99"}
    ]  # fmt: skip


@pytest.mark.parametrize(("order_id", "named"), [("7", {"orderId": "7"}), ("", {"orderLinkId": "ours"})])
def test_it_is_cancelled_among_the_stops(order_id, named):
    client = Sending()
    asyncio.run(bybit_stops.cancel(client.own, order_id, "ours", "ETH/USDT"))
    assert client.sent == [{"category": "spot", "symbol": "ETHUSDT", "orderFilter": "StopOrder", **named}]


def test_other_orders_are_looked_up_by_whichever_id_is_known():
    client = Client(history_all=[{**STOP, "stopOrderType": "", "orderStatus": "Filled"}])
    look = quirks_for("bybit").order_look
    assert asyncio.run(look(client, "7", "ours", "ETH/USDT"))["id"] == "7"
    assert asyncio.run(look(client, "8", "ours", "ETH/USDT")) is None
    assert asyncio.run(look(client, "", "ours", "ETH/USDT"))["id"] == "7"
