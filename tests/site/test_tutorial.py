"""The tutorial of custom strategies does what it says: its blocks are put together, checked, refused, backtested."""

import json
import re
import shlex
from pathlib import Path
from textwrap import indent

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from signals.custom.pool import warm_keep
from signals.models import CustomStrategy, Strategy
from tests.signals.support import walk_matrix

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "strategies.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
PYTHON = [text for kind, text in BLOCKS if kind == "python"]
SHELL = [text for kind, text in BLOCKS if kind == "bash"]
FIRST, SECOND, MISTAKE = PYTHON


def mistaken() -> str:
    """Step 3: the mistake, before the last line of `decide`."""
    at = SECOND.index("        return Decisions.of")
    return SECOND[:at] + indent(MISTAKE, " " * 8) + SECOND[at:]


@pytest.fixture
def place(tmp_path, monkeypatch, settings):
    import polars as pl

    settings.XRAY_STRATEGY_TIMEOUT_S, settings.VAR_DIR = 20.0, tmp_path
    matrix = walk_matrix(6, 1200)
    (tmp_path / "DATA").mkdir()
    for row, symbol in enumerate(matrix.symbols):
        columns = {name: getattr(matrix, name)[row] for name in ("open", "high", "low", "close", "volume")}
        times = pl.Series(matrix.open_time_ms).cast(pl.Datetime("ms"))
        frame = pl.DataFrame({"timestamp": times, **columns})
        frame.write_parquet(tmp_path / "DATA" / f"{symbol.replace('/', '_')}.parquet")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    warm_keep(set())


def run(block: str) -> None:
    """The block's commands, as a shell would give them."""
    for line in block.strip().splitlines():
        program, script, *words = shlex.split(line)
        assert (program, script) == ("python", "manage.py")
        call_command(*words)


@pytest.mark.django_db
def test_the_tutorial_from_an_empty_file_to_a_strategy_in_force(place, capsys):
    file = place / "dip_buyer.py"
    file.write_text(FIRST)
    run(SHELL[0])
    out = capsys.readouterr().out
    assert "dip_buyer.py is good: custom:dip_buyer" in out and "trades" in out

    file.write_text(SECOND)
    run(SHELL[1])
    out = capsys.readouterr().out
    report = json.loads(out[out.index("{") :])
    assert report["strategy"] == "custom:dip_buyer" and report["candles"] == 1200

    run(SHELL[2])
    out = capsys.readouterr().out
    assert "It is stored" in out and "Enabled" in out and "custom:dip_buyer on 6 symbols" in out
    version = Strategy.objects.get(kind="custom:dip_buyer", enabled=True)
    assert version.custom.source == SECOND and version.parameters == {"period": 14, "low": 30.0, "high": 60.0}
    assert CustomStrategy.objects.get().status == "enabled"


@pytest.mark.django_db
def test_the_mistake_is_refused_as_the_page_shows(place):
    (place / "dip_buyer.py").write_text(mistaken())
    shown = next(text for kind, text in BLOCKS if kind == "text")
    for words in (["strategy", "check", "dip_buyer.py"], ["backtest", "--data", "DATA", "--strategy", "dip_buyer.py"]):
        with pytest.raises(CommandError) as refused:
            call_command(*words)
        told = " ".join(str(refused.value).split())
        place_ = int(re.match(r"dip_buyer\.py:(\d+): It looks ahead", told).group(1))
        assert mistaken().splitlines()[place_ - 1].strip() == shown.strip().splitlines()[-1].strip()
        for part in " ".join(shown.split()).split("[...]"):
            assert part.strip(" .") in told


def test_the_contract_names_every_member():
    from signals.domain.strategies.base import Strategy as Contract

    members = {name for name in (*Contract.__annotations__, *vars(Contract)) if not name.startswith("_")} - {"validate"}
    assert {name for name in members if f"`{name}" not in PAGE} == set()


def test_confidence_is_as_described():
    from signals.domain.strategies.base import saturating

    assert saturating(np.array([[0.0, 2.0, np.nan]]), 2.0).tolist() == [[0.0, 0.5, 0.0]]
