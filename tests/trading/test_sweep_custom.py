"""A checked custom strategy is swept and scanned as a built-in one is."""

import json
import types

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from signals.domain.strategies import Strategy
from signals.models import CustomStrategy
from signals.services.custom import custom_offer
from signals.sweep.backends import CpuBackend
from tests.signals.custom.files import text
from tests.trading.test_sweep_command import file_write, sweep, walk
from trading.models import SweepRun
from trading.services.parameter_sweeps import Sweep
from trading.services.sweep_runs import sweep_order

pytestmark = pytest.mark.django_db(transaction=True)
NAMED, RANGE = ("--strategy", "custom:line_cross"), ("--param", "period=10:30:10")


@pytest.fixture
def folder(tmp_path):
    for number, symbol in enumerate(("AAA_USDT", "BBB_USDT"), 1):
        file_write(tmp_path, symbol, walk(number), 1_699_999_800_000 + 300_000 * np.arange(600))
    return tmp_path


@pytest.fixture
def checked(settings):
    settings.XRAY_STRATEGY_TIMEOUT_S = 30.0
    custom, _ = custom_offer(file="mine.py", source=text(), actor=None)  # its check has tests of its own
    CustomStrategy.objects.filter(pk=custom.pk).update(name="line_cross", report={"good": True})


def rules() -> Strategy:
    """The same text, run here."""
    module = types.ModuleType("mine")
    exec(text(), module.__dict__)
    return module.LineCross()


def test_its_sets_give_what_the_same_code_gives_here(folder, capsys, checked):
    out, err = sweep(capsys, folder, *NAMED, *RANGE, "--top", "0", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    order = sweep_order(strategy=rules(), params=[RANGE[1]], source=str(folder), rules={"fee": 0.001}, top=0)
    ours = [row.as_json() for row in Sweep(order, CpuBackend()).run().rows]
    assert len(rows) == 6 and rows == ours
    assert "6 of 6 sets" in err and any(row["trades"] for row in rows)


def test_it_is_kept_and_run_by_name(folder, capsys, checked):
    sweep(capsys, folder, *NAMED, *RANGE, "--save")
    run = SweepRun.objects.get()
    assert (run.strategy, run.status, run.results.count()) == ("custom:line_cross", SweepRun.Status.DONE, 6)


def test_it_scans_files(folder, capsys, checked):
    call_command("scan", "--data", str(folder), "--json", "--candles", "400", *NAMED, "--param", "period=10")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["strategy"] for line in lines} == {"custom:line_cross"} and len({one["symbol"] for one in lines}) == 2
    assert all("its average" in line["reason"] for line in lines)


@pytest.mark.parametrize("command", ["sweep", "scan"])
@pytest.mark.parametrize(
    ("name", "words"), [("mine.py", "strategy install mine.py"), ("custom:other", "There are: line_cross")]
)
def test_what_was_not_checked_is_refused(folder, checked, command, name, words):
    with pytest.raises(CommandError, match=words):
        call_command(command, "--data", str(folder), "--strategy", name)
