"""One shape for every error, and never a traceback."""

import logging

import pytest
from rest_framework.test import APIClient

from accounts.exchanges.errors import ExchangeRefused, ExchangeRetry

pytestmark = pytest.mark.django_db


def _shape(answer, status: int, code: str) -> dict:
    assert answer.status_code == status, answer.content
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "fields"}
    assert error["code"] == code and error["message"]
    return error


def test_without_a_token() -> None:
    for path in ("/api/bots", "/api/orders", "/api/exchange-accounts", "/api/signals", "/api/stops", "/api/auth/me"):
        error = _shape(APIClient().get(path), 401, "not_authenticated")
        assert "/api/auth/login" in error["message"]


def test_bad_json(anna) -> None:
    answer = anna.client.post("/api/bots", "{not json", content_type="application/json")
    assert "not valid JSON" in _shape(answer, 400, "bad_json")["message"]


@pytest.mark.parametrize("body", ["[1, 2]", '"text"', "null", "5"])
@pytest.mark.parametrize("path", ["/api/bots", "/api/orders", "/api/exchange-accounts", "/api/stops"])
def test_json_of_the_wrong_kind(anna, path: str, body: str) -> None:
    _shape(anna.client.post(path, body, content_type="application/json"), 400, "invalid")


def test_other_content(anna) -> None:
    answer = anna.client.post("/api/bots", "a=1", content_type="application/x-www-form-urlencoded")
    assert "application/json" in _shape(answer, 415, "unsupported_media_type")["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/nothing",
        "/api/nothing/",
        "/api/orders/not-a-uuid",
        "/api/orders/1",
        "/api/orders/00000000-0000-0000-0000-000000000000",
        "/api/trading/bots/xyz/config",
        "/api/bots/00000000-0000-0000-0000-000000000000/",
    ],
)
def test_nothing_there(anna, path: str) -> None:
    assert "UUIDs" in _shape(anna.client.get(path), 404, "not_found")["message"]


def test_wrong_method(anna) -> None:
    _shape(anna.client.delete("/api/bots"), 405, "method_not_allowed")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("symbl=BTC/USDT", "symbl"),
        ("status=nonsense", "status"),
        ("side=up", "side"),
        ("bot=1", "bot"),
        ("since=yesterday", "since"),
        ("all=yes", "all"),
    ],
)
def test_filters_that_are_none(anna, query: str, field: str) -> None:
    assert field in _shape(anna.client.get(f"/api/orders?{query}"), 400, "invalid")["fields"]


def test_a_cursor_of_somebody_elses_making(anna) -> None:
    for cursor in ("%00abc", "cD1hYmM=", "cD05OTk5LTEyLTMxVDIzOjU5OjU5LTIzOjU5", "bz0tNQ=="):
        error = _shape(anna.client.get(f"/api/orders?cursor={cursor}"), 400, "invalid")
        assert "next" in error["fields"]["cursor"][0]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ExchangeRetry("busy", retry_after_s=7), 503, "exchange_retry"),
        (ExchangeRefused("no such symbol"), 400, "exchange_refused"),
    ],
)
def test_exchange_errors(anna, monkeypatch, error, status: int, code: str) -> None:
    def fail(**_values):
        raise error

    monkeypatch.setattr("trading.services.bots.bot_start", fail)
    answer = anna.client.post(f"/api/bots/{anna.bot.public_id}/start")
    _shape(answer, status, code)
    assert answer.headers.get("Retry-After") == ("8" if status == 503 else None)


def test_our_own_mistakes_are_logged_not_shown(anna, monkeypatch, caplog) -> None:
    def fail(**_values):
        raise RuntimeError("canary-detail")

    monkeypatch.setattr("trading.services.bots.bot_start", fail)
    caplog.set_level(logging.ERROR)
    answer = anna.client.post(f"/api/bots/{anna.bot.public_id}/start")
    _shape(answer, 500, "server_error")
    assert "canary-detail" not in answer.content.decode()
    assert "Traceback" not in answer.content.decode()
    assert "canary-detail" in caplog.text


def test_with_and_without_a_trailing_slash(anna) -> None:
    order = anna.rows["orders"]
    for path in ("/api/orders", f"/api/orders/{order.public_id}", "/api/health", "/api/schema"):
        plain, slashed = anna.client.get(path), anna.client.get(f"{path}/")
        assert plain.status_code == slashed.status_code == 200
    assert anna.client.post(f"/api/bots/{anna.bot.public_id}/start/").status_code == 200


def test_a_browser_session_needs_the_csrf_token(anna) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(anna.user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/api/orders").status_code == 200
    for slash in ("", "/"):
        answer = client.post(f"/api/bots/{anna.bot.public_id}/pause{slash}")
        _shape(answer, 403, "permission_denied")
