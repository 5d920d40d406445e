"""Lists that come in pages are read to their end: many executions of one order, many trades and orders by hand."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.exchanges import pages
from accounts.exchanges.errors import AnswerUnreadable
from accounts.exchanges.loop import run
from accounts.exchanges.quirks import binance_lists, bybit_lists, quirks_for
from signals.services.setup import exchange_prepare
from tests.exchange.desk import Trader, streaming
from tests.exchange.test_other_binance import Place, place
from tests.exchange.test_wires import KEY, WIRES, Desk, look_again, wire
from trading.models import AccountCheck, Fill, LedgerEntry, Order
from trading.services import intents

__all__ = ["place", "wire"]  # fixtures
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
D = Decimal
MANY = 230  # more than two pages of any of the four


def findings() -> set[str]:
    return {one["kind"] for row in AccountCheck.objects.all() for one in row.findings}


@pytest.mark.parametrize("exchange", WIRES)
def test_an_order_with_hundreds_of_executions_is_accounted_whole(wire, exchange) -> None:
    desk = Desk(wire(exchange))
    desk.quotes_show()
    desk.other.parts = MANY
    position = desk.buy("PEPE/USDT")
    assert Fill.objects.count() == MANY
    desk.sell(position)
    desk.settled()
    assert Fill.objects.count() == 2 * MANY
    desk.ledgers_equal()


@pytest.mark.parametrize("exchange", WIRES)
def test_a_lost_answer_to_such_an_order_is_found_whole(wire, exchange) -> None:
    desk = Desk(wire(exchange))
    desk.quotes_show()
    desk.other.parts = MANY
    desk.wire.faults["reset"] = 1
    desk.buy("PEPE/USDT")
    assert Fill.objects.count() == MANY
    desk.ledgers_equal()


@pytest.mark.parametrize("exchange", WIRES)
def test_hundreds_of_trades_and_orders_by_hand_are_all_seen(wire, exchange) -> None:
    """Beside them our own order rests: it is neither lost among them nor does it keep the account from trading."""
    desk = Desk(wire(exchange))
    market = desk.wire.market("PEPEUSDT")
    desk.quotes_show()
    price = (market.bid * D("0.8")).quantize(market.tick)
    asked = {"bot": desk.bot, "symbol": "PEPE/USDT", "amount_quote": "60", "actor": desk.user}
    intents.entry_request(**asked, limit_price=str(price))
    desk.until(lambda: Order.objects.filter(status="active").exists())
    desk.other.accounts[KEY]["free"]["USDT"] += 9000
    by_hand = {"symbol": market.id, "side": "BUY", "price": str(price)}
    for _ in range(120):
        desk.other.order_new(KEY, {**by_hand, "type": "LIMIT", "quantity": str(market.lot * 9000)})
    desk.other.parts = MANY
    desk.other.order_new(KEY, {**by_hand, "type": "MARKET", "quantity": str(market.lot * 50_000)})
    for _ in range(3):
        look_again(desk)
    assert {"outside_trade", "outside_order"} <= findings() and "transfer" not in findings()
    assert LedgerEntry.objects.filter(reference__startswith="outside:", reference__endswith=":quote").count() == MANY
    checks = AccountCheck.objects.order_by("-pk")[:1].get()
    words = [one["text"] for one in checks.findings if one["kind"] == "outside_order"]
    assert len(words) == 120
    desk.other.parts = 0
    desk.sell(desk.buy("ETH/USDT"))


def test_an_order_of_more_executions_than_binance_lists_at_once(place) -> None:
    here: Place = place()
    exchange_prepare(exchange="binance")
    desk = Trader(here.other)
    here.other.parts = 2300
    with streaming():
        here.server.control(fault="reset")
        desk.buy("PEPE/USDT")
    assert Fill.objects.count() == 2300
    desk.ledgers_equal()


HOUR = 3_600_000
ROWS = [{"id": str(n), "timestamp": n // 4 * HOUR // 50, "info": {"id": str(n)}} for n in range(5000)]
NOW = ROWS[-1]["timestamp"]


class Client:
    """Binance and 5000 executions: by number upwards, of a time the first (or the `latest`), else the latest."""

    def __init__(self, *, latest: bool = False) -> None:
        self.latest, self.asked = latest, []

    async def fetch_my_trades(self, _symbol: str, since: int | None, _limit: None, params: dict[str, Any]) -> Any:
        self.asked.append({"since": since, **params})
        assert since is None or params.get("until", NOW) - since <= 24 * HOUR
        rows = [row for row in ROWS if (since or 0) <= row["timestamp"] <= params.get("until", NOW)]
        rows = [row for row in rows if int(row["id"]) >= params.get("fromId", 0)]
        upwards = "fromId" in params or (since is not None and not self.latest)
        return rows[: params["limit"]] if upwards else rows[-params["limit"] :]

    async def fetch_order_trades(self, _order_id: str, symbol: str, since: None, limit: None, params: Any) -> Any:
        return await self.fetch_my_trades(symbol, since, limit, params)


def ids(rows: list[Any]) -> set[str]:
    return {row["id"] for row in rows}


@pytest.mark.parametrize("latest", [False, True])
def test_binance_is_asked_for_a_day_at_a_time_and_goes_on_by_number(latest) -> None:
    client = Client(latest=latest)
    since = ROWS[999]["timestamp"]
    found = run(pages.trades_since(client, binance_lists.TRADES, "X/Y", since, NOW), timeout_s=5)
    assert ids(found) == {row["id"] for row in ROWS if row["timestamp"] >= since}
    assert len(client.asked) < 20


def test_an_order_is_read_from_its_first_execution_on() -> None:
    found = run(pages.order_trades(Client(), binance_lists.TRADES, "1", "X/Y", {}), timeout_s=5)
    assert ids(found) == ids(ROWS)


def test_one_page_is_one_request() -> None:
    client = Client()
    run(pages.trades_since(client, binance_lists.TRADES, "X/Y", NOW - HOUR, NOW), timeout_s=5)
    assert client.asked == [{"since": NOW - HOUR, "limit": 1000}]


def test_mexc_goes_on_by_time_and_says_when_it_cannot() -> None:
    mexc = quirks_for("mexc").trades
    rows = [{"id": str(n), "timestamp": n // 60} for n in range(400)]

    class Mexc:
        async def fetch_order_trades(self, *asked: Any) -> Any:
            begin, end = asked[-1].get("startTime", 0), asked[-1].get("endTime", NOW)
            return [row for row in rows if begin <= row["timestamp"] <= end][-100:]

    assert ids(run(pages.order_trades(Mexc(), mexc, "1", "X/Y", {}), timeout_s=5)) == ids(rows)
    for row in rows:
        row["timestamp"] = 7
    with pytest.raises(AnswerUnreadable, match="one millisecond"):
        run(pages.order_trades(Mexc(), mexc, "1", "X/Y", {}), timeout_s=5)


def test_a_list_without_an_end_is_no_list() -> None:
    class Endless:
        count = 0

        async def fetch_open_orders(self, *_: Any) -> Any:
            self.count += 1
            return [{"id": str(self.count), "info": {"nextPageCursor": str(self.count)}}]

    with pytest.raises(AnswerUnreadable, match="end"):
        run(pages.orders_open(Endless(), bybit_lists.OPEN_ORDERS, "X/Y"), timeout_s=5)


class Kucoin:
    """An account that is not a high-frequency one: its lists have numbered pages."""

    options = {"hf": False}

    async def fetch_open_orders(self, _symbol: str, _since: None, _limit: None, params: Any) -> Any:
        begin = (params["currentPage"] - 1) * params["pageSize"]
        return [{"id": str(n), "info": {}} for n in range(230)][begin : begin + params["pageSize"]]


def test_pages_with_numbers() -> None:
    found = run(pages.orders_open(Kucoin(), quirks_for("kucoin").open_orders, "X/Y"), timeout_s=5)
    assert len(ids(found)) == len(found) == 230
