"""What a script can do: bots, their configuration, manual entries, cancels, closes, stops."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.clock import clock_set
from trading.models import Balance, Bot, BotConfig, Intent, Order, StopSwitch
from trading.services.request_keys import request_keys_tidy

pytestmark = pytest.mark.django_db


def _new(person, **more) -> dict:
    return {"name": "second", "account": str(person.account.public_id), **more}


def test_a_bots_whole_life(anna) -> None:
    body = _new(anna, symbols=["BTC/USDT"], capital_per_trade="150.5", stop_loss=0.02, entry_type="market")
    made = anna.client.post("/api/bots", body, format="json")
    assert made.status_code == 201, made.content
    bot = made.json()
    assert (bot["status"], bot["mode"], bot["config"]["version"]) == ("stopped", "paper", 1)
    assert (bot["config"]["capital_per_trade"], bot["config"]["stop_loss"]) == ("150.5", "0.02")
    path = f"/api/bots/{bot['id']}"
    for verb, status in (("start", "running"), ("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        answer = anna.client.post(f"{path}/{verb}", format="json")
        assert (answer.status_code, answer.json()["status"]) == (200, status)
    assert anna.client.post(f"{path}/stop", {"reason": "enough"}, format="json").status_code == 200
    assert anna.client.delete(path).status_code == 204
    assert anna.client.get(path).status_code == 404
    assert Bot.objects.get(public_id=bot["id"]).deleted_at


def test_a_bot_where_no_prices_are_read_says_so(anna, settings) -> None:
    path = f"/api/bots/{anna.bot.public_id}"
    assert anna.client.get(path).json()["waits"] == ""
    settings.XRAY_MARKET_EXCHANGES = ["okx"]
    started = anna.client.post(f"{path}/start", format="json")
    assert started.status_code == 200 and "No prices are read for Binance here" in started.json()["waits"]
    (warning,) = anna.client.post(f"{path}/config/validate", {}, format="json").json()["warnings"]["account"]
    assert warning == started.json()["waits"] == anna.client.get("/api/bots").json()["results"][0]["waits"]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "bot"}, "name"),
        ({"account": "nonsense"}, "account"),
        ({"account": None}, "account"),
        ({"capital_per_trade": "-1"}, "capital_per_trade"),
        ({"capital_per_trade": "NaN"}, "capital_per_trade"),
        ({"stop_loss": "1.5"}, "stop_loss"),
        ({"symbols": ["NO/PE"]}, "symbols"),
        ({"symbols": {"a": 1}}, "symbols"),
        ({"max_positions": 1.5}, "max_positions"),
        ({"timeframe": "7m"}, "timeframe"),
        ({"mode": "live"}, "mode"),
        ({"capital": 5}, "capital"),
        ({"strategy": "00000000-0000-0000-0000-000000000000", "source": "strategy"}, "strategy"),
    ],
)
def test_bad_bots_say_what_is_allowed(anna, more: dict, field: str) -> None:
    answer = anna.client.post("/api/bots", _new(anna, **more), format="json")
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["fields"][field]
    assert Bot.objects.count() == 1


def test_anothers_account_is_no_choice(anna, ben) -> None:
    answer = anna.client.post("/api/bots", _new(ben), format="json")
    assert "account" in answer.json()["error"]["fields"]


def test_configuration_read_change_replace(anna) -> None:
    path = f"/api/trading/bots/{anna.bot.public_id}/config"
    assert anna.client.get(path).json()["capital_per_trade"] == "200"
    changed = anna.client.patch(path, {"capital_per_trade": "321.5", "max_positions": 5}, format="json").json()
    assert (changed["version"], changed["capital_per_trade"], changed["max_positions"]) == (2, "321.5", 5)
    kept = anna.client.patch(path, {"stop_loss": "0.02"}, format="json").json()
    assert (kept["version"], kept["capital_per_trade"]) == (3, "321.5")
    replaced = anna.client.put(path, {"stop_loss": "0.03"}, format="json").json()
    assert (replaced["capital_per_trade"], replaced["max_positions"], replaced["stop_loss"]) == ("200", 2, "0.03")
    refused = anna.client.patch(path, {"stop_loss": "2", "apply_to_open": True}, format="json")
    assert refused.status_code == 400 and "stop_loss" in refused.json()["error"]["fields"]
    assert anna.client.get(path).json()["version"] == replaced["version"]
    bad = anna.client.patch(path, {"apply_to_open": "perhaps"}, format="json")
    assert bad.status_code == 400 and "apply_to_open" in bad.json()["error"]["fields"]


def test_validate_changes_nothing(anna) -> None:
    path = f"/api/trading/bots/{anna.bot.public_id}/config/validate"
    good = anna.client.post(path, {"profit_target": "0.0001"}, format="json").json()
    assert good["valid"] is True and "profit_target" in good["warnings"]
    bad = anna.client.post(path, {"profit_target": "-1", "nonsense": 1}, format="json")
    assert bad.status_code == 200
    assert bad.json()["valid"] is False and set(bad.json()["field_errors"]) == {"profit_target", "nonsense"}
    assert BotConfig.objects.filter(bot=anna.bot).count() == 1


def _entry(person, **more) -> dict:
    return {"bot": str(person.bot.public_id), "symbol": "BTC/USDT", "amount_quote": "50", **more}


@pytest.fixture
def running(anna):
    Intent.objects.filter(bot=anna.bot).update(status="done")
    anna.rows["positions"].status = "closed"
    anna.rows["positions"].save()
    Bot.objects.filter(pk=anna.bot.pk).update(status="running")
    return anna


def test_a_manual_entry_is_queued(running) -> None:
    answer = running.client.post("/api/orders", _entry(running, limit_price="99000.01"), format="json")
    assert answer.status_code == 202, answer.content
    intent = answer.json()
    assert (intent["status"], intent["purpose"], intent["amount_quote"]) == ("pending", "manual_entry", "50")
    assert intent["limit_price"] == "99000.01"
    assert running.client.get(f"/api/intents/{intent['id']}").json()["status"] == "pending"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"amount_quote": "-5"}, "amount_quote"),
        ({"amount_quote": "1e400"}, "amount_quote"),
        ({"amount_quote": ""}, "amount_quote"),
        ({"symbol": "NO/PE"}, "symbol"),
        ({"limit_price": "0.001"}, "limit_price"),
        ({"limit_price": "abc"}, "limit_price"),
        ({"limit_price": ""}, "limit_price"),
        ({"amount_quote": "1_000"}, "amount_quote"),
        ({"bot": "nonsense"}, "bot"),
        ({"bot": "00000000-0000-0000-0000-000000000000"}, "bot"),
        ({"leverage": 10}, "leverage"),
    ],
)
def test_bad_entries_say_what_is_allowed(running, more: dict, field: str) -> None:
    before = Intent.objects.count()
    answer = running.client.post("/api/orders", _entry(running, **more), format="json")
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["fields"][field]
    assert Intent.objects.count() == before


def test_no_entry_through_anothers_bot_or_a_stopped_one(running, ben) -> None:
    assert running.client.post("/api/orders", _entry(ben), format="json").status_code == 400
    stopped = ben.client.post("/api/orders", _entry(ben), format="json")
    assert "start it" in stopped.json()["error"]["message"]


def test_no_entry_under_a_stop(running) -> None:
    set_ = running.client.post("/api/stops", {"scope": "user", "level": 1, "reason": "news"}, format="json")
    assert set_.status_code == 201, set_.content
    refused = running.client.post("/api/orders", _entry(running), format="json")
    assert refused.status_code == 400 and "stop is in force" in refused.json()["error"]["message"]


def test_cancel(anna) -> None:
    order = anna.rows["orders"]
    answer = anna.client.post(f"/api/orders/{order.public_id}/cancel")
    assert answer.status_code == 202 and answer.json()["status"] == "active"
    assert anna.client.post(f"/api/orders/{order.public_id}/cancel").status_code == 202
    assert Intent.objects.get(purpose="cancel").order == order, "asking twice queues one cancel"
    Order.objects.filter(pk=order.pk).update(status="filled")
    refused = anna.client.post(f"/api/orders/{order.public_id}/cancel")
    assert refused.status_code == 400 and "nothing to cancel" in refused.json()["error"]["message"]


def test_close(anna) -> None:
    path = f"/api/positions/{anna.rows['positions'].public_id}/close"
    first = anna.client.post(path)
    assert first.status_code == 202 and first.json()["purpose"] == "force_exit"
    assert anna.client.post(path).json()["id"] == first.json()["id"], "asking twice queues one sale"
    refused = anna.client.post(f"/api/positions/{anna.rows['trades'].public_id}/close")
    assert refused.status_code == 400 and "nothing to close" in refused.json()["error"]["message"]


def test_a_part_of_a_position(anna, ben) -> None:
    path = f"/api/positions/{anna.rows['positions'].public_id}/reduce"
    made = anna.client.post(path, {"share": "0.5"}, content_type="application/json")
    assert (made.status_code, made.json()["purpose"], made.json()["share"]) == (202, "reduce", "0.5")
    assert anna.client.post(path, {"share": "2"}, content_type="application/json").status_code == 400
    assert ben.client.post(path, {"share": "0.5"}, content_type="application/json").status_code == 404


def test_another_price_of_a_waiting_order(anna) -> None:
    order = anna.rows["orders"]
    Order.objects.filter(pk=order.pk).update(type="limit", side="buy", status="active", price="90", amount=1)
    path = f"/api/orders/{order.public_id}/change"
    refused = anna.client.post(path, {}, content_type="application/json")
    assert refused.status_code == 400 and "new price" in refused.json()["error"]["message"]
    Balance.objects.update_or_create(account=order.account, currency="USDT", defaults={"total": 10_000})
    refused = anna.client.post(path, {"amount": "1000000"}, content_type="application/json")
    assert refused.status_code == 400 and "At this price from" in refused.json()["error"]["message"]
    made = anna.client.post(path, {"limit_price": "91"}, content_type="application/json")
    assert (made.status_code, made.json()["purpose"], made.json()["limit_price"]) == (202, "replace", "91")


def test_stops_own_read_set_lift(anna, ben, staff) -> None:
    body = {"scope": "bot", "target": str(anna.bot.public_id), "level": 2, "reason": "pause"}
    made = anna.client.post("/api/stops", body, format="json")
    assert made.status_code == 201
    stop = made.json()
    assert (stop["level_name"], stop["set_by"], stop["target"]) == ("Reduce only", "you", str(anna.bot.public_id))
    assert [row["id"] for row in anna.client.get("/api/stops").json()] == [stop["id"]]
    assert ben.client.get("/api/stops").json() == []
    assert ben.client.delete(f"/api/stops/{stop['id']}").status_code == 404
    assert anna.client.delete(f"/api/stops/{stop['id']}").status_code == 204
    assert anna.client.delete(f"/api/stops/{stop['id']}").status_code == 404
    assert not StopSwitch.objects.filter(cleared_at=None).exists()


def test_only_staff_lift_what_staff_set(anna, staff) -> None:
    body = {"scope": "user", "target": str(anna.user.public_id), "level": 1, "reason": "look"}
    stop = staff.post("/api/stops", body, format="json").json()
    assert anna.client.get("/api/stops").json()[0]["imposed"] is True
    refused = anna.client.delete(f"/api/stops/{stop['id']}")
    assert refused.status_code == 403 and "only they can lift" in refused.json()["error"]["message"]
    assert staff.delete(f"/api/stops/{stop['id']}").status_code == 204


def test_wide_stops_are_for_staff(anna, staff) -> None:
    body = {"scope": "platform", "level": 1}
    refused = anna.client.post("/api/stops", body, format="json")
    assert refused.status_code == 403 and "Only staff" in refused.json()["error"]["message"]
    assert staff.post("/api/stops", body, format="json").status_code == 201
    assert anna.client.get("/api/stops").json()[0]["set_by"] == "staff"


@pytest.mark.parametrize(
    "body",
    [{}, {"scope": "moon", "level": 1}, {"scope": "user", "level": 9}, {"scope": "bot", "target": "x", "level": 1}],
)
def test_bad_stops(anna, body: dict) -> None:
    assert anna.client.post("/api/stops", body, format="json").status_code == 400


def test_a_stop_on_anothers_bot(anna, ben) -> None:
    body = {"scope": "bot", "target": str(ben.bot.public_id), "level": 3}
    assert anna.client.post("/api/stops", body, format="json").status_code == 400
    assert not StopSwitch.objects.exists()


def test_what_is_repeated_under_one_key_is_done_once(anna, ben) -> None:
    path = f"/api/positions/{anna.rows['positions'].public_id}/reduce"

    def asked(share: str, key: str, who=anna):
        return who.client.post(
            path, {"share": share}, content_type="application/json", headers={"Idempotency-Key": key}
        )

    first = asked("0.3", "order-1")
    Intent.objects.filter(public_id=first.json()["id"]).update(status="done")
    again = asked("0.3", "order-1")
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (202, first.json()["id"], "done")
    assert asked("0.3", "order-2").json()["id"] != first.json()["id"]
    other = asked("0.4", "order-1")
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")
    assert "another request" in other.json()["error"]["message"]
    assert asked("0.3", "order-1", ben).status_code == 404
    for key in ("", "x" * 65, "schlüssel", "a\tb"):
        refused = asked("0.3", key)
        assert refused.status_code == 400 and "visible ASCII" in refused.json()["error"]["message"], key


def test_a_key_is_not_used_up_by_a_refusal_and_is_forgotten_after_a_day(running) -> None:
    def asked(**more):
        return running.client.post(
            "/api/orders", _entry(running, **more), format="json", headers={"Idempotency-Key": "mine"}
        )

    assert asked(amount_quote="1").status_code == 400
    made = asked()
    assert made.status_code == 202 and asked().json()["id"] == made.json()["id"]
    assert request_keys_tidy() == 0
    with clock_set(lambda: datetime.now(UTC) + timedelta(hours=25)):
        assert request_keys_tidy() == 1
