"""Values that nobody should send: each is refused in words, none is an error of ours, none is silently taken."""

import json

import pytest

from accounts.models import User
from trading.models import Bot

pytestmark = pytest.mark.django_db
ODD = ["\x00", "a\ud800b", "²", "9" * 5000, "1e999999999", "-1e-999999999", True, -1, 2**70, [], {}, [[]], {"a": 1}]
GOOD: dict[str, list[object]] = {"name": ["²", "1e999999999", "-1e-999999999"], "symbols": [[]], "notifications": [[]]}
FIELDS = ("name", "account", "symbols", "timeframe", "strategy", "capital_per_trade", "max_positions", "notifications")
WRONG = [(field, value) for field in FIELDS for value in ODD if value not in GOOD.get(field, [])]


@pytest.mark.parametrize(("field", "value"), WRONG, ids=lambda value: repr(value)[:20])
def test_odd_bots(anna, field: str, value: object) -> None:
    body = {"name": "second", "account": str(anna.account.public_id), field: value}
    answer = anna.client.post("/api/bots", json.dumps(body), content_type="application/json")
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["fields"][field]
    assert Bot.objects.count() == 1


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("field", ["bot", "symbol", "amount_quote", "limit_price", "a\ud800b"])
def test_odd_entries(anna, field: str, value: object) -> None:
    body = {"bot": str(anna.bot.public_id), "symbol": "BTC/USDT", "amount_quote": "50", field: value}
    answer = anna.client.post("/api/orders", json.dumps(body), content_type="application/json")
    assert answer.status_code == 400, answer.content


@pytest.mark.parametrize("name", ["\x00", "a\ud800b", 5, ["x"], "x" * 121])
def test_odd_names_of_users(anna, name: object) -> None:
    answer = anna.client.patch("/api/auth/me", json.dumps({"name": name}), content_type="application/json")
    assert answer.status_code == 400 and "name" in answer.json()["error"]["fields"]
    assert User.objects.get(pk=anna.user.pk).name == ""


@pytest.mark.parametrize("size", ["abc", "0", "-1", "1000000000", "201", "", "1.5", "²", "+5", "9" * 5000])
@pytest.mark.parametrize("name", ["orders", "signals", "trades", "stats", "notices"])
def test_page_sizes_that_are_none(anna, name: str, size: str) -> None:
    answer = anna.client.get(f"/api/{name}", {"page_size": size})
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"]["page_size"]


def test_the_largest_page(anna) -> None:
    assert anna.client.get("/api/orders?page_size=200").status_code == 200
    told = anna.client.get("/api/orders?page_size=201").json()["error"]["fields"]["page_size"]
    assert told == ["A whole number from 1 to 200."]


LISTS = [
    "balances", "bots", "equity", "exchange-accounts", "fills", "instruments", "intents", "models", "notices", "orders",
    "positions", "signals", "stats", "strategies", "trades",
]  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_misspelt_filters_show_nothing(anna, name: str) -> None:
    answer = anna.client.get(f"/api/{name}?sybmol=BTC/USDT")
    assert answer.status_code == 400
    assert "Known: " in answer.json()["error"]["fields"]["sybmol"][0]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("orders?bot=", "bot"),
        ("orders?symbol=BTC/USDT&symbol=ETH/USDT", "symbol"),
        ("orders?page_size=5&page_size=6", "page_size"),
        ("instruments?active=maybe", "active"),
        ("strategies?enabled=2", "enabled"),
        ("orders?since=0001-01-01T00:00:00%2B23:59", "since"),
        ("orders?until=9999-12-31T23:59:59-23:59", "until"),
        ("orders?symbol=%00", "symbol"),
        ("stats?since=2026-13-01", "since"),
    ],
)
def test_filters_that_would_show_too_much(anna, query: str, field: str) -> None:
    answer = anna.client.get(f"/api/{query}")
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["fields"][field]


@pytest.mark.parametrize(("word", "count"), [("true", 1), ("True", 1), ("1", 1), ("false", 0), ("0", 0)])
def test_true_and_false(anna, word: str, count: int) -> None:
    assert len(anna.client.get(f"/api/instruments?selected={word}").json()["results"]) == count
