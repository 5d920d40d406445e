"""The X-ray for scripts: the latest state with filters and orders, and the history of a symbol."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.clock import now
from signals import xray_history
from signals.domain.timeframes import open_ms
from signals.models import Instrument, SymbolXray
from signals.xray_history import SCORES, Block, history_write

pytestmark = pytest.mark.django_db
MINUTE = 60_000


@pytest.fixture
def rows(instrument, strategy) -> list[SymbolXray]:
    """Five symbols; the last is unknown."""
    made = []
    for number in range(5):
        one = Instrument.objects.create(
            exchange="binance", symbol=f"C{number}/USDT", market_id=f"C{number}USDT", base=f"C{number}", quote="USDT",
            tick_size=Decimal("0.01"), lot_size=Decimal("0.01"),
        )  # fmt: skip
        known = number < 4
        made.append(SymbolXray.objects.create(
            instrument=one, timeframe="1m", candle_open_time=now(), regime_since=now() - timedelta(minutes=5),
            regime="range" if known else "unknown", potential=(3 - number) / 7 if known else None,
            trend=0.5 if known else None, strategy=strategy if known else None, strategy_trades=50, strategy_mean=0.01,
        ))  # fmt: skip
    return made


def symbols(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["symbol"] for row in answer.json()["results"]]


def test_the_latest_state(anna, rows, strategy):
    row = anna.client.get("/api/xray?symbol=c0/usdt").json()["results"][0]
    assert (row["symbol"], row["regime"], row["trend"], row["momentum"]) == ("C0/USDT", "range", 0.5, None)
    assert (row["strategy"], row["strategy_name"]) == (str(strategy.public_id), strategy.name)
    assert (row["strategy_trades"], row["strategy_mean"]) == (50, 0.01)
    same = anna.client.get(f"/api/xray/{row['id']}").json()
    assert same == row
    unknown = anna.client.get("/api/xray?regime=unknown").json()["results"][0]
    assert (unknown["strategy"], unknown["strategy_name"], unknown["potential"]) == (None, None, None)


def test_filters(anna, rows):
    assert len(symbols(anna.client.get("/api/xray"))) == 5
    assert symbols(anna.client.get("/api/xray?regime=range&min_potential=0.2&exchange=binance")) == [
        "C0/USDT",
        "C1/USDT",
    ]
    assert symbols(anna.client.get("/api/xray?timeframe=5m")) == []
    for query in ("regime=calm", "min_potential=2", "ordering=symbol", "x=1", "cursor=cD1ub3BlJTIy"):
        assert anna.client.get(f"/api/xray?{query}").status_code == 400, query


@pytest.mark.parametrize("sign", ["", "-"])
def test_orders_are_paged_and_leave_out_what_is_not_known(anna, rows, sign: str):
    path, found = f"/api/xray?ordering={sign}potential&page_size=2", []
    while path:
        page = anna.client.get(path)
        found += symbols(page)
        path = page.json()["next"]
    wanted = [f"C{number}/USDT" for number in range(4)]
    assert found == (wanted if sign else wanted[::-1])


def test_equal_scores_are_all_shown_once(anna, rows):
    path, found = "/api/xray?ordering=-trend&page_size=1", []
    while path:
        page = anna.client.get(path)
        found += symbols(page)
        path = page.json()["next"]
    assert found == [f"C{number}/USDT" for number in range(4)]


def test_queries_do_not_grow_with_rows(anna, rows):
    def count() -> int:
        with CaptureQueriesContext(connection) as seen:
            anna.client.get("/api/xray")
        return len(seen)

    whole = count()
    SymbolXray.objects.exclude(pk=rows[0].pk).delete()
    assert count() == whole


@pytest.fixture
def past(rows, settings, tmp_path) -> list[int]:
    """Three candles of two symbols in the history."""
    settings.VAR_DIR = tmp_path
    settings.XRAY_MARKET_EXCHANGES, settings.XRAY_TIMEFRAMES = ["binance"], ["1m", "5m"]
    first = open_ms(now()) // MINUTE * MINUTE
    times = first + MINUTE * np.arange(3, dtype=np.int64)
    shape = (2, 3)
    scores = {name: np.full(shape, 0.25) for name in SCORES} | {"support": np.full(shape, np.nan)}
    regime = np.full(shape, "range", dtype=object)
    history_write("binance", "1m", Block(["C0/USDT", "C1/USDT"], times, regime, scores, np.ones(shape, bool)))
    return times.tolist()


def test_history(anna, past):
    rows = anna.client.get("/api/xray/C0/USDT/history").json()
    assert [row["regime"] for row in rows] == ["range"] * 3
    assert (rows[0]["trend"], rows[0]["support"]) == (0.25, None)
    assert rows == sorted(rows, key=lambda row: row["candle_open_time"])
    assert anna.client.get("/api/xray/c0%2Fusdt/history?limit=1").json() == rows[-1:]
    since, until = rows[1]["candle_open_time"], rows[2]["candle_open_time"]
    assert anna.client.get(f"/api/xray/C0/USDT/history?since={since}&until={until}").json() == rows[1:2]
    assert anna.client.get("/api/xray/C4/USDT/history").json() == []
    assert anna.client.get("/api/xray/C0/USDT/history?timeframe=5m").json() == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("NO/USDT/history", 404),
        ("C0/USDT/history?timeframe=7m", 400),
        ("C0/USDT/history?limit=0", 400),
        ("C0/USDT/history?x=1", 400),
        ("../../C0/history", 404),
        ("C0/USDT/history?since=0001-01-01T00:00:00Z", 200),
        ("C0/USDT/history?until=9999-12-31T23:59:59Z", 200),
    ],
)
def test_history_that_is_none(anna, past, path: str, status: int):
    assert anna.client.get(f"/api/xray/{path}").status_code == status


def test_a_damaged_day_is_passed_over(anna, past):
    (xray_history.folder("binance", "1m") / "2020-01-01.parquet").write_bytes(b"no")
    assert len(anna.client.get("/api/xray/C0/USDT/history").json()) == 3
