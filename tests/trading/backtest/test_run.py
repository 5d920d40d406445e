"""Backtests: leaving out candles that touch nothing changes nothing; the report and the command tell the truth."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from uuid import UUID

import numpy as np
import polars as pl
import pytest
from django.core.management import CommandError, call_command

from signals.candles.matrix import CandleMatrix
from signals.domain.strategies.base import Decisions
from trading.backtest.data import DataError, files_of, spec_of
from trading.backtest.quotes import Candle, MarketModel, path, quotes_of
from trading.backtest.report import max_drawdown, report_of
from trading.backtest.run import Setup, backtest_run
from trading.domain.types import NO_LEVELS, AddStep, Limits, OrderType, Plan, PlanLevels, ProfitStep

PLAN = Plan(
    config_id=UUID(int=3),
    confidence_threshold=D("0.3"),
    capital_per_trade=D(200),
    profit_target=D("0.01"),
    stop_loss=D("0.01"),
    holding_time=timedelta(hours=3),
    entry_type=OrderType.MARKET,
    maker_timeout=timedelta(seconds=60),
    taker_after_timeout=True,
    max_positions=3,
    max_drawdown=D("0.5"),
    max_spread=D("0.01"),
)

ALL_LEVELS = PlanLevels(
    trailing=D("0.004"),
    trailing_after=D("0.003"),
    breakeven_after=D("0.003"),
    profit_steps=(ProfitStep(D("0.004"), D("0.3")), ProfitStep(D("0.007"), D("0.3"))),
    add_steps=(AddStep(D("0.004"), D("0.5")), AddStep(D("0.007"), D(1))),
    maker_exit=True,
)


def market(seed, symbols=4, candles=400, volume=60.0):
    """A random walk with signals at random candles."""
    rng = np.random.default_rng(seed)
    shape = (symbols, candles)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.003, shape), axis=1))
    opens = np.roll(close, 1, axis=1)
    opens[:, 0] = 100
    wick = np.abs(rng.normal(0, 0.002, (2, *shape)))
    high, low = np.maximum(opens, close) * (1 + wick[0]), np.minimum(opens, close) * (1 - wick[1])
    rounded = [np.round(values, 2) for values in (opens, high, low, close)]
    times = 1_700_000_100_000 + np.arange(candles, dtype=np.int64) * 300_000
    matrix = CandleMatrix(tuple(f"C{n}/USDT" for n in range(symbols)), times, *rounded, np.full(shape, volume))
    side = (rng.random(shape) < 0.02).astype(np.int8) - (rng.random(shape) < 0.01).astype(np.int8)
    return matrix, Decisions(side, np.where(side != 0, rng.random(shape), 0.0))


def setup_of(seed, plan=PLAN, **kwargs):
    matrix, decisions = market(seed)
    specs = tuple(spec_of(matrix, row) for row in range(len(matrix.symbols)))
    return Setup(matrix, decisions, specs, plan, market=MarketModel(visible_share=D("0.01")), **kwargs)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("levels", [NO_LEVELS, ALL_LEVELS])
@pytest.mark.parametrize("entry", [OrderType.MARKET, OrderType.LIMIT_MAKER])
def test_candles_that_touch_nothing_may_be_left_out(seed, entry, levels):
    plan = replace(PLAN, entry_type=entry, levels=levels)
    some = backtest_run(setup_of(seed, plan))
    every = backtest_run(setup_of(seed, plan, every_candle=True))
    assert some.results.trades()
    assert some.results.orders == every.results.orders
    assert some.results.fills == every.results.fills
    assert some.results.positions == every.results.positions
    assert some.state.balances == every.state.balances
    assert some.candles < every.candles / 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("level", [1, 3])
def test_running_rules_stop_at_the_same_moment_when_candles_are_left_out(seed, level):
    limits = Limits(daily_loss=D("0.004"), on_breach=level, loss_streak=3, pause=timedelta(minutes=40))
    plan = replace(PLAN, max_drawdown=D("0.01"), limits=limits)
    some, every = (backtest_run(setup_of(seed, plan, every_candle=all_of_them)) for all_of_them in (False, True))
    rules = [trip.rule for trip in every.results.tripped]
    assert "daily_loss" in rules
    assert [(trip.at, trip.rule) for trip in some.results.tripped if trip.rule != "drawdown"] == [
        (trip.at, trip.rule) for trip in every.results.tripped if trip.rule != "drawdown"
    ]
    assert some.results.orders == every.results.orders
    assert some.results.positions == every.results.positions
    assert some.state.balances == every.state.balances
    assert some.candles < every.candles


def test_a_signal_acts_only_on_later_candles():
    matrix, decisions = market(1)
    finished = backtest_run(setup_of(1))
    signalled = {
        (matrix.symbols[row], int(matrix.open_time_ms[column]) + 300_000)
        for row, column in zip(*np.nonzero(decisions.side > 0), strict=True)
    }
    for order in finished.results.orders.values():
        if order.side == "buy":
            assert (order.symbol, int(order.created_at.timestamp() - 1) * 1000) in signalled


def test_later_candles_change_no_earlier_trade():
    whole = backtest_run(setup_of(2))
    matrix, decisions = market(2)
    cut = 250
    part = Setup(
        matrix.upto(int(matrix.open_time_ms[cut - 1])),
        Decisions(decisions.side[:, :cut], decisions.confidence[:, :cut]),
        setup_of(2).specs,
        PLAN,
        market=MarketModel(visible_share=D("0.01")),
    )
    earlier = [fill for _, fill in backtest_run(part).results.fills]
    assert earlier
    assert [fill for _, fill in whole.results.fills][: len(earlier)] == earlier


def test_the_report_adds_up():
    setup = setup_of(3)
    finished = backtest_run(setup)
    report = report_of(finished, setup, strategy="random", first="a", last="b")
    trades = finished.results.trades()
    assert report.trades == len(trades) == sum(report.closed_by.values())
    assert report.wins == sum(trade.realised_pnl > 0 for trade in trades)
    assert report.pnl == sum(trade.realised_pnl for trade in trades)
    if not finished.state.positions:
        assert report.equity_end == setup.balance + report.pnl - report.left_over
    assert report.left_over == sum(trade.dust_cost for trade in trades) > 0
    assert json.loads(json.dumps(report.as_json()))["pnl"] == str(report.as_json()["pnl"])


def test_drawdown_is_the_largest_fall_from_a_peak():
    class Trade:
        def __init__(self, gain):
            self.realised_pnl = D(gain)

    assert max_drawdown(D(100), [Trade(g) for g in (100, -50, -50, 300, -100)]) == D("0.5")


def test_the_path_of_a_candle_and_its_quotes():
    rising, falling = Candle(10.0, 12.0, 9.0, 11.0, 1000.0), Candle(11.0, 12.0, 9.0, 10.0, 1000.0)
    assert path(rising) == (10.0, 9.0, 12.0, 11.0)
    assert path(falling) == (11.0, 12.0, 9.0, 10.0)
    matrix, _ = market(1)
    spec, at = spec_of(matrix, 0), setup_of(1).plan.holding_time
    quotes = quotes_of(rising, spec, datetime(2024, 1, 1, tzinfo=UTC), at, MarketModel())
    assert [q.bid < q.ask for q in quotes] == [True] * 4
    assert quotes[0].bid == D("9.99")
    assert quotes[0].ask == D("10.01")
    assert quotes[0].bid_size == 10


@pytest.fixture
def folder(tmp_path):
    matrix, _ = market(4, symbols=2, candles=600)
    for row, symbol in enumerate(matrix.symbols):
        frame = {name: getattr(matrix, name)[row] for name in ("open", "high", "low", "close", "volume")}
        frame["timestamp"] = pl.Series(matrix.open_time_ms).cast(pl.Datetime("ms", "UTC"))
        pl.DataFrame(frame).write_parquet(tmp_path / f"{symbol.replace('/', '_')}.parquet")
    return tmp_path


def test_the_command_prints_a_report(folder, capsys):
    call_command("backtest", data=folder, strategy="ma_cross", json=True, skip_checks=True)
    report = json.loads(capsys.readouterr().out)
    assert report["symbols"] == 2
    assert report["candles"] == 600
    assert report["trades"] == sum(report["closed_by"].values())
    call_command("backtest", data=folder / "C0_USDT.parquet", strategy="ma_cross", skip_checks=True)
    assert "win rate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "tea_leaves"}, "Allowed: ma_cross"),
        ({"symbols": ["XYZ/USDT"]}, "No candles of XYZ/USDT"),
        ({"stop_loss": D(2)}, "--stop-loss must be below 1"),
        ({"capital": D(-1)}, "--capital must be above zero"),
        ({"param": ["fast=x"]}, "name=number"),
        ({"limit": 1}, "at least 2"),
        ({"param": ["fast=1e30"]}, "fast must be a whole number from 2 to 400"),
    ],
)
def test_nonsense_is_refused_with_what_is_allowed(folder, options, message):
    with pytest.raises(CommandError, match=message):
        call_command("backtest", **{"data": folder, "strategy": "ma_cross", "skip_checks": True} | options)


def test_one_candle_mixed_time_frames_and_missing_times_are_refused(folder):
    """Each of these would be another market than the file's owner thinks, or none."""
    file = folder / "C0_USDT.parquet"
    whole = pl.read_parquet(file)
    gaps = pl.concat([whole.head(300), whole.slice(300).gather_every(12)])
    late = whole.with_columns(pl.when(pl.int_range(pl.len()) == 5).then(None).otherwise("timestamp").alias("timestamp"))
    for frame, words in (
        (whole.head(1), "At least two candles"),
        (gaps, "C0_USDT.parquet mixes time frames"),
        (late, "without a timestamp"),
        (whole.drop("close"), r'unable to find column "close"[^\n]*\.\Z'),
    ):
        frame.write_parquet(file)
        with pytest.raises(CommandError, match=words):
            call_command("backtest", data=file, strategy="ma_cross", skip_checks=True)


def test_files_of_several_time_frames_are_not_put_side_by_side(folder):
    pl.read_parquet(folder / "C0_USDT.parquet").gather_every(60).write_parquet(folder / "HOUR_USDT.parquet")
    with pytest.raises(CommandError, match=r"several time frames \(C0_USDT.parquet 5 min, HOUR_USDT.parquet 300 min\)"):
        call_command("backtest", data=folder, strategy="ma_cross", skip_checks=True)
    call_command("backtest", data=folder, strategy="ma_cross", symbols=["C0/USDT"], limit=100, skip_checks=True)


def test_missing_or_broken_files_are_named(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        files_of(tmp_path / "none", [])
    with pytest.raises(DataError, match="There are no"):
        files_of(tmp_path, [])
