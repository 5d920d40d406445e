"""`manage.py sweep`: what scripts read, what is refused, and the engine's figures beside the sweep's."""

import json

import numpy as np
import polars as pl
import pytest
from django.core.management import CommandError, call_command

RANGES = ("--param", "fast=3:5", "--param", "slow=10:20:5")


def file_write(folder, symbol, close, times=None):
    size = len(close)
    stamps = times if times is not None else 1_700_000_000_000 + 300_000 * np.arange(size)
    opened = np.concatenate((close[:1], close[:-1]))
    pl.DataFrame(
        {
            "timestamp": pl.Series(stamps).cast(pl.Datetime("ms")),
            "open": opened,
            "high": np.maximum(opened, close) * 1.001,
            "low": np.minimum(opened, close) * 0.999,
            "close": close,
            "volume": np.full(size, 1e6),
        }
    ).write_parquet(folder / f"{symbol}.parquet")


def walk(seed, size=600):
    rng = np.random.default_rng(seed)
    return np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.004, size))), 2)


@pytest.fixture
def folder(tmp_path):
    file_write(tmp_path, "AAA_USDT", walk(1))
    file_write(tmp_path, "BBB_USDT", walk(2))
    return tmp_path


def sweep(capsys, folder, *arguments):
    call_command("sweep", "--data", str(folder), *arguments)
    said = capsys.readouterr()
    return said.out, said.err


def test_json_is_one_object_a_line_best_first(folder, capsys):
    out, err = sweep(capsys, folder, "--strategy", "ma_cross", *RANGES, "--top", "4", "--json", "--slippage", "0.0005")
    rows = [json.loads(line) for line in out.splitlines()]
    assert len(rows) == 4
    assert {"symbol", "params", "trades", "final_equity", "max_drawdown", "engine"} <= set(rows[0])
    equities = [row["final_equity"] for row in rows]
    assert equities == sorted(equities, reverse=True)
    assert set(rows[0]["params"]) == {"fast", "slow"}
    assert "9 parameter sets x 2 symbols" in err and "18 of 18 sets" in err


def test_the_engine_comes_close_where_it_trades_the_same(folder, capsys):
    """No fee and no spread: only lots and ticks are left between the two."""
    out, _ = sweep(capsys, folder, "--strategy", "ma_cross", *RANGES, "--top", "5", "--json", "--fee", "0")
    for row in map(json.loads, out.splitlines()):
        assert row["engine"]["trades"] == row["trades"]
        assert row["engine"]["final_equity"] == pytest.approx(row["final_equity"], rel=0.02)


@pytest.mark.parametrize("strategy", ["rsi_divergence", "bollinger_breakout", "macd_trend"])
def test_any_strategy_can_be_swept(folder, capsys, strategy):
    name = {"rsi_divergence": "period", "bollinger_breakout": "period", "macd_trend": "fast"}[strategy]
    out, _ = sweep(capsys, folder, "--strategy", strategy, "--param", f"{name}=8,10,12", "--top", "0", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert {row["params"][name] for row in rows} == {8, 10, 12} and len(rows) == 6


def test_a_bad_symbol_is_told_and_the_others_go_on(folder, capsys):
    file_write(folder, "ONE_USDT", walk(3)[:1])
    (folder / "BAD_USDT.parquet").write_bytes(b"no parquet")
    out, err = sweep(capsys, folder, "--strategy", "ma_cross", *RANGES, "--top", "0", "--json", "--rerun", "0")
    assert {json.loads(line)["symbol"] for line in out.splitlines()} == {"AAA/USDT", "BBB/USDT"}
    assert "ONE/USDT has 1 usable candles" in err and "BAD_USDT.parquet holds no candles" in err


def test_the_table_shows_both_figures(folder, capsys):
    out, err = sweep(
        capsys, folder, "--strategy", "ma_cross", "--param", "fast=3,30", "--param", "slow=20", "--top", "1"
    )
    assert "engine" in out and "fast=3 slow=20" in out
    assert "1 combinations are left out" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--strategy", "nothing"), "Unknown strategy"),
        (("--strategy", "ma_cross", "--param", "fast=0:5"), "from 2 to 400"),
        (("--strategy", "ma_cross", "--param", "fast=50", "--param", "slow=20"), "No parameter set is left"),
        (("--strategy", "ma_cross", "--stop", "2"), "--stop is a fraction"),
        (("--strategy", "ma_cross", "--symbols", "ZZZ/USDT"), "No candles of ZZZ/USDT"),
        (("--strategy", "ma_cross", "--top", "-1"), "--top must be at least 0"),
    ],
)
def test_what_cannot_be_swept_is_refused_in_words(folder, capsys, arguments, words):
    with pytest.raises(CommandError, match=words):
        sweep(capsys, folder, *arguments)
    assert capsys.readouterr().out == ""


def test_no_usable_symbol_ends_with_an_error(tmp_path, capsys):
    file_write(tmp_path, "ONE_USDT", walk(3)[:1])
    with pytest.raises(CommandError, match="No symbol could be swept"):
        sweep(capsys, tmp_path, "--strategy", "ma_cross", "--json")
    assert capsys.readouterr().out == ""
