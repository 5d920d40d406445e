"""The scan on files: each symbol's newest candle, whatever else lies in the folder."""

import json

import numpy as np
import polars as pl
import pytest
from django.core.management import CommandError, call_command

from signals.domain.strategies import REGISTRY
from signals.scan.pass_cpu import lanes_compute
from tests.signals.support import real_matrix, walk_matrix

FIELDS = ("open", "high", "low", "close", "volume")


def written(folder, matrix, step_ms=300_000):
    times = 1_700_000_100_000 // step_ms * step_ms + np.arange(matrix.close.shape[1]) * step_ms
    for row, symbol in enumerate(matrix.symbols):
        columns = {name: getattr(matrix, name)[row] for name in FIELDS}
        frame = pl.DataFrame({"timestamp": pl.Series(times).cast(pl.Datetime("ms", "UTC")), **columns})
        frame.write_parquet(folder / f"{symbol.replace('/', '_')}.parquet")


def scanned(capsys, folder, *more, code=0):
    try:
        call_command("scan", data=folder, timeframe="5m", json=True, candles=1, **dict(more))
    except SystemExit as end:
        assert end.code == code
    else:
        assert code == 0
    out = capsys.readouterr()
    return [json.loads(line) for line in out.out.splitlines()], out.err


def test_each_line_is_a_decision_of_the_newest_candle(tmp_path, capsys):
    matrix = walk_matrix(40, 600)
    written(tmp_path, matrix)
    lines, told = scanned(capsys, tmp_path)
    expected = set()
    for kind, rules in REGISTRY.items():
        values = rules.validate({})
        side = rules.decide(lanes_compute(matrix, rules.indicators(values)), values).side[:, -1]
        expected |= {(matrix.symbols[row], kind, "buy" if side[row] > 0 else "sell") for row in np.flatnonzero(side)}
    # Larger candles lie on the grid of the files' own times, which the matrix of the test does not have.
    plain = {one for one in expected if one[1] != "trend"}
    found = {(line["symbol"], line["strategy"], line["side"]) for line in lines}
    assert plain and plain == {one for one in found if one[1] != "trend"}
    assert "40 symbols" in told and all(0 <= line["confidence"] <= 1 and line["reason"] for line in lines)


def test_bad_files_are_told_and_the_others_go_on(tmp_path, capsys):
    matrix = walk_matrix(6, 400)
    written(tmp_path, matrix)
    good, _ = scanned(capsys, tmp_path)
    (tmp_path / "AAA_USDT.parquet").write_bytes(b"")
    (tmp_path / "BBB_USDT.csv").write_text("timestamp,open\n1,2\n")
    pl.DataFrame({"timestamp": [1_700_000_100_000], **{name: [1.0] for name in FIELDS}}).write_parquet(
        tmp_path / "CCC_USDT.parquet"
    )
    broken = pl.read_parquet(tmp_path / "C1_USDT.parquet").with_columns(pl.lit(-1.0).alias("close"))
    broken.write_parquet(tmp_path / "DDD_USDT.parquet")
    lines, told = scanned(capsys, tmp_path, code=1)
    assert [line for line in lines if "error" not in line] == good
    refused = {line["file"].rsplit("/", 1)[-1] for line in lines if "error" in line}
    assert {"AAA_USDT.parquet", "BBB_USDT.csv", "DDD_USDT.parquet"} <= refused
    assert "no column" in told and "empty" in told


def test_pairs_that_end_at_different_times_are_all_scanned(market_data, tmp_path, capsys):
    matrix = real_matrix(market_data, 10, 900)
    for row, symbol in enumerate(matrix.symbols):
        stop = 900 - 50 * (row % 3)
        times = 1_700_000_100_000 // 300_000 * 300_000 + np.arange(stop) * 300_000
        columns = {name: getattr(matrix, name)[row, :stop] for name in FIELDS}
        pl.DataFrame({"timestamp": times, **columns}).write_parquet(tmp_path / f"{symbol}.parquet")
    _, told = scanned(capsys, tmp_path)
    assert "of 10 symbols" in told


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"strategy": ["magic"]}, "Unknown strategy"),
        ({"strategy": ["ma_cross"], "param": ["fast=50", "slow=20"]}, "smaller than slow"),
        ({"param": ["fast=5"]}, "exactly one"),
        ({"timeframe": "7m"}, "--timeframe is one of"),
    ],
)
def test_wrong_calls_are_refused_in_words(tmp_path, given, words):
    written(tmp_path, walk_matrix(1, 50))
    with pytest.raises(CommandError, match=words):
        call_command("scan", data=tmp_path, **given)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(CommandError, match="holds no"):
        call_command("scan", data=tmp_path)
