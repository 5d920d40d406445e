"""Every list and every id: own rows only, filters, cursors, exact amounts, few queries."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.clock import now
from signals.models import Signal
from trading.models import Order

pytestmark = pytest.mark.django_db
OWNED = ["bots", "exchange-accounts", "intents", "orders", "fills", "positions", "trades"]
UNNAMED = ["stats", "equity", "balances"]
SHARED = ["signals", "strategies", "instruments", "models", "xray"]


def _ids(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def _row_id(person, name: str) -> str:
    row = {"bots": person.bot, "exchange-accounts": person.account}.get(name) or person.rows[name]
    return str(row.public_id)


@pytest.mark.parametrize("name", OWNED)
def test_lists_hold_the_users_own_rows(anna, ben, staff, name: str) -> None:
    own, other = _row_id(anna, name), _row_id(ben, name)
    assert own in _ids(anna.client.get(f"/api/{name}"))
    assert other not in _ids(anna.client.get(f"/api/{name}"))
    assert _ids(staff.get(f"/api/{name}")) == []
    assert {own, other} <= set(_ids(staff.get(f"/api/{name}?all=1")))
    refused = anna.client.get(f"/api/{name}?all=1")
    assert refused.status_code == 403
    assert "Only staff" in refused.json()["error"]["message"]


@pytest.mark.parametrize("name", OWNED)
def test_single_rows_are_the_users_own(anna, ben, name: str) -> None:
    assert anna.client.get(f"/api/{name}/{_row_id(anna, name)}").status_code == 200
    assert anna.client.get(f"/api/{name}/{_row_id(ben, name)}").status_code == 404


@pytest.mark.parametrize("name", UNNAMED)
def test_rows_without_ids_are_the_users_own(anna, ben, staff, name: str) -> None:
    assert len(anna.client.get(f"/api/{name}").json()["results"]) == 1
    assert len(staff.get(f"/api/{name}").json()["results"]) == 0
    assert len(staff.get(f"/api/{name}?all=1").json()["results"]) == 2


@pytest.mark.parametrize("name", SHARED)
def test_the_market_is_everybodys(anna, ben, name: str) -> None:
    assert anna.client.get(f"/api/{name}").json() == ben.client.get(f"/api/{name}").json()


POSTS = [
    ("bots", "start"),
    ("bots", "stop"),
    ("bots", "pause"),
    ("bots", "resume"),
    ("orders", "cancel"),
    ("positions", "close"),
    ("exchange-accounts", "verify"),
    ("exchange-accounts", "keys"),
    ("exchange-accounts", "pause"),
    ("exchange-accounts", "resume"),
    ("exchange-accounts", "attest"),
    ("exchange-accounts", "live"),
]


@pytest.mark.parametrize(("name", "verb"), POSTS)
def test_nobody_touches_what_is_anothers(anna, ben, name: str, verb: str) -> None:
    answer = anna.client.post(f"/api/{name}/{_row_id(ben, name)}/{verb}", {}, format="json")
    assert answer.status_code == 404


@pytest.mark.parametrize("name", ["bots", "exchange-accounts"])
def test_nobody_deletes_what_is_anothers(anna, ben, name: str) -> None:
    assert anna.client.delete(f"/api/{name}/{_row_id(ben, name)}").status_code == 404


def test_anothers_configuration(anna, ben) -> None:
    path = f"/api/trading/bots/{ben.bot.public_id}/config"
    assert anna.client.get(path).status_code == 404
    assert anna.client.put(path, {}, format="json").status_code == 404
    assert anna.client.patch(path, {}, format="json").status_code == 404
    assert anna.client.post(f"{path}/validate", {}, format="json").status_code == 404


def test_amounts_are_exact_text(anna) -> None:
    order = anna.client.get(f"/api/orders/{_row_id(anna, 'orders')}").json()
    assert (order["amount"], order["price"]) == ("123456789.123456789012", "0.000000000001")
    assert anna.client.get("/api/fills").json()["results"][0]["price"] == "1000000000000000"
    assert anna.client.get("/api/trades").json()["results"][0]["realised_pnl"] == "0.000000000001"
    assert anna.client.get("/api/stats").json()["results"][0]["realised_pnl"] == "1.5"
    assert anna.client.get("/api/signals").json()["results"][0]["close"] == "100000.01"


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 1),
        ("symbol=btc/usdt", 1),
        ("symbol=ETH/USDT", 0),
        ("status=active", 1),
        ("status=active&status=filled", 1),
        ("status=filled", 0),
        ("side=buy", 1),
        ("side=sell", 0),
        ("since=2020-01-01T00:00:00Z", 1),
        ("until=2020-01-01T00:00:00Z", 0),
        ("bot=00000000-0000-0000-0000-000000000000", 0),
    ],
)
def test_order_filters(anna, query: str, count: int) -> None:
    assert len(_ids(anna.client.get(f"/api/orders?{query}"))) == count


def test_filters_by_bot_account_and_order(anna) -> None:
    for query in (f"bot={anna.bot.public_id}", f"account={anna.account.public_id}"):
        for name in ("orders", "fills", "positions", "trades", "intents"):
            assert len(_ids(anna.client.get(f"/api/{name}?{query}"))) >= 1
    assert len(_ids(anna.client.get(f"/api/fills?order={_row_id(anna, 'orders')}"))) == 1
    assert len(anna.client.get(f"/api/equity?account={anna.account.public_id}").json()["results"]) == 1
    assert len(anna.client.get("/api/stats?since=2026-01-02&until=2026-01-03").json()["results"]) == 1
    assert len(anna.client.get("/api/stats?until=2026-01-02").json()["results"]) == 0


def test_a_signal_explains_itself(anna, signal) -> None:
    told = anna.client.get(f"/api/signals/{signal.public_id}/explain").json()
    assert told["same"] is False and told["stored"]["side"] == signal.side
    assert "before candle hashes were kept" in told["differences"][0]


def test_signal_filters(anna, signal, strategy, later: str) -> None:
    good = ["symbol=BTC/USDT", "side=buy", f"strategy={strategy.public_id}", "min_confidence=0.5", "timeframe=1m"]
    for query in good:
        assert len(_ids(anna.client.get(f"/api/signals?{query}"))) == 1
    for query in ("side=sell", "min_confidence=0.9", "exchange=okx", f"since={later.replace('+', '%2B')}"):
        assert _ids(anna.client.get(f"/api/signals?{query}")) == []
    assert anna.client.get("/api/signals?min_confidence=2").status_code == 400


def test_pages_by_cursor_lose_and_repeat_nothing_while_rows_are_added(anna, signal) -> None:
    made = [_signal(signal, minutes) for minutes in range(1, 8)]
    first = anna.client.get("/api/signals?page_size=3").json()
    seen = [row["id"] for row in first["results"]]
    _signal(signal, 100)
    url = first["next"]
    while url:
        page = anna.client.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
    assert len(seen) == len(set(seen)) == 8
    assert set(seen) == {str(row.public_id) for row in [signal, *made]}


def _signal(first: Signal, minutes: int) -> Signal:
    moment = first.candle_open_time - timedelta(minutes=minutes)
    return Signal.objects.create(
        instrument=first.instrument,
        strategy=first.strategy,
        timeframe="1m",
        candle_open_time=moment,
        side="sell",
        confidence=0.1,
        reason="x",
        close=Decimal(1),
        created_at=now(),
    )


@pytest.mark.parametrize("name", [*OWNED, *UNNAMED, *SHARED])
def test_a_list_takes_few_queries_however_long_it_is(anna, name: str) -> None:
    anna.client.get(f"/api/{name}")
    with CaptureQueriesContext(
        connection,
    ) as few:
        anna.client.get(f"/api/{name}")
    if name == "orders":
        _more_orders(anna, 20)
    with CaptureQueriesContext(connection) as many:
        anna.client.get(f"/api/{name}")
    assert len(many) == len(few) <= 4


def _more_orders(person, count: int) -> None:
    first = person.rows["orders"]
    for number in range(count):
        first.pk, first.public_id = None, uuid4()
        first.client_order_id, first.leg = f"m{number}", number + 1
        first.save(force_insert=True)
    assert Order.objects.count() == count + 1


def test_integrations_read_and_trade_but_change_no_keys(integration) -> None:
    client, bot = integration.client, integration.bot
    assert client.get("/api/exchange-accounts").status_code == 200
    assert client.post(f"/api/bots/{bot.public_id}/start").status_code == 200
    body = {"name": "x", "exchange": "binance", "mode": "paper"}
    refused = client.post("/api/exchange-accounts", body, format="json")
    assert refused.status_code == 403
    assert "Integrations" in refused.json()["error"]["message"]
    path = f"/api/exchange-accounts/{integration.account.public_id}"
    assert client.delete(path).status_code == client.post(f"{path}/verify").status_code == 403
