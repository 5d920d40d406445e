"""The description of the API: complete, without warnings, and its page loads nothing from another host."""

import re

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from accounts.clock import now
from signals.models import Scan

pytestmark = pytest.mark.django_db


def test_the_schema_generates_without_warnings_and_is_valid(tmp_path) -> None:
    call_command("spectacular", "--fail-on-warn", "--validate", "--file", str(tmp_path / "schema.yml"))


def test_every_operation_tells_of_its_errors() -> None:
    schema = APIClient().get("/api/schema").json()
    assert len(schema["paths"]) > 40
    operations = [one for path in schema["paths"].values() for key, one in path.items() if key != "parameters"]
    assert all("default" in one["responses"] for one in operations)
    assert not any(path.endswith("/") for path in schema["paths"] if path != "/api/")
    for name in ("/api/auth/login", "/api/exchange-accounts", "/api/bots", "/api/orders", "/api/fills", "/api/trades"):
        assert name in schema["paths"]
    assert "/api/trading/bots/{public_id}/config" in schema["paths"]


def test_secrets_are_write_only_in_the_schema() -> None:
    schemas = APIClient().get("/api/schema").json()["components"]["schemas"]
    for name, schema in schemas.items():
        for field, part in schema.get("properties", {}).items():
            if field in ("api_key", "api_secret", "passphrase", "password"):
                assert part.get("writeOnly") is True, f"{name}.{field}"


def test_the_page_loads_nothing_from_another_host() -> None:
    page = APIClient().get("/api/docs").content.decode()
    links = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert links
    assert all(link.startswith("/") and not link.startswith("//") for link in links)


def test_health(anna) -> None:
    Scan.objects.create(exchange="binance", timeframe="1m", candle_open_time=now(), status="done")
    answer = APIClient().get("/api/health")
    assert answer.status_code == 200
    assert answer.json()["database"] is True
    assert answer.json()["last_scan"]["backend"] == "cpu"
    assert answer.json()["status"] in ("ok", "degraded")
    assert answer.json()["time"].endswith("Z") and answer.json()["last_scan"]["candle_open_time"].endswith("Z")


def test_health_without_a_database(monkeypatch) -> None:
    monkeypatch.setattr("xray_site.api.health_report", lambda: {"status": "down", "database": False, "redis": None})
    assert APIClient().get("/api/health").status_code == 503
