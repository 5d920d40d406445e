"""Limits of accounts, and risk events, by API: own rows only, in words when refused."""

import pytest

from trading.models import AccountLimits, RiskEvent

pytestmark = pytest.mark.django_db


def test_limits_are_read_and_changed(anna, ben) -> None:
    path = f"/api/exchange-accounts/{anna.account.public_id}/limits"
    assert anna.client.get(path).json() == {
        "account": str(anna.account.public_id), "coin_exposure": "1", "group_exposure": "1", "daily_loss": "0.15",
        "on_breach": "entries", "orders_per_minute": 120, "counted_from": None,
    }  # fmt: skip
    changed = anna.client.patch(path, {"daily_loss": "0.05", "on_breach": "reduce"}, format="json")
    assert (changed.status_code, changed.json()["daily_loss"]) == (200, "0.05")
    assert AccountLimits.objects.get().coin_exposure == 1
    assert anna.client.post(f"{path}/count-anew").json()["counted_from"]
    for answer in (ben.client.get(path), ben.client.patch(path, {}), ben.client.post(f"{path}/count-anew")):
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"daily_loss": "2"}, "daily_loss"),
        ({"daily_loss": None}, "daily_loss"),
        ({"orders_per_minute": -1}, "orders_per_minute"),
        ({"on_breach": "x"}, "on_breach"),
        ({"max_loss": "1"}, "max_loss"),
    ],
)
def test_bad_limits_say_what_is_allowed(anna, body: dict, field: str) -> None:
    answer = anna.client.patch(f"/api/exchange-accounts/{anna.account.public_id}/limits", body, format="json")
    assert answer.status_code == 400 and answer.json()["error"]["fields"][field]


def test_risk_events_are_ones_own_and_found_by_rule(anna, ben) -> None:
    for person, rule in ((anna, "spread"), (anna, "daily_loss"), (ben, "spread")):
        RiskEvent.objects.create(bot=person.bot, rule=rule, reason="Why.", snapshot={"allowed": "1"})
    assert len(anna.client.get("/api/risk-events").json()["results"]) == 2
    (found,) = anna.client.get("/api/risk-events?rule=spread").json()["results"]
    assert (found["bot"], found["facts"], found["level"]) == (str(anna.bot.public_id), {"allowed": "1"}, 0)
    assert ben.client.get(f"/api/risk-events/{found['id']}").status_code == 404
