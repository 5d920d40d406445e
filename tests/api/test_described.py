"""The description of the API is complete: every endpoint has a summary, every field words; amounts are text."""

import pytest
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db
NUMBERS = {
    "confidence", "spread", "threshold", "volume_quote_24h", "strategy_mean",
    "strength", "trend", "momentum", "volatility", "volume", "support", "resistance", "liquidity", "potential",
}  # fmt: skip  # measures, not money


@pytest.fixture
def schema() -> dict:
    return APIClient().get("/api/schema").json()


def test_every_operation_has_a_summary_and_an_answer(schema) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], f"{method} {path}"
            assert len(operation["summary"]) < 120, f"{method} {path}"
            assert set(operation["responses"]) - {"default"}, f"{method} {path}"


def test_every_field_has_words_or_choices(schema) -> None:
    for name, kind in schema["components"]["schemas"].items():
        if name.startswith("Paginated"):
            continue
        assert "enum" in kind or kind["description"], name
        for field, part in kind.get("properties", {}).items():
            assert part.keys() & {"description", "$ref", "allOf", "oneOf"}, f"{name}.{field}"


def test_amounts_are_text_and_moments_are_moments(schema) -> None:
    for name, kind in schema["components"]["schemas"].items():
        for field, part in kind.get("properties", {}).items():
            assert part.get("type") != "number" or field in NUMBERS, f"{name}.{field}"
            if field.endswith("_at"):
                assert part.get("format") == "date-time", f"{name}.{field}"


def test_every_list_is_paged_by_cursor(schema) -> None:
    bounded = {"/api/instruments/{public_id}/candles", "/api/xray/{symbol}/history"}
    short = {"/api/stops", *bounded}  # what is in force; what `limit` bounds
    for path, operations in schema["paths"].items():
        answer = operations.get("get", {}).get("responses", {}).get("200", {})
        kind = answer.get("content", {}).get("application/json", {}).get("schema", {})
        assert kind.get("type") != "array" or path in short, path
        names = {one["name"] for one in operations.get("get", {}).get("parameters", [])}
        assert ("Paginated" in kind.get("$ref", "")) == ({"cursor", "page_size"} <= names), path


def test_the_size_of_a_page_is_told(schema) -> None:
    parameters = schema["paths"]["/api/orders"]["get"]["parameters"]
    size = next(one for one in parameters if one["name"] == "page_size")["schema"]
    assert size == {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}


def test_the_guide_stands_first(schema) -> None:
    for word in ("Authorization: Token", "page_size", "decimal text", "UTC", "Defaults", "Errors"):
        assert word in schema["info"]["description"], word


def test_all_that_a_page_can_do(schema) -> None:
    found = {f"{method.upper()} {path}" for path, operations in schema["paths"].items() for method in operations}
    row = "{public_id}"
    wanted = {
        *(f"POST /api/bots/{row}/{verb}" for verb in ("start", "stop", "pause", "resume")),
        *(f"{method} /api/{old}bots/{row}/config" for method in ("GET", "PUT", "PATCH") for old in ("", "trading/")),
        *(
            f"POST /api/exchange-accounts/{row}/{verb}"
            for verb in ("verify", "keys", "pause", "resume", "live", "attest")
        ),
        *(f"{method} /api/{name}" for method in ("GET", "POST") for name in ("bots", "exchange-accounts", "stops")),
        *(f"DELETE /api/{name}/{row}" for name in ("bots", "exchange-accounts", "stops")),
        *(f"GET /api/{name}" for name in ("orders", "fills", "positions", "trades", "signals", "models", "notices")),
        *(f"GET /api/{name}" for name in ("stats", "equity", "balances", "intents", "strategies", "instruments")),
        *(f"GET /api/instruments/{row}/{name}" for name in ("candles", "quote")),
        f"GET /api/bots/{row}/config/versions",
        f"POST /api/bots/{row}/config/validate",
        "POST /api/orders",
        f"POST /api/orders/{row}/cancel",
        f"POST /api/positions/{row}/close",
        f"POST /api/notices/{row}/read",
        "POST /api/notices/read",
        "PATCH /api/auth/me",
    }
    assert wanted <= found, wanted - found
