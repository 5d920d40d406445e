"""Weights learned from closed trades: within bounds, shared among voters, never where staff locked them."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.clock import now
from signals.models import Instrument, Outcome, Signal, SourceWeight, Strategy
from signals.services.weights import weights_learn

pytestmark = pytest.mark.django_db
MARKET = {"exchange": "binance", "timeframe": "1m"}


@pytest.fixture
def instrument(db):
    return Instrument.objects.create(
        exchange="binance", symbol="A/USDT", market_id="AUSDT", base="A", quote="USDT", tick_size=Decimal("0.01"),
        lot_size=Decimal("0.01"),
    )  # fmt: skip


def closed(instrument, strategy, returns, signal=None):
    Outcome.objects.bulk_create(
        Outcome(
            signal=signal, instrument=instrument, strategy=strategy, timeframe="1m", trade_id=uuid.uuid4(),
            mode="paper", opened_at=now(), closed_at=now() - timedelta(minutes=n), return_net=value, close_reason="x",
        )
        for n, value in enumerate(returns)
    )  # fmt: skip


def weights():
    return dict(SourceWeight.objects.values_list("name", "weight"))


def test_nothing_below_ten_closed_trades_then_bounded_and_once(instrument):
    good, bad = (Strategy.objects.create(name=name, kind="ma_cross") for name in ("Good", "Bad"))
    closed(instrument, good, [0.02] * 9)
    closed(instrument, bad, [-0.04] * 60)
    assert {row.name for row in weights_learn(**MARKET)} == {"Good", "Bad"}
    assert weights() == {"Good": 1.0, "Bad": 0.5}
    closed(instrument, good, [0.02])
    assert [row.name for row in weights_learn(**MARKET)] == ["Good"]
    assert 1.3 < weights()["Good"] <= 1.5
    assert weights_learn(**MARKET) == []
    row = SourceWeight.objects.get(name="Good")
    assert (row.samples, row.win_rate) == (10, 1.0) and 0 < row.mean_return < 0.02


def test_a_locked_weight_stays_and_its_own_bounds_hold(instrument):
    locked, narrow = (Strategy.objects.create(name=name, kind="ma_cross") for name in ("Locked", "Narrow"))
    SourceWeight.objects.create(name="Locked", **MARKET, weight=1.2, locked=True)
    SourceWeight.objects.create(name="Narrow", **MARKET, low=0.9, high=1.1)
    for strategy in (locked, narrow):
        closed(instrument, strategy, [-0.05] * 50)
    weights_learn(**MARKET)
    assert weights() == {"Locked": 1.2, "Narrow": 0.9}
    assert SourceWeight.objects.get(name="Locked").samples == 50


def test_an_aggregates_trades_are_shared_by_who_voted_for_it(instrument):
    made = Strategy.objects.create(name="Aggregate", kind="aggregate")
    votes = [
        {"source": name, "side": side, "confidence": confidence, "weight": 1.0, "age": 0}
        for name, side, confidence in (("Strong", "buy", 0.8), ("Weak", "buy", 0.2), ("Against", "sell", 0.3))
    ]
    signal = Signal.objects.create(
        instrument=instrument, timeframe="1m", strategy=made, candle_open_time=now(), side="buy", confidence=0.7,
        reason="", close=Decimal(1), votes=votes,
    )  # fmt: skip
    closed(instrument, made, [0.01] * 20, signal)
    weights_learn(**MARKET)
    found = weights()
    assert set(found) == {"Strong", "Weak"} and found["Strong"] > found["Weak"] > 1.0


def test_nothing_is_learned_while_the_aggregate_is_off(instrument):
    Strategy.objects.create(name="Aggregate", kind="aggregate", enabled=False)
    closed(instrument, Strategy.objects.create(name="Good", kind="ma_cross"), [0.02] * 20)
    assert weights_learn(**MARKET) == []
