"""Whatever is asked under /api/ is answered in the one JSON shape: unknown addresses, methods, wishes of HTML."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
METHODS = ("get", "post", "put", "patch", "delete", "options")
SHAPE = {"code", "message", "fields"}


def _error(answer, status: int) -> dict:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/json"
    assert set(answer.json()["error"]) == SHAPE
    return answer.json()["error"]


@pytest.fixture
def strict() -> Client:
    """A client that meets the CSRF check as a browser or curl does."""
    return Client(enforce_csrf_checks=True)


@pytest.mark.parametrize(
    "path", ["/api/nonsense", "/api/nonsense/", "/api/bots/x/y/z/", "/api//bots", "/api/bots//", "/api/a%0Ab"]
)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("logged_in", [False, True])
def test_unknown_addresses(anna, strict, path: str, method: str, logged_in: bool) -> None:
    if logged_in:
        strict.force_login(anna.user, backend="django.contrib.auth.backends.ModelBackend")
    answer = strict.generic(method.upper(), path, "{}", content_type="application/json")
    assert _error(answer, 404)["code"] == "not_found"


@pytest.mark.parametrize("path", ["/api", "/api/"])
def test_the_index_lists_the_endpoints(strict, path: str) -> None:
    index = strict.get(path).json()
    assert index["docs"] == "/api/docs"
    assert index["endpoints"]["POST /api/orders"].startswith("Queue a manual entry")
    assert all(index["endpoints"].values())
    assert _error(strict.post(path, "{}", content_type="application/json"), 405)["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/api/bots", "/api/nonsense", "/api/orders/x", "/api/schema", "/api/health"])
def test_who_asks_for_html_gets_json_errors(anna, path: str) -> None:
    answer = anna.client.get(path, headers={"accept": "text/html"})
    assert answer.status_code in (404, 406)
    assert _error(answer, answer.status_code)["code"] in ("not_found", "not_acceptable")
    browser = anna.client.get(path, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert browser["Content-Type"].startswith(("application/json", "application/vnd.oai.openapi+json"))


def test_the_docs_stay_a_page_and_their_errors_are_json(strict) -> None:
    assert strict.get("/api/docs", headers={"accept": "text/html"})["Content-Type"].startswith("text/html")
    refused = strict.post("/api/docs", "{}", content_type="application/json")
    assert _error(refused, 405)["code"] == "method_not_allowed"
    _error(strict.get("/api/docs", headers={"accept": "application/json"}), 406)


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_methods_that_an_endpoint_does_not_take(anna, method: str) -> None:
    for path in ("/api/orders", "/api/bots", "/api/notices", "/api/auth/login", "/api/health"):
        answer = getattr(anna.client, method)(path, {}, format="json")
        assert _error(answer, 405)["code"] == "method_not_allowed"
        assert "GET" in answer["Allow"] or "POST" in answer["Allow"]


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000, '{"name": NaN}', "9" * 5000, "\xff", ""])
def test_bodies_that_are_no_json(anna, body: str) -> None:
    answer = anna.client.generic("POST", "/api/bots", body, content_type="application/json")
    assert _error(answer, 400)["code"] in ("bad_json", "invalid")


def test_what_django_refuses_before_any_view(anna, settings) -> None:
    settings.ALLOWED_HOSTS = ["here.example"]
    assert _error(Client().get("/api/bots", headers={"host": "elsewhere.example"}), 400)["code"] == "bad_request"


def test_what_fails_outside_of_the_views(anna, monkeypatch) -> None:
    def fail(*_args, **_values):
        raise RuntimeError("canary")

    monkeypatch.setattr("xray_site.api.resolve", fail)
    client = Client(raise_request_exception=False)
    answer = client.get("/api/orders/")
    assert _error(answer, 500)["code"] == "server_error"
    assert "canary" not in answer.content.decode()


@pytest.mark.parametrize("header", ["Token \xff", "Token", "Token a b", "Token nonsense", "Bearer x", "\xff"])
def test_tokens_that_are_none(header: str) -> None:
    answer = Client().get("/api/bots", headers={"authorization": header})
    assert _error(answer, 401)["code"] in ("authentication_failed", "not_authenticated")


def test_what_was_sent_is_quoted_so_that_it_can_be_encoded(anna) -> None:
    for scope in ("\\ud800", "x" * 100_000):
        body = f'{{"scope": "{scope}", "level": 1}}'
        error = _error(anna.client.post("/api/stops", body, content_type="application/json"), 400)
        assert error["fields"]["scope"] and len(error["message"]) < 2100
