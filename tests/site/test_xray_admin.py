"""The X-ray in the admin: the coloured list, its filters, and the drawing of a symbol's history."""

import re
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.clock import now
from accounts.models import User
from signals.domain.timeframes import open_ms
from signals.models import Instrument, RegimeResult, Strategy, SymbolXray
from signals.services.strategies import strategies_ensure
from signals.xray_chart import chart_of, heat_step
from signals.xray_history import SCORES, Block, history_write

pytestmark = pytest.mark.django_db
LIST = "admin:signals_symbolxray_changelist"


@pytest.fixture
def staff(client, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    user = User.objects.create_superuser("staff@example.com", "a-long-password-1")
    client.force_login(user)
    return user


def xray(symbol: str = "BTC/USDT", **given) -> SymbolXray:
    instrument = Instrument.objects.create(
        exchange="binance", symbol=symbol, market_id=symbol.replace("/", ""), base=symbol.split("/")[0], quote="USDT",
        tick_size=Decimal("0.01"), lot_size=Decimal("0.01"),
    )  # fmt: skip
    return SymbolXray.objects.create(
        instrument=instrument, timeframe="1m", candle_open_time=now(), regime_since=now() - timedelta(hours=1), **given
    )


def test_the_list_shows_scores_and_filters_by_regime(client, staff):
    strategies_ensure()
    strategy = Strategy.objects.first()
    xray(regime="trend_up", trend=0.7, momentum=-0.31, volatility=0.5, strategy=strategy, strategy_trades=1234,
         strategy_mean=0.0012)  # fmt: skip
    xray("NEW/USDT", strategy_note="The regime is not known.")
    page = client.get(reverse(LIST)).content.decode()
    assert '<span class="xray-cell heat-p3">+0.70</span>' in page
    assert '<span class="xray-cell heat-n2">\N{MINUS SIGN}0.31</span>' in page
    assert '<span class="xray-cell heat-0">0.50</span>' in page
    assert f"{strategy}: +0.120% a trade, n = 1,234" in page and "The regime is not known." in page
    only = client.get(reverse(LIST), {"regime__exact": "unknown"}).content.decode()
    assert "NEW/USDT" in only and "BTC/USDT" not in only


def test_queries_do_not_grow_with_rows(client, staff):
    def count() -> int:
        with CaptureQueriesContext(connection) as seen:
            client.get(reverse(LIST))
        return len(seen)

    xray()
    few = count()
    for number in range(6):
        xray(f"C{number}/USDT")
    assert count() == few


def test_the_history_is_drawn(client, staff):
    row = xray()
    url = reverse("admin:signals_symbolxray_change", args=[row.pk])
    assert "no history of this symbol yet" in client.get(url).content.decode()
    times = open_ms(now()) // 60_000 * 60_000 + 60_000 * np.arange(4, dtype=np.int64)
    regime = np.array([["range", "range", "panic", "panic"]], dtype=object)
    scores = {name: np.full((1, 4), 0.5) for name in SCORES}
    scores["trend"][0, 1] = np.nan
    history_write("binance", "1m", Block(["BTC/USDT"], times, regime, scores, np.ones((1, 4), bool)))
    page = client.get(url).content.decode()
    assert re.findall(r'class="band (\w+)"', page) == ["range", "panic"]
    assert 'd="M120.0 61.0M600.0 61.0L840.0 61.0"' in page and "2 candles" in page


def test_results_by_regime_are_listed(client, staff):
    strategies_ensure()
    RegimeResult.objects.create(exchange="binance", timeframe="1m", regime="range", strategy=Strategy.objects.first(),
                                source="backtest", trades=40, mean=-0.0015, won=10)  # fmt: skip
    page = client.get(reverse("admin:signals_regimeresult_changelist")).content.decode()
    assert "\N{MINUS SIGN}0.150 %" in page and "25 %" in page


def test_steps_of_the_heat_scale():
    values = (-1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0)
    assert [heat_step(value) for value in values] == ["n3", "n2", "n1", "0", "p1", "p2", "p3"]
    assert heat_step(None) == ""


def test_no_drawing_of_one_candle():
    assert chart_of([]) is None and chart_of([{"open_time_ms": 0, "regime": "range"}]) is None
