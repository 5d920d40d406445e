"""`manage.py indicators`: candle files in, indicator files out."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import talib
from django.core.management import CommandError, call_command

from signals.domain.indicators import KINDS
from signals.services.indicator_files import indicators_all, indicators_parse
from tests.signals.support import walk_matrix

FIELDS = ("open", "high", "low", "close", "volume")


def candles(length: int = 200, *, seed: int = 1) -> pl.DataFrame:
    matrix = walk_matrix(1, length, seed=seed)
    table = pl.DataFrame({name: getattr(matrix, name)[0] for name in FIELDS})
    times = pl.Series("timestamp", matrix.open_time_ms).cast(pl.Datetime("ms", "UTC"))
    return table.insert_column(0, times)


def run(*args: object) -> str:
    out = StringIO()
    call_command("indicators", *map(str, args), stdout=out)
    return out.getvalue()


def refused(*args: object) -> str:
    with pytest.raises(CommandError) as caught:
        run(*args)
    assert caught.value.returncode == 2
    return str(caught.value)


def test_a_file_gets_its_columns(tmp_path):
    table = candles().with_columns(pl.lit("x").alias("note"))
    table.write_parquet(tmp_path / "in.parquet")
    run(
        "--data", tmp_path / "in.parquet", "--out", tmp_path / "new" / "out.parquet", "--set", "sma:20,macd:12:26:9,rsi"
    )
    made = pl.read_parquet(tmp_path / "new" / "out.parquet")
    named = ["sma_20", "macd_12_26_9", "macd_signal_12_26_9", "macd_hist_12_26_9", "rsi_14"]
    assert made.columns == ["timestamp", *FIELDS, *named]
    assert made.select("timestamp", *FIELDS).equals(table.select("timestamp", *FIELDS))
    np.testing.assert_array_equal(made["rsi_14"].to_numpy(), talib.RSI(table["close"].to_numpy(), 14))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out.parquet"]


def test_csv_and_everything(tmp_path):
    candles().write_csv(tmp_path / "in.csv")
    line = json.loads(run("--data", tmp_path / "in.csv", "--out", tmp_path / "out.parquet", "--json"))
    assert line["rows"] == 200 and line["unusable"] == 0
    made = pl.read_parquet(tmp_path / "out.parquet")
    assert made.columns[6:] == line["columns"] == [name for one in indicators_all() for name in one.columns]
    assert {"sma_20", "ema_12", "ema_26", "rsi_14", "bb_upper_20_2", "atr_14", "adx_14", "obv"} <= set(made.columns)


def test_whole_numbers_are_times_and_prices_too(tmp_path):
    table = candles(60).with_columns(pl.col("timestamp").dt.epoch("ms"), (pl.col("volume") * 10).cast(pl.Int64))
    table.write_parquet(tmp_path / "in.parquet")
    run("--data", tmp_path / "in.parquet", "--out", tmp_path / "out.parquet", "--set", "obv")
    assert pl.read_parquet(tmp_path / "out.parquet")["timestamp"].dtype == pl.Int64


@pytest.mark.parametrize("bad", [None, float("nan"), float("inf"), float("-inf"), 0.0, -1.0])
def test_an_unusable_candle_keeps_its_row_and_indicators_begin_anew(tmp_path, bad):
    table = candles(120)
    close = table["close"].to_list()
    close[50] = bad
    table.with_columns(pl.Series("close", close)).write_parquet(tmp_path / "in.parquet")
    line = json.loads(
        run("--data", tmp_path / "in.parquet", "--out", tmp_path / "out.parquet", "--set", "sma:5", "--json")
    )
    assert line["rows"] == 120 and line["unusable"] == 1
    made = pl.read_parquet(tmp_path / "out.parquet")["sma_5"].to_numpy()
    assert np.isnan(made[50:55]).all() and not np.isnan(made[55:]).any()
    np.testing.assert_array_equal(made[51:], talib.SMA(table["close"].to_numpy()[51:], 5))


def test_a_hole_in_the_time_grid_breaks_nothing(tmp_path):
    table = candles(100)
    holed = pl.concat([table[:40], table[47:]])
    holed.write_parquet(tmp_path / "in.parquet")
    run("--data", tmp_path / "in.parquet", "--out", tmp_path / "out.parquet", "--set", "sma:5")
    made = pl.read_parquet(tmp_path / "out.parquet")["sma_5"].to_numpy()
    np.testing.assert_array_equal(made, talib.SMA(holed["close"].to_numpy(), 5))


def _swapped(table: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([table[:10], table[11:12], table[10:11], table[12:]])


def _slower(table: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([table[:100], table[100::3]])


BROKEN = {
    "twice": (lambda table: pl.concat([table[:10], table[9:]]), "row 11 is twice"),
    "order": (_swapped, "row 12 is not in order"),
    "frames": (_slower, "time frame changes"),
    "in turns": (lambda table: table.filter(pl.int_range(200) % 3 != 1), "time frame changes"),
    "shorter": (
        lambda table: table.with_columns(
            pl.col("timestamp") + pl.duration(seconds=(pl.int_range(200) == 50).cast(pl.Int64))
        ),
        "time frame changes",
    ),
    "empty": (lambda table: table[:0], "holds no candle"),
    "column": (lambda table: table.drop("volume"), "has no column volume"),
    "words": (lambda table: table.with_columns(pl.lit("cheap").alias("close")), "not a number"),
    "no times": (lambda table: table.with_columns(pl.lit(None, pl.Int64).alias("timestamp")), "timestamp is missing"),
    "text times": (lambda table: table.with_columns(pl.lit("noon").alias("timestamp")), "must be a date and time"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_used_is_refused_in_words(tmp_path, what):
    change, words = BROKEN[what]
    change(candles()).write_parquet(tmp_path / "in.parquet")
    assert words in refused("--data", tmp_path / "in.parquet", "--out", tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_a_broken_file_is_refused(tmp_path):
    (tmp_path / "in.parquet").write_bytes(b"PAR1 nothing")
    assert "cannot be read" in refused("--data", tmp_path / "in.parquet", "--out", tmp_path / "out.parquet")
    (tmp_path / "in.csv").write_bytes(b"")
    assert "cannot be read" in refused("--data", tmp_path / "in.csv", "--out", tmp_path / "out.parquet")


def test_one_bad_file_of_a_folder_costs_no_other(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    candles(50).write_parquet(folder / "a.parquet")
    candles(50).drop("low").write_parquet(folder / "b.parquet")
    candles(1).write_csv(folder / "c.csv")
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("indicators", f"--data={folder}", f"--out={tmp_path / 'out'}", "--json", stdout=out)
    assert caught.value.returncode == 2
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [Path(line["file"]).name for line in lines] == ["a.parquet", "b.parquet", "c.csv"]
    assert "no column low" in lines[1]["error"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.parquet", "c.parquet"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--set", "smma:3"), "Known: sma"),
        (("--set", "sma:x"), "must be numbers"),
        (("--set", "sma:0"), "whole number from 1"),
        (("--set", "macd:26:12:9"), "fast must be smaller than slow"),
        (("--set", "sma:5:6"), "sma needs period"),
        (("--set", " , "), "No indicators"),
    ],
)
def test_wrong_sets_are_refused(tmp_path, args, words):
    candles().write_parquet(tmp_path / "in.parquet")
    assert words in refused("--data", tmp_path / "in.parquet", "--out", tmp_path / "out.parquet", *args)


def test_the_file_itself_is_never_overwritten(tmp_path):
    candles().write_parquet(tmp_path / "in.parquet")
    assert "overwrite" in refused("--data", tmp_path / "in.parquet", "--out", tmp_path / "in.parquet")
    assert pl.read_parquet(tmp_path / "in.parquet").columns == ["timestamp", *FIELDS]
    assert ".parquet file" in refused("--data", tmp_path / "in.parquet", "--out", tmp_path / "out.csv")
    assert "does not exist" in refused("--data", tmp_path / "no.parquet", "--out", tmp_path / "out.parquet")
    assert "needed" in refused("--data", tmp_path / "in.parquet")


def test_the_list_names_every_kind():
    rows = [json.loads(line) for line in run("--list", "--json").splitlines()]
    assert [row["kind"] for row in rows] == list(KINDS)
    assert all(name in run("--list") for name in KINDS)
    assert indicators_parse("macd") == indicators_parse("macd:12:26:9")


def test_a_full_disk_is_told_and_the_other_files_are_still_tried(tmp_path, monkeypatch):
    for name in ("a", "b"):
        candles().write_parquet(tmp_path / f"{name}.parquet")

    def full(*_given):
        raise pl.exceptions.ComputeError("underlying IO error: No space left on device (os error 28)")

    with monkeypatch.context() as patch:
        patch.setattr(pl.DataFrame, "write_parquet", full)
        said = refused("--data", tmp_path, "--out", tmp_path / "out", "--set", "sma:20")
    assert said.count("cannot be written: No space left on device.") == 2
    assert list((tmp_path / "out").iterdir()) == []
