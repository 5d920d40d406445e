"""Groups of coins that move together are measured from stored candles and kept with each instrument."""

import numpy as np
import pytest

from signals import tasks
from signals.candles.matrix import CandleTable
from signals.candles.store import months_write
from signals.models import Instrument
from signals.services.correlation import groups_measure
from tests.trading.worlds import instrument_make

pytestmark = pytest.mark.django_db


@pytest.fixture
def stored(settings, tmp_path):
    """BTC and ETH that move together, SOL that does not, and a coin without candles; 30 hours of minutes."""
    settings.VAR_DIR, settings.XRAY_TIMEFRAMES, settings.XRAY_MARKET_EXCHANGES = tmp_path, ["1m"], ["binance"]
    rng = np.random.default_rng(3)
    common, own = rng.normal(0, 0.001, 1800), rng.normal(0, 0.001, (3, 1800))
    walks = {"BTC": common + 0.1 * own[0], "ETH": common + 0.3 * own[1], "SOL": own[2]}
    times = 1_700_000_100_000 + np.arange(1800, dtype=np.int64) * 60_000
    for volume, base in enumerate(("NEW", "SOL", "ETH", "BTC"), 1):
        instrument_make(f"{base}/USDT", selected=True, volume_quote_24h=volume * 1e6)
        if base in walks:
            close = 100 * np.exp(np.cumsum(walks[base]))
            table = CandleTable(times, close, close, close, close, np.ones(1800))
            months_write("binance", f"{base}/USDT", "1m", table)


def groups():
    return dict(Instrument.objects.values_list("base", "group"))


def test_the_most_traded_coin_gives_its_group_the_name(stored):
    assert groups_measure(exchange="binance") == 3
    assert groups() == {"BTC": "BTC", "ETH": "BTC", "SOL": "SOL", "NEW": ""}
    assert groups_measure(exchange="binance") == 0, "nothing has changed"


def test_the_task_measures_every_exchange_and_leaves_out_what_is_not_scanned(stored):
    Instrument.objects.filter(base="ETH").update(selected=False, group="OLD")
    tasks.groups_measure()
    assert groups() == {"BTC": "BTC", "ETH": "OLD", "SOL": "SOL", "NEW": ""}


def test_an_exchange_without_candles_has_no_groups(settings, tmp_path):
    settings.VAR_DIR, settings.XRAY_TIMEFRAMES = tmp_path, ["1m"]
    assert groups_measure(exchange="binance") == 0
    instrument_make("BTC/USDT", selected=True)
    assert groups_measure(exchange="binance") == 0
