"""What the chart shows, for scripts: candles and the newest quote."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from signals import quotes
from signals.candles.matrix import CandleTable

pytestmark = pytest.mark.django_db
MINUTE = 60_000
FIRST = 1_700_000_040_000


@pytest.fixture
def asked(monkeypatch) -> list[dict]:
    """Two stored candles, and what was asked for."""
    seen: list[dict] = []

    def read(**wanted) -> CandleTable:
        seen.append(wanted)
        values = [np.array([0.1, 100000.01])] * 5
        return CandleTable(np.array([FIRST, FIRST + MINUTE]), *values)

    monkeypatch.setattr("signals.api.views.history_cached", read)
    return seen


def test_candles(anna, instrument, asked) -> None:
    path = f"/api/instruments/{instrument.public_id}/candles"
    rows = anna.client.get(path).json()
    assert [row["open_time"] for row in rows] == ["2023-11-14T22:14:00Z", "2023-11-14T22:15:00Z"]
    assert [row["close"] for row in rows] == ["0.1", "100000.01"]
    assert (asked[0]["symbol"], asked[0]["limit"], asked[0]["timeframe"]) == ("BTC/USDT", 500, "1m")
    anna.client.get(f"{path}?since=2023-11-14T22:15:00Z&until=2023-11-14T23:00:00Z&limit=7")
    assert (asked[1]["since_ms"], asked[1]["limit"]) == (FIRST + MINUTE, 7)


@pytest.mark.parametrize(
    ("query", "field"), [("limit=0", "limit"), ("limit=1001", "limit"), ("timeframe=7m", "timeframe"), ("x=1", "x")]
)
def test_candles_that_are_none(anna, instrument, asked, query: str, field: str) -> None:
    answer = anna.client.get(f"/api/instruments/{instrument.public_id}/candles?{query}")
    assert answer.status_code == 400 and answer.json()["error"]["fields"][field]
    assert not asked


def test_candles_of_long_ago(anna, instrument) -> None:
    for query in ("since=0001-01-01T00:00:00Z", "until=9999-12-31T23:59:59Z", "since=9999-01-01T00:00:00Z", ""):
        answer = anna.client.get(f"/api/instruments/{instrument.public_id}/candles?{query}")
        assert (answer.status_code, answer.json()) == (200, [])


def test_the_newest_quote(anna, instrument, monkeypatch) -> None:
    path = f"/api/instruments/{instrument.public_id}/quote"
    assert anna.client.get(path).status_code == 404
    one = Decimal("1.50")
    row = quotes.QuoteRow("BTC/USDT", one, one, one, one, datetime(2026, 1, 2, tzinfo=UTC))
    monkeypatch.setitem(quotes._latest, "binance", {"BTC/USDT": row})
    quote = anna.client.get(path).json()
    assert (quote["bid"], quote["at"]) == ("1.5", "2026-01-02T00:00:00Z")


def test_versions_of_a_configuration(anna, ben) -> None:
    path = f"/api/bots/{anna.bot.public_id}/config"
    anna.client.patch(path, {"max_positions": 9}, format="json")
    rows = anna.client.get(f"{path}/versions").json()["results"]
    assert [(row["version"], row["max_positions"]) for row in rows] == [(2, 9), (1, 2)]
    assert ben.client.get(f"{path}/versions").status_code == 404
    assert anna.client.get(f"{path}/versions?page_size=0").status_code == 400
    assert anna.client.get(f"{path}/versions?x=1").status_code == 400
