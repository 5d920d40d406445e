"""`manage.py candles`: what a script relies on (exit codes, one JSON object a line), and killing it in the middle."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from signals.candles.frames import frame_write
from signals.models import CandleSeries
from tests.migrated import migrated
from tests.practice.clients import Process
from tests.signals.support import walk_matrix

ROOT = Path(__file__).resolve().parents[2]


def candles(*arguments: str) -> tuple[int, list[dict], str]:
    """Exit code, the JSON lines of stdout, and stderr."""
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command("candles", *arguments, "--json", stdout=out, stderr=err)
    except SystemExit as end:
        code = int(end.code or 0)
    except CommandError as error:
        code = error.returncode
        err.write(str(error))
    return code, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Four symbols: good, to be cleaned, to be refused, and no candles at all."""
    for number, name in enumerate(("AAA_USDT", "BBB_USDT", "CCC_USDT")):
        table = walk_matrix(1, 2000, seed=number).table("C0/USDT")
        table.close[5 : (5, 8, 1500)[number]] = np.nan
        frame_write(tmp_path / "in" / f"{name}.parquet", table)
    (tmp_path / "in" / "DDD_USDT.parquet").write_bytes(b"")
    return tmp_path / "in"


@pytest.mark.django_db
def test_one_bad_symbol_is_never_the_loss_of_the_others(folder):
    code, lines, err = candles("import", str(folder), "--timeframe", "1m")
    assert code == 1
    assert {line["symbol"]: line["status"] for line in lines[:-1]} == {
        "AAA/USDT": "stored", "BBB/USDT": "cleaned", "CCC/USDT": "refused", "DDD/USDT": "refused",
    }  # fmt: skip
    assert lines[-1] == {"summary": True, "action": "import", "series": 4, "good": 2, "not_good": 2}
    assert "[4/4]" in err and CandleSeries.objects.count() == 2


@pytest.mark.django_db
def test_check_export_and_repair_say_good_with_zero_and_problems_with_one(folder, tmp_path):
    candles("import", str(folder), "--symbols", "AAA/USDT,BBB/USDT", "--quiet")
    code, lines, err = candles("check", "--symbols", "AAA/USDT", "--quiet")
    assert (code, lines[0]["status"], err) == (0, "good", "")
    code, lines, _ = candles("check")
    assert code == 1 and lines[1]["problems"] == {"missing": 3}
    assert lines[1]["holes"] == [["2023-11-14T22:19:00Z", "2023-11-14T22:21:00Z"]]
    assert candles("repair", "--offline")[0] == 1
    assert candles("repair", "--mark-holes")[0] == 0
    assert candles("check")[0] == 0
    code, lines, _ = candles("export", "--timeframe", "1m", "--out", str(tmp_path / "out"), "--format", "csv")
    assert code == 0 and [line["rows"] for line in lines[:-1]] == [2000, 1997]
    assert candles("export", "--timeframe", "1m", "--out", str(tmp_path / "out"), "--since", "2030-01-01")[0] == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["import", "/nowhere"], "does not exist"),
        (["import", "."], "no .parquet or .csv file"),
        (["check", "--exchange", "nasdaq"], "Unknown exchange 'nasdaq'"),
        (["check", "--symbols", "NO/USDT"], "No candles of NO/USDT"),
        (["export", "--timeframe", "7m", "--out", "x"], "Unknown timeframe '7m'"),
        (["export", "--out", "x"], "No 1m candles of binance"),
        (["fetch"], "No symbol of binance is known"),
        (["fetch", "--since", "2024-02-01", "--until", "2024-01-01"], "--since must be before"),
        (["repair", "--offline", "--mark-holes"], "one of the two"),
    ],
)
def test_wrong_usage_is_two_and_says_what_to_do(arguments, words):
    code, lines, err = candles(*arguments)
    assert code == 2 and lines == [] and words in err


@pytest.mark.django_db
def test_ctrl_c_loses_nothing_and_says_so(folder, monkeypatch):
    from signals.services import candle_files

    real, calls = candle_files.candles_import, []

    def stopped(**given):
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(**given)

    monkeypatch.setattr(candle_files, "candles_import", stopped)
    code, lines, err = candles("import", str(folder), "--timeframe", "1m")
    assert code == 130 and "Nothing is lost" in err and len(lines) == 1
    monkeypatch.undo()
    assert [line["status"] for line in candles("import", str(folder), "--timeframe", "1m")[1][:2]] == [
        "unchanged", "cleaned",
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_place_that_cannot_be_written_is_told_and_a_full_disk_loses_nothing(folder, tmp_path, monkeypatch):
    candles("import", str(folder), "--symbols", "AAA/USDT", "--quiet")
    (tmp_path / "file").write_text("in the way")
    export = ("export", "--timeframe", "1m", "--quiet", "--out")
    code, lines, err = candles(*export, str(tmp_path / "file"))
    assert (code, lines) == (1, []) and "cannot be read or written: File exists" in err

    def full(*_given):
        raise pl.exceptions.ComputeError("underlying IO error: No space left on device (os error 28)")

    with monkeypatch.context() as patch:
        patch.setattr(pl.DataFrame, "write_parquet", full)
        code, lines, err = candles(*export, str(tmp_path / "out"))
    assert (code, lines) == (
        1,
        [],
    ) and "AAA_USDT.parquet cannot be read or written: No space left on device. Make room" in err
    assert list((tmp_path / "out").iterdir()) == []
    assert candles(*export, str(tmp_path / "out"))[0] == 0


@pytest.mark.django_db
def test_real_candles_come_back_to_the_last_bit(market_data, tmp_path):
    source = sorted(market_data.glob("*/*"))[0]
    pairs = [path.name for path in sorted(source.glob("*.parquet"))[::25]]
    (tmp_path / "5m").mkdir()
    for name in pairs:
        shutil.copy(source / name, tmp_path / "5m" / name)
    assert candles("import", str(tmp_path / "5m"))[0] == 0
    assert candles("check")[0] == 0
    assert candles("export", "--timeframe", "5m", "--out", str(tmp_path / "out"))[0] == 0
    for name in pairs:
        mine, theirs = pl.read_parquet(tmp_path / "out" / name), pl.read_parquet(source / name)
        assert mine.equals(theirs.with_columns(pl.col("timestamp").dt.cast_time_unit("ms")))


@pytest.mark.django_db
def test_a_year_of_a_hundred_symbols_is_well_under_a_gigabyte(market_data, settings):
    source = sorted(market_data.glob("*/*"))[0]
    largest = [source / f"{name}_USDT.parquet" for name in ("BTC", "PEPE", "SOL")]
    for path in largest:
        candles("import", str(path), "--timeframe", "5m")
    stored = sum(path.stat().st_size for path in (settings.VAR_DIR / "candles").rglob("*.parquet"))
    a_row = stored / sum(CandleSeries.objects.values_list("rows", flat=True))
    assert a_row * 100 * 365 * 288 < 0.5e9


# --- a process of its own, killed ---


class Shell:
    """The command as somebody types it, on a state folder of its own."""

    def __init__(self, folder: Path, **settings: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        self.environment = kept | {"XRAY_VAR_DIR": str(folder), "XRAY_DEMO": "0"} | settings
        migrated(folder / "xray.sqlite3")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        out, _ = process.communicate(timeout=120)
        return process.returncode, out

    def killed(self, *arguments: str, after: str, times: int, number: int = signal.SIGKILL) -> int:
        """Start, wait for so many progress lines that contain `after`, and kill."""
        process = self.start(*arguments)
        for line in process.stderr:
            times -= after in line
            if times == 0:
                break
        process.send_signal(number)
        process.communicate(timeout=60)
        return process.returncode


@pytest.mark.slow
@pytest.mark.embedded
def test_an_import_that_is_killed_goes_on(tmp_path):
    for number in range(12):
        table = walk_matrix(1, 45_000, seed=number).table("C0/USDT")
        frame_write(tmp_path / "in" / f"S{number}_USDT.parquet", table)
    shell, command = Shell(tmp_path / "var"), ("candles", "import", str(tmp_path / "in"), "--timeframe", "1m")
    assert shell.killed(*command, after="stored", times=3) == -signal.SIGKILL
    code, out = shell.run(*command, "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [line["status"] for line in lines[:3]] == ["unchanged"] * 3
    assert {line["rows"] for line in lines[:-1]} == {45_000}
    code, out = shell.run("candles", "check", "--json")
    assert code == 0, out


DAYS = 10


@contextmanager
def at_exchange(folder: Path) -> Iterator[tuple[Process, Shell]]:
    """A practice exchange, and a shell whose commands ask it."""
    process = Process(folder / "exchange", "--weight-limit", "1000000")
    endpoints = json.dumps({"binance": {"rest": process.url, "ws": process.url.replace("http", "ws")}})
    try:
        yield process, Shell(folder / "var", XRAY_EXCHANGE_ENDPOINTS=endpoints)
    finally:
        process.stop()


@pytest.mark.slow
@pytest.mark.embedded
def test_a_fetch_from_a_real_server_that_is_killed_goes_on(tmp_path):
    with at_exchange(tmp_path) as (process, shell):
        command = ("candles", "fetch", "--symbols", "BTC/USDT", "ETH/USDT", "--timeframe", "1m")
        command += ("--since", "2026-01-01", "--until", f"2026-01-{DAYS + 1}")
        stuck = {"kind": "slow_before", "path": "klines", "seconds": 60, "skip": 8, "count": None}
        process.admin("faults", {"faults": [stuck], "seed": 0}, "PUT")
        assert shell.killed(*command, after="stored,", times=3) == -signal.SIGKILL
        process.admin("faults", {"faults": [stuck], "seed": 0}, "PUT")
        assert shell.killed(*command, after="stored,", times=3, number=signal.SIGINT) == 130
        process.admin("faults", {"faults": [], "seed": 0}, "PUT")
        code, out = shell.run(*command, "--json")
        lines = [json.loads(line) for line in out.splitlines()]
        assert code == 0 and all(0 < line["wanted"] == line["added"] < DAYS * 1440 for line in lines[:-1])
        holes(tmp_path / "var")
        code, out = shell.run("candles", "repair", "--json")
        lines = [json.loads(line) for line in out.splitlines()]
        assert code == 0 and [line["status"] for line in lines[:-1]] == ["repaired"] * 2
        assert {line["rows"] for line in lines[:-1]} == {DAYS * 1440}
        assert shell.run("candles", "check")[0] == 0


def holes(var: Path) -> None:
    """A hole, a doubled row and a cut file."""
    (first,) = (var / "candles").rglob("BTC_USDT/2026-01.parquet")
    frame = pl.read_parquet(first)
    pl.concat([frame.head(500), frame.slice(700), frame.head(1)]).write_parquet(first)
    (second,) = (var / "candles").rglob("ETH_USDT/2026-01.parquet")
    second.write_bytes(second.read_bytes()[:-100])


@pytest.mark.slow
@pytest.mark.embedded
def test_candles_that_the_exchange_left_out_are_told_and_not_made_up(tmp_path):
    with at_exchange(tmp_path) as (process, shell):
        gaps = {"kind": "candle_gaps", "path": "klines", "count": None}
        process.admin("faults", {"faults": [gaps], "seed": 3}, "PUT")
        days = ("--symbols", "BTC/USDT", "--timeframe", "1m", "--since", "2026-01-01", "--until", "2026-01-03")
        code, out = shell.run("candles", "fetch", *days, "--json")
        told = json.loads(out.splitlines()[0])
        assert code == 0 and told["absent"] > 100 and told["added"] + told["absent"] == 2 * 1440
        code, out = shell.run("candles", "check", "--json")
        assert code == 0 and json.loads(out.splitlines()[0])["rows"] == told["added"]
