from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.clock import now
from tests.mlmodels.markets import planted

EXCHANGE, TIMEFRAME = "binance", "1m"


@pytest.fixture
def store(settings, tmp_path):
    """Write a market into an empty candle store, with its instruments; returns the instruments."""
    settings.VAR_DIR = tmp_path

    def write(matrix):
        from signals.candles.store import hot_write

        hot_write(EXCHANGE, TIMEFRAME, matrix)
        return [instrument_make(symbol) for symbol in matrix.symbols]

    return write


def instrument_make(symbol):
    from signals.models import Instrument

    base, quote = symbol.split("/")
    return Instrument.objects.create(
        exchange=EXCHANGE,
        symbol=symbol,
        market_id=base + quote,
        base=base,
        quote=quote,
        tick_size=Decimal("0.000000001"),
        lot_size=Decimal("1"),
        selected=True,
        spread=0.0005,
    )


@pytest.fixture
def register(db):
    """Register a model version made of given text; it does not need to be a real model."""
    from mlmodels.domain.features import FEATURES
    from mlmodels.services.registry import model_register

    def make(artifact="trees", **changes):
        values = {
            "exchange": EXCHANGE,
            "timeframe": TIMEFRAME,
            "artifact": artifact,
            "features": list(FEATURES),
            "parameters": {},
            "threshold": 0.6,
            "trained_from": now() - timedelta(hours=9),
            "trained_to": now() - timedelta(hours=1),
            "rows": 5000,
            "report": {},
        }
        return model_register(**(values | changes))

    return make


@pytest.fixture(scope="session")
def learnt():
    """A model of the planted market: (matrix, judged)."""
    pytest.importorskip("lightgbm", reason="LightGBM or libgomp is missing", exc_type=OSError)
    from mlmodels.domain.dataset import dataset_build
    from mlmodels.pipeline import pipeline_run
    from tests.mlmodels.markets import costs

    matrix = planted(11)
    return matrix, pipeline_run(dataset_build(matrix, costs(matrix)))
