"""Choosing, slicing, failing and falling back, with a CuPy that computes on the host."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from accounts.clock import clock_set
from accounts.models import Notice
from signals.domain.indicators import Indicator
from signals.domain.strategies import REGISTRY
from signals.scan import backend, decisions, pass_cpu, pass_gpu
from signals.scan.cuda import host
from signals.scan.decisions import DecisionPlan, Rule, traceable
from signals.scan.panel import Panel
from signals.scan.plan import Plan
from signals.services.backend import TITLE, backend_fallback_report
from tests.signals.scan.fake_cupy import FakeCupy
from tests.signals.scan.markets import alone, assert_same_bits, every_kind, made_matrix

pytestmark = pytest.mark.skipif(host.compiler() is None, reason="needs a C++ compiler (g++)")
PLAN = Plan.of([Indicator("sma", (5,)), Indicator("bb", (20, 2)), Indicator("macd", (12, 26, 9))])


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """A choice and listeners of this test's own."""
    monkeypatch.setattr(backend, "_listeners", [])
    backend.backend_forget()
    pass_gpu._module.cache_clear()
    yield
    backend.backend_forget()
    pass_gpu._module.cache_clear()


@pytest.fixture
def gpu(monkeypatch) -> FakeCupy:
    fake = FakeCupy()
    monkeypatch.setattr(pass_gpu, "cupy", lambda: fake)
    return fake


@pytest.fixture
def clock():
    """A clock that is moved by hand."""
    moment = [datetime(2026, 1, 1, tzinfo=UTC)]
    with clock_set(lambda: moment[0]):
        yield moment


@pytest.fixture
def panel() -> Panel:
    return Panel.of(made_matrix("ragged"))


def strategies() -> DecisionPlan:
    return DecisionPlan.of(alone(traceable([Rule(rules, rules.validate({})) for rules in REGISTRY.values()])[0]))


def test_the_gpu_gives_the_cpus_bits(gpu, panel):
    plan = every_kind()
    ours, our_state = pass_gpu.panel_run(panel, plan)
    theirs, their_state = pass_cpu.panel_run(panel, plan)
    assert_same_bits(ours, theirs, plan)
    np.testing.assert_array_equal(our_state, their_state)


def test_what_does_not_fit_is_done_in_slices(gpu, panel):
    gpu.free = 12_000_000
    assert panel.blocks > 10
    assert_same_bits(pass_gpu.columns_compute(panel, PLAN), pass_cpu.columns_compute(panel, PLAN), PLAN)
    for kind in ("sma", "bb", "macd"):
        lanes = [lanes for name, lanes, _ in gpu.launches if name == f"pass_{kind}"]
        assert len(lanes) > 2 and sum(lanes) == panel.blocks * 16
    assert (
        max(held for _, _, held in gpu.launches) <= gpu.free * pass_gpu.SHARE + 100_000
    )  # the plan's tables beside it


@pytest.mark.parametrize("free", [1 << 30, 9_000_000])
def test_decisions_are_the_cpus_and_only_masks_come_back(gpu, panel, free):
    gpu.free, plan = free, strategies()
    np.testing.assert_array_equal(pass_gpu.masks_compute(panel, plan), decisions.masks_compute(panel, plan))
    slices = [name for name, _, _ in gpu.launches].count("pass_sma")
    assert slices == 1 if free > 1 << 29 else slices > 1


def test_an_array_of_an_earlier_pass_is_written_again(gpu, panel):
    out = pass_cpu.columns_compute(panel, PLAN)
    out[:] = 0.0
    assert pass_gpu.columns_compute(panel, PLAN, out=out) is out
    assert_same_bits(out, pass_cpu.columns_compute(panel, PLAN), PLAN)


def test_auto_takes_the_gpu_that_is_there(gpu, panel, settings):
    settings.XRAY_SCAN_BACKEND = "auto"
    assert backend.columns_compute(panel, PLAN).backend == "gpu"
    assert backend.masks_compute(panel, strategies()).backend == "gpu"
    assert backend.columns_compute(panel, PLAN, on="cpu").backend == "cpu"


def test_cpu_is_cpu(gpu, panel, settings):
    settings.XRAY_SCAN_BACKEND = "cpu"
    assert backend.columns_compute(panel, PLAN).backend == "cpu"
    assert gpu.launches == []
    with pytest.raises(backend.GpuMissing, match="XRAY_SCAN_BACKEND is cpu"):
        backend.columns_compute(panel, PLAN, on="gpu")


def test_without_cupy_the_cpu_computes_and_says_why(monkeypatch, panel):
    def absent():
        raise ImportError("No module named 'cupy'")

    monkeypatch.setattr(pass_gpu, "cupy", absent)
    assert "pip install -r requirements.txt" in backend.backend_choose().why
    assert backend.columns_compute(panel, PLAN).backend == "cpu"


def test_without_a_device_the_cpu_computes(gpu, panel):
    gpu.devices = 0
    assert backend.backend_choose() == backend.Choice("cpu", "CUDA finds no device.")


def test_a_gpu_that_gives_other_values_is_not_used(gpu, panel):
    gpu.wrong = 1e-9
    assert backend.backend_choose() == backend.Choice("cpu", "it gives other values than the CPU.")


def test_a_gpu_whose_first_pass_fails_is_not_used(gpu, panel):
    gpu.fails["launch"] = {1}
    assert "its first pass failed (OutOfMemoryError" in backend.backend_choose().why


def test_a_failure_loses_one_pass_and_the_gpu_rests_longer_each_time(gpu, panel, clock):
    told = []
    backend.on_fallback(lambda reason, rest: told.append((reason, rest)))
    backend.backend_choose()
    gpu.fails["launch"] = {gpu.calls + 1, gpu.calls + 2}
    expected = pass_cpu.columns_compute(panel, PLAN)
    for failures, minutes in ((1, 1), (2, 2)):
        values, used = backend.columns_compute(panel, PLAN)
        assert used == "cpu" and gpu.released == failures
        assert_same_bits(values, expected, PLAN)
        assert told[-1][1] == timedelta(minutes=minutes) and "Out of memory" in told[-1][0]
        clock[0] += timedelta(minutes=minutes, seconds=-1)
        assert backend.columns_compute(panel, PLAN).backend == "cpu" and len(told) == failures
        clock[0] += timedelta(seconds=1)
    assert backend.columns_compute(panel, PLAN).backend == "gpu"
    assert backend.backend_choose().failures == 0


def test_strategies_with_larger_candles_are_refused_and_the_gpu_does_not_rest(gpu, panel):
    larger = [Rule(rules, rules.validate({})) for rules in REGISTRY.values()]
    plan = DecisionPlan.of(traceable(larger)[0])
    assert plan.larger
    for compute in (backend.masks_compute, pass_gpu.masks_compute):
        with pytest.raises(ValueError, match="Larger candles"):
            compute(panel, plan)
    assert backend.backend_choose().failures == 0


def test_a_failure_in_a_later_slice_loses_the_pass_not_its_values(gpu, panel, clock):
    backend.backend_choose()
    gpu.free = 12_000_000
    gpu.fails["launch"] = {gpu.calls + 2}
    out = pass_cpu.columns_compute(panel, PLAN)
    out[:] = 0.0
    values, used = backend.columns_compute(panel, PLAN, out=out)
    assert used == "cpu" and values is out
    assert_same_bits(values, pass_cpu.columns_compute(panel, PLAN), PLAN)


def test_a_pass_that_must_be_the_gpus_does_not_fall_back(gpu, panel):
    backend.backend_choose()
    gpu.fails["launch"] = {gpu.calls + 1}
    with pytest.raises(MemoryError):
        backend.columns_compute(panel, PLAN, on="gpu")


def test_a_listener_that_fails_does_not_lose_the_scan(gpu, panel, clock):
    backend.on_fallback(lambda reason, rest: 1 / 0)
    backend.backend_choose()
    gpu.fails["launch"] = {gpu.calls + 1}
    assert backend.columns_compute(panel, PLAN).backend == "cpu"


@pytest.mark.django_db
def test_staff_are_told_once_an_hour(clock):
    for minutes in (0, 30, 59, 60):
        clock[0] = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
        backend_fallback_report("OutOfMemoryError: full", timedelta(minutes=4))
    notices = Notice.objects.filter(title=TITLE)
    assert notices.count() == 2
    assert notices[0].user is None and notices[0].level == "warn"
    assert notices[0].text.startswith("OutOfMemoryError: full. The scan was computed on the CPU")


def test_staff_are_told_by_the_running_platform(monkeypatch):
    from django.apps import apps

    monkeypatch.setattr(backend, "_listeners", [])
    apps.get_app_config("signals").ready()
    assert backend._listeners == [backend_fallback_report]
