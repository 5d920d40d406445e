import numpy as np
import pytest

from mlmodels.domain.features import FEATURES, LOOKBACK, features_compute, features_last, rows_usable
from signals.candles.matrix import CandleMatrix
from tests.mlmodels.markets import planted, random_walk, real_market


def changed(matrix, **columns):
    kept = {name: getattr(matrix, name) for name in ("open", "high", "low", "close", "volume")}
    return CandleMatrix(matrix.symbols, matrix.open_time_ms, **(kept | columns))


@pytest.mark.parametrize("column", [LOOKBACK - 1, LOOKBACK, 150, 333, 399])
def test_serving_row_equals_training_row_to_the_last_bit(column):
    matrix = random_walk(3, symbols=7, steps=400)
    assert np.array_equal(features_last(matrix, column), features_compute(matrix)[:, column])


def test_nothing_later_is_seen():
    matrix = planted(5, symbols=4, steps=300)
    cut = 200
    scrambled = changed(
        matrix,
        **{
            name: np.concatenate((getattr(matrix, name)[:, :cut], getattr(matrix, name)[:, cut:] * 3.7), axis=1)
            for name in ("open", "high", "low", "close", "volume")
        },
    )
    assert np.array_equal(features_compute(matrix)[:, :cut], features_compute(scrambled)[:, :cut], equal_nan=True)


def test_one_symbol_does_not_see_another():
    matrix = random_walk(8, symbols=5, steps=120)
    alone = matrix.pick(matrix.symbols[2:3])
    assert np.array_equal(features_compute(alone)[0], features_compute(matrix)[2], equal_nan=True)


def test_first_usable_row_is_the_lookback():
    usable = rows_usable(features_compute(random_walk(1, symbols=2, steps=100)))
    assert not usable[:, : LOOKBACK - 1].any()
    assert usable[:, LOOKBACK - 1 :].all()


def test_scale_of_prices_and_volumes_does_not_matter():
    matrix = random_walk(2, symbols=3, steps=100)
    sides = {name: getattr(matrix, name) * 2.0**-30 for name in ("open", "high", "low", "close")}
    scaled = changed(matrix, **sides, volume=matrix.volume * 1024.0)
    first, second = features_compute(matrix), features_compute(scaled)
    np.testing.assert_allclose(first[:, LOOKBACK:], second[:, LOOKBACK:], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, 0.0, -1.0, np.inf])
def test_a_bad_candle_makes_its_windows_unusable_and_no_others(bad):
    matrix = random_walk(4, symbols=2, steps=250)
    close = matrix.close.copy()
    close[0, 100] = bad
    usable = rows_usable(features_compute(changed(matrix, close=close)))
    assert not usable[0, 100:130].any()
    assert usable[0, 100 + LOOKBACK :].all()
    assert usable[1, LOOKBACK:].all()


def test_a_flat_market_is_neutral_not_missing():
    steps = 100
    flat = np.full((1, steps), 5.0)
    matrix = CandleMatrix(("A/B",), np.arange(steps) * 60_000, flat, flat, flat, flat, np.zeros((1, steps)))
    row = dict(zip(FEATURES, features_last(matrix)[0], strict=True))
    assert row["rsi_14"] == row["range_position_30"] == 0.5
    assert row["flow_20"] == row["volume_z_30"] == row["change_30"] == row["momentum_10"] == 0.0


def test_values_by_hand():
    matrix = random_walk(6, symbols=1, steps=80)
    row = dict(zip(FEATURES, features_last(matrix)[0], strict=True))
    close, high, low, volume = matrix.close[0], matrix.high[0], matrix.low[0], matrix.volume[0]
    steps = np.diff(np.log(close))
    gains, losses = np.maximum(steps[-14:], 0).sum(), np.maximum(-steps[-14:], 0).sum()
    place = ((close - low) - (high - close)) / (high - low)
    assert row["change_10"] == pytest.approx(np.log(close[-1] / close[-11]))
    assert row["volatility_60"] == pytest.approx(steps[-60:].std())
    assert row["rsi_14"] == pytest.approx(gains / (gains + losses))
    assert row["ma_gap_30"] == pytest.approx(close[-1] / close[-30:].mean() - 1)
    assert row["range_position_60"] == pytest.approx(
        (close[-1] - low[-60:].min()) / (high[-60:].max() - low[-60:].min())
    )
    assert row["flow_20"] == pytest.approx((place * volume)[-20:].sum() / volume[-20:].sum())
    assert row["volume_z_30"] == pytest.approx((volume[-1] - volume[-30:].mean()) / volume[-30:].std())


def test_real_candles_serve_as_they_train():
    matrix = real_market(20, 400)
    table = features_compute(matrix)
    for column in range(LOOKBACK - 1, 400, 37):
        assert np.array_equal(features_last(matrix, column), table[:, column], equal_nan=True)
    assert rows_usable(table[:, LOOKBACK:]).mean() > 0.99
