"""Sweeps that are kept: stored once with their best, stopped by hand, started and shown in the admin."""

import json
from datetime import timedelta
from unittest import mock

import pytest
from django.urls import reverse

from accounts.clock import now
from accounts.models import AuditEvent, User
from signals.domain.strategies import strategy_of
from signals.sweep.rules import SweepError
from tests.trading.test_sweep_command import file_write, sweep, walk
from trading.models import SweepRun
from trading.services import sweep_runs
from trading.sweep_map import heat_maps, legend

pytestmark = pytest.mark.django_db
PARAMS = ["fast=3:5", "slow=5:20:5"]


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "binance" / "5m"
    place.mkdir(parents=True)
    file_write(place, "AAA_USDT", walk(1))
    file_write(place, "BBB_USDT", walk(2))
    return place


@pytest.fixture
def run(folder):
    order = sweep_runs.sweep_order(
        strategy=strategy_of("ma_cross"), params=PARAMS, source=str(folder), rules={"fee": 0.001}, top=5
    )
    return sweep_runs.sweep_run_create(order=order, params=PARAMS)


def test_a_run_is_stored_with_its_best_and_its_maps(run):
    outcome = sweep_runs.sweep_run_execute(run_id=run.pk)
    run.refresh_from_db()
    assert (run.status, run.done, run.total, run.skipped, run.backend) == ("done", 22, 22, 1, "cpu")
    stored = list(run.results.all())
    assert [one.final_equity for one in stored] == [row.final_equity for row in outcome.rows]
    assert stored[0].engine_trades == stored[0].trades and stored[0].engine_equity is not None
    one = heat_maps(run)[0]
    assert (
        one.x == "slow" and one.x_values == ["5", "10", "15", "20"] and [row[0] for row in one.rows] == ["5", "4", "3"]
    )
    assert one.rows[0][1][0].step == "", "fast 5 with slow 5 is no set"
    assert max(cell for row in run.heat[one.symbol]["cells"] for cell in row if cell) == pytest.approx(
        max(row.final_equity for row in outcome.rows if row.symbol == one.symbol), rel=1e-5
    )


def test_a_map_shows_where_everything_lost_least():
    cells = [[500.0, 600.0, 700.0, None], [800.0, 900.0, 950.0, 1000.0]]
    heat = {"x": "slow", "y": "fast", "x_values": [1, 2, 3, 4], "y_values": [1, 2], "cells": cells}
    run = SweepRun(rules={}, heat={"A/USDT": heat})
    (one,) = heat_maps(run)
    assert [cell.step for _, row in one.rows for cell in row] == ["n2", "n1", "n1", "0", "n3", "n3", "n2", ""]
    assert len(legend(run)) == 7 and legend(run)[0][1] == "below \N{MINUS SIGN}33%"
    assert heat_maps(SweepRun(rules={}, heat={})) == []


def test_a_run_is_taken_once(run):
    assert sweep_runs.sweep_run_execute(run_id=run.pk) is not None
    assert sweep_runs.sweep_run_execute(run_id=run.pk) is None
    assert run.results.count() == 5


def test_a_run_that_fails_says_why(run, folder):
    for file in folder.iterdir():
        file.unlink()
    with pytest.raises(SweepError):
        sweep_runs.sweep_run_execute(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == "failed" and "no .parquet files" in run.error


def test_a_stop_asked_for_ends_it_and_keeps_what_is_done(run):
    def stop_at_first(done, total):
        SweepRun.objects.filter(pk=run.pk).update(stop_asked=True)

    outcome = sweep_runs.sweep_run_execute(run_id=run.pk, progress=stop_at_first)
    run.refresh_from_db()
    assert run.status == "stopped" and 0 < outcome.done < outcome.total
    assert {one.symbol for one in run.results.all()} == {"AAA/USDT"}


def test_stopping_tells_what_it_did(run):
    assert "not begun" in sweep_runs.sweep_run_stop(run=run)
    assert "ended already" in sweep_runs.sweep_run_stop(run=run)
    SweepRun.objects.filter(pk=run.pk).update(status="running", seen_at=now())
    assert "stops after" in sweep_runs.sweep_run_stop(run=run)
    SweepRun.objects.filter(pk=run.pk).update(seen_at=now() - timedelta(minutes=11))
    assert "gone" in sweep_runs.sweep_run_stop(run=run)


def test_the_command_keeps_a_run_when_asked(folder, capsys):
    out, err = sweep(capsys, folder, "--strategy", "ma_cross", "--param", "fast=3:5", "--save", "--json", "--top", "2")
    run = SweepRun.objects.get()
    assert f"kept as sweep {run.pk}" in err and run.results.count() == 2
    assert json.loads(out.splitlines()[0])["final_equity"] == run.results.first().final_equity


@pytest.fixture
def staff(client):
    user = User.objects.create_superuser(email="root@example.com", password="x" * 12)
    client.force_login(user)
    return client


def form_of(folder, **changes):
    return {
        "strategy": "ma_cross", "ranges": "\n".join(PARAMS), "source": str(folder), "chosen": "AAA/USDT",
        "fill": "next_open", "fee": "0.001", "slippage": "0.0005", "stop": "0", "take": "0", "top": "3", "rerun": "1",
    } | changes  # fmt: skip


def test_staff_start_a_sweep_and_see_its_map(staff, folder, settings, django_capture_on_commit_callbacks):
    settings.XRAY_MARKET_DATA = str(folder.parent.parent)
    with mock.patch("trading.tasks.sweep_execute.delay") as queue, django_capture_on_commit_callbacks(execute=True):
        answer = staff.post(reverse("admin:trading_sweeprun_add"), form_of(folder))
    assert answer.status_code == 302, answer.context["errors"] if answer.context else ""
    run = SweepRun.objects.get()
    queue.assert_called_once_with(run.pk)
    assert run.status == "waiting" and AuditEvent.objects.filter(action="sweep_started").exists()
    sweep_runs.sweep_run_execute(run_id=run.pk)
    page = staff.get(reverse("admin:trading_sweeprun_change", args=[run.pk])).content.decode()
    assert 'class="heat-' in page and "AAA/USDT" in page and "fast 4, slow 10" in page
    assert staff.get(reverse("admin:trading_sweeprun_changelist")).status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("ranges", "fast=0:5", "from 2 to 400"),
        ("ranges", "fast=50:5", "goes up from lo to hi"),
        ("fee", "2", "Is a fraction from 0 to 0.5, not 2."),
        ("source", "/etc", "valid choice"),
        ("top", "0", "greater than or equal to 1"),
    ],
)
def test_a_sweep_that_cannot_be_run_is_an_error_of_its_field(staff, folder, settings, field, value, words):
    settings.XRAY_MARKET_DATA = str(folder.parent.parent)
    answer = staff.post(reverse("admin:trading_sweeprun_add"), form_of(folder, **{field: value}))
    errors = answer.context["adminform"].form.errors
    assert list(errors) == [field] and words in str(errors) and not SweepRun.objects.exists()
