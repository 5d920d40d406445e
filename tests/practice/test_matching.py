"""Matching and money: nothing is made, nothing is lost, and a restart changes nothing."""

import contextlib
import tempfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.practice.markets import Clock, small_exchange, small_market
from trading.practice import desk
from trading.practice.accounts import Account
from trading.practice.errors import ApiError
from trading.practice.exchange import Exchange
from trading.practice.orders import STOP_TYPES, Entry, Fill, Order
from trading.practice.params import Params

MARKET = small_market()
RIGHTS = frozenset({"spot", "read"})
FUNDS = {"USDT": Decimal(100_000), "AAA": Decimal(4), "ZZZ": Decimal(10**10)}
LIMITS = ("LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def exchange(tmp_path: Path, clock: Clock) -> Exchange:
    made = small_exchange(tmp_path / "state.sqlite3", clock, MARKET)
    for key in ("first-key", "second-key"):
        made.account_put(key, "secret", RIGHTS, FUNDS)
    return made


def owner(exchange: Exchange, key: str = "first-key") -> Account:
    return exchange.by_key[key]


def place(exchange: Exchange, key: str = "first-key", **values) -> tuple[Order, list[Fill]]:
    values = {"symbol": "AAAUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"} | values
    if values["type"] not in LIMITS or values["type"] == "LIMIT_MAKER":
        values.pop("timeInForce")
    return desk.order_place(exchange, owner(exchange, key), Params(values))


def near(exchange: Exchange, part: str, symbol: str = "AAAUSDT") -> Decimal:
    """A price on the grid at ``part`` of the market's."""
    listing = exchange.market.listings[symbol]
    price = exchange.market.last_price(symbol, exchange.clock()) * Decimal(part)
    return max(listing.tick, price // listing.tick * listing.tick)


def check_money(exchange: Exchange) -> None:
    """Balances are the sum of the ledger, reserves are what open orders hold, nothing is below zero."""
    for account in exchange.accounts.values():
        total: defaultdict[str, Decimal] = defaultdict(Decimal)
        for entry in exchange.store.select(Entry, "account = ?", (account.id,)):
            if entry.kind != "order":
                total[entry.asset] += entry.amount
        held: defaultdict[str, Decimal] = defaultdict(Decimal)
        for order in exchange.open_orders(account):
            held[exchange.books.asset(order)] += order.lock
            assert order.executed <= order.qty and order.lock >= 0
        for asset in total | account.free:
            assert account.free[asset] >= 0 and account.locked[asset] >= 0
            assert account.free[asset] + account.locked[asset] == total[asset]
            assert account.locked[asset] == held[asset]


def check_fills(exchange: Exchange) -> None:
    """Every order executed what its fills say, at prices it allowed, under ids that increase."""
    fills = list(exchange.store.select(Fill, "1 ORDER BY rowid"))
    assert [fill.id for fill in fills] == sorted({fill.id for fill in fills})
    for order in exchange.store.select(Order, "1"):
        mine = [fill for fill in fills if fill.order_id == order.id]
        assert sum((fill.qty for fill in mine), Decimal(0)) == order.executed
        assert sum((fill.quote for fill in mine), Decimal(0)) == order.cum_quote
        assert all(order.crosses(fill.price) for fill in mine)


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(("place", "place", "place", "cancel", "wait", "oco")),
        st.sampled_from(("first-key", "second-key")),
        st.sampled_from(("AAAUSDT", "ZZZUSDT")),
        st.sampled_from(("BUY", "SELL")),
        st.sampled_from(("LIMIT", "LIMIT_MAKER", "MARKET", "QUOTE", *STOP_TYPES)),
        st.sampled_from(("GTC", "IOC", "FOK")),
        st.sampled_from(("0.98", "0.995", "0.9995", "1", "1.0005", "1.004", "1.02")),
        st.integers(6, 60_000),
    ),
    max_size=25,
)


def act(exchange: Exchange, clock: Clock, action: tuple) -> None:
    what, key, symbol, side, kind, tif, part, size = action
    account, price = owner(exchange, key), near(exchange, part, symbol)
    qty = exchange.market.listings[symbol].whole_lots(size / price)
    if what == "wait":
        clock.now += size
        exchange.tick()
    elif what == "cancel":
        for order in exchange.open_orders(account)[:1]:
            desk.order_cancel(exchange, account, Params({"symbol": order.symbol, "orderId": order.id}))
    elif what == "oco":
        above, below = near(exchange, "1.003", symbol), near(exchange, "0.997", symbol)
        limit, stop = (above, below) if side == "SELL" else (below, above)
        shared = {"symbol": symbol, "side": side, "quantity": qty}
        legs = (
            Params(shared | {"type": "LIMIT_MAKER", "price": limit}),
            Params(shared | {"type": "STOP_LOSS_LIMIT", "price": stop, "stopPrice": stop, "timeInForce": "GTC"}),
        )
        desk.oco_place(exchange, account, Params(shared), legs)
    elif kind == "QUOTE":
        place(exchange, key, symbol=symbol, side=side, type="MARKET", quoteOrderQty=size)
    else:
        stop = {"stopPrice": near(exchange, part, symbol)} if kind in STOP_TYPES else {}
        place(exchange, key, symbol=symbol, side=side, type=kind, timeInForce=tif, quantity=qty, price=price, **stop)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(ACTIONS)
def test_money_is_conserved_whatever_happens(actions):
    with tempfile.TemporaryDirectory() as folder:
        path, clock = Path(folder) / "state.sqlite3", Clock()
        exchange = small_exchange(path, clock, MARKET)
        for key in ("first-key", "second-key"):
            exchange.account_put(key, "secret", RIGHTS, FUNDS)
        for action in actions:
            with contextlib.suppress(ApiError):
                act(exchange, clock, action)
            check_money(exchange)
        check_fills(exchange)
        exchange.store.close()
        again = small_exchange(path, clock, MARKET)
        check_money(again)
        for id, account in exchange.accounts.items():
            assert again.accounts[id].assets() == account.assets()
            assert {a: again.accounts[id].free[a] for a in account.assets()} == {
                a: account.free[a] for a in account.assets()
            }
        again.store.close()


def test_a_large_market_order_walks_the_book(exchange):
    book = exchange.market.book_at("AAAUSDT", exchange.clock(), 5)
    listing = exchange.market.listings["AAAUSDT"]
    wanted = listing.qty(book.asks[0][1] + book.asks[1][1] + 1)
    order, fills = place(exchange, type="MARKET", quantity=wanted)
    assert order.status == "FILLED"
    assert [fill.price for fill in fills] == [listing.price(ticks) for ticks, _ in book.asks[:3]]
    assert fills[0].fee == fills[0].qty * Decimal("0.001") and fills[0].fee_asset == "AAA"


def test_what_was_taken_is_gone_until_the_book_changes(exchange, clock):
    listing = exchange.market.listings["AAAUSDT"]
    book = exchange.market.book_at("AAAUSDT", clock(), 2)
    place(exchange, type="MARKET", quantity=listing.qty(book.asks[0][1]))
    _, fills = place(exchange, "second-key", type="MARKET", quantity=listing.lot * 100)
    assert fills[0].price == listing.price(book.asks[1][0])
    clock.now += 250
    _, fills = place(exchange, "second-key", type="MARKET", quantity=listing.lot * 100)
    assert fills[0].price == listing.price(exchange.market.book_at("AAAUSDT", clock(), 1).asks[0][0])


def test_a_resting_order_waits_for_the_queue_and_fills_in_parts(exchange, clock):
    listing, account = exchange.market.listings["AAAUSDT"], owner(exchange)
    bid = exchange.market.book_at("AAAUSDT", clock(), 1).bids[0]
    order, fills = place(exchange, price=listing.price(bid[0]), quantity=Decimal(1))
    assert not fills and order.ahead == listing.qty(bid[1])
    states = set()
    for _ in range(4000):
        clock.now += 250
        exchange.tick()
        states.add(order.status)
        if not order.live:
            break
    assert order.status == "FILLED" and "PARTIALLY_FILLED" in states
    fills = list(exchange.store.select(Fill, "account = ?", (account.id,)))
    assert len(fills) > 1 and all(fill.maker and fill.price == order.price for fill in fills)


def test_users_trade_with_each_other_by_price_then_time(exchange, clock):
    listing = exchange.market.listings["AAAUSDT"]
    book = exchange.market.book_at("AAAUSDT", clock(), 1)
    inside = listing.price(book.asks[0][0]) - listing.tick  # better than the market's own ask
    first, _ = place(exchange, side="SELL", price=inside, quantity=Decimal("0.01"))
    second, _ = place(exchange, side="SELL", price=inside, quantity=Decimal("0.01"))
    taker, fills = place(exchange, "second-key", price=inside, quantity=Decimal("0.015"))
    assert taker.status == "FILLED" and {fill.price for fill in fills} == {inside}
    assert first.status == "FILLED" and second.status == "PARTIALLY_FILLED"
    own, fills = place(exchange, price=inside, quantity=Decimal("0.005"), timeInForce="IOC")
    assert second.status == "EXPIRED_IN_MATCH" and own.status == "EXPIRED" and not fills


def test_ioc_fok_and_post_only(exchange, clock):
    listing = exchange.market.listings["AAAUSDT"]
    ask = exchange.market.book_at("AAAUSDT", clock(), 1).asks[0]
    price, depth = listing.price(ask[0]), listing.qty(ask[1])
    order, fills = place(exchange, price=price, quantity=depth + 1, timeInForce="FOK")
    assert order.status == "EXPIRED" and not fills
    order, fills = place(exchange, price=price, quantity=depth + listing.lot, timeInForce="IOC")
    assert order.status == "EXPIRED" and order.executed == depth
    clock.now += 250
    with pytest.raises(ApiError, match="immediately match"):
        place(exchange, type="LIMIT_MAKER", price=near(exchange, "1.01"), quantity=Decimal("0.01"))
    check_money(exchange)


def test_a_stop_triggers_on_the_tape(exchange, clock):
    stop, _ = place(exchange, side="SELL", type="STOP_LOSS", stopPrice=near(exchange, "0.998"), quantity=Decimal("0.1"))
    limit = {"stopPrice": near(exchange, "0.998"), "price": near(exchange, "0.99")}
    other, _ = place(exchange, side="SELL", type="STOP_LOSS_LIMIT", quantity=Decimal("0.1"), **limit)
    assert not stop.working
    for _ in range(400):
        clock.now += 1000
        exchange.tick()
    assert stop.status == other.status == "FILLED" and stop.working and other.working
    check_money(exchange)
    with pytest.raises(ApiError, match="trigger immediately"):
        place(exchange, side="SELL", type="STOP_LOSS", stopPrice=near(exchange, "1.01"), quantity=Decimal("0.1"))


@pytest.mark.parametrize("side", ("BUY", "SELL"))
def test_only_one_leg_of_an_oco_executes(exchange, clock, side):
    act(exchange, clock, ("oco", "first-key", "AAAUSDT", side, "", "", "1", 500))
    legs = exchange.open_orders(owner(exchange))
    assert len(legs) == 2
    for _ in range(900):
        clock.now += 1000
        exchange.tick()
        check_money(exchange)
    filled = [leg for leg in legs if leg.executed]
    assert len(filled) == 1 and {leg.status for leg in legs} == {"FILLED", "EXPIRED"}
    assert not exchange.engine.lists


def test_an_outage_changes_no_fill(tmp_path, clock):
    paths = [tmp_path / name for name in ("steady", "down")]
    exchanges = [small_exchange(path, clock, MARKET) for path in paths]
    for exchange in exchanges:
        exchange.account_put("first-key", "secret", RIGHTS, FUNDS)
        for part in ("0.999", "0.997", "0.995"):
            place(exchange, price=near(exchange, part), quantity=Decimal("0.7"))
        place(exchange, side="SELL", price=near(exchange, "1.003"), quantity=Decimal("2"))
    exchanges[1].store.close()
    for _ in range(1200):
        clock.now += 250
        exchanges[0].tick()
    exchanges[1] = small_exchange(paths[1], clock, MARKET)
    seen = [
        [(f.order_id, f.price, f.qty, f.time, f.fee) for f in exchange.store.select(Fill, "1 ORDER BY id")]
        for exchange in exchanges
    ]
    assert seen[0] and seen[0] == seen[1]
    check_money(exchanges[1])


def test_the_ledger_cannot_be_rewritten(exchange):
    place(exchange, type="MARKET", quantity=Decimal("0.01"))
    for table in ("ledger", "fills"):
        for change in (f"DELETE FROM {table}", f"UPDATE {table} SET account = 2"):
            with pytest.raises(Exception, match="append-only"):
                exchange.store._db.execute(change)


def test_a_client_id_may_return_once_its_order_is_closed(exchange):
    far = {"price": near(exchange, "0.5"), "quantity": Decimal("0.01"), "newClientOrderId": "mine-1"}
    first, _ = place(exchange, **far)
    with pytest.raises(ApiError, match=r"Duplicate order sent\."):
        place(exchange, **far)
    desk.order_cancel(exchange, owner(exchange), Params({"symbol": "AAAUSDT", "origClientOrderId": "mine-1"}))
    second, _ = place(exchange, **far)
    assert exchange.order_find(owner(exchange), "AAAUSDT", None, "mine-1").id == second.id > first.id
