"""The CUDA source, compiled for the host, against the numba kernels; and compiled for real devices where nvcc is."""

from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.domain.strategies import REGISTRY
from signals.scan.cuda import compilers, host
from signals.sweep.backends import CpuBackend, GpuBackend, backend_of
from signals.sweep.cuda import launch
from signals.sweep.cuda.launch import Host, source
from signals.sweep.data import Series
from signals.sweep.grid import grid_of
from signals.sweep.rules import Rules, SweepError
from signals.sweep.run import ma_cross_sweep
from tests.signals.sweep.test_ma_cross import candles_make, table_of

needs_compiler = pytest.mark.skipif(host.compiler() is None, reason="there is no C++ compiler here")


def same(arrays, fast, slow, rules):
    table, fast, slow = table_of(*arrays), np.array(fast), np.array(slow)
    ours, theirs = (
        ma_cross_sweep(table, fast, slow, rules, threads=1),
        launch.ma_cross_sweep(Host(), table, fast, slow, rules),
    )
    for name in ("final_equity", "max_drawdown", "trades", "open", "done"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
    return theirs


@needs_compiler
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(2, 400),
    ticks=st.integers(5, 2000),
    spread=st.integers(1, 20),
    fast=st.integers(1, 30),
    more=st.integers(1, 60),
    fee=st.sampled_from([0.0, 0.001, 0.02]),
    stop=st.sampled_from([0.0, 0.01, 0.1]),
    take=st.sampled_from([0.0, 0.01, 0.2]),
    fill=st.sampled_from(["next_open", "close"]),
)
def test_the_source_gives_the_cpus_bits(seed, size, ticks, spread, fast, more, fee, stop, take, fill):
    arrays = candles_make(seed, size, ticks=ticks, decimals=3, spread=spread)
    same(arrays, [fast, 2, fast], [fast + more, 5, fast + 1], Rules(fee, 0.0005, stop, take, fill))


@needs_compiler
@pytest.mark.parametrize("stop", [0.0, 0.01])
def test_small_memory_gives_the_same_in_many_blocks_and_chunks(monkeypatch, stop):
    rng = np.random.default_rng(11)
    close = 30_000 * np.exp(np.cumsum(rng.normal(0, 0.002, 3_500)))
    arrays = (np.roll(close, 1), close * 1.001, close * 0.999, close)
    fast, slow = (one.ravel() for one in np.meshgrid([3, 5, 50, 399], [60, 200, 800]))
    keep = fast < slow
    monkeypatch.setattr(launch, "GAPS_BYTES", 8 * 7 * 100)
    monkeypatch.setattr(launch, "CHUNK", 5)
    found = same(arrays, fast[keep], slow[keep], Rules(0.001, 0.0005, stop, 2 * stop))
    assert found.trades.sum() > 100


@pytest.mark.parametrize("architecture", compilers.ARCHITECTURES)
def test_nvcc_compiles_it_without_spills(architecture):
    if compilers.nvcc_path() is None:
        pytest.skip("there is no nvcc here; `make gpu-compile` uses pip's NVRTC")
    used = {one.kernel: one for one in compilers.nvcc_compile(source(), architecture)}
    assert set(used) == {"averages", "ma_cross", "ended"}


class Lost(Host):
    """A device that fails at its second call."""

    calls = 0

    def call(self, name, threads, *given):
        self.calls += 1
        if self.calls == 2:
            raise MemoryError("out of memory")
        super().call(name, threads, *given)


def swept(backend, kind="ma_cross", **ranges):
    told = []
    series = [
        Series(name, table_of(*candles_make(seed, 500, ticks=900, decimals=2, spread=9)), ())
        for seed, name in enumerate(("A/B", "C/D"))
    ]
    found = list(backend.sweep(series, grid_of(REGISTRY[kind], ranges), Rules(), Event(), told.append))
    return [one.symbol for one, _ in found], [figures.final_equity.tolist() for _, figures in found], sum(told)


@needs_compiler
def test_a_gpu_that_fails_leaves_the_rest_to_the_cpu_with_a_notice():
    ranges = {"fast": [3, 5], "slow": [10, 20]}
    said = []
    backend = GpuBackend(Lost(), CpuBackend(1), said.append)
    assert swept(backend, **ranges) == swept(CpuBackend(1), **ranges)
    assert swept(GpuBackend(Host(), CpuBackend(1), said.append), **ranges)[2] == 8
    assert len(said) == 1 and "out of memory" in said[0] and backend.name == "cpu (after gpu)"


@needs_compiler
def test_a_strategy_without_a_kernel_goes_to_the_cpu():
    said = []
    backend = GpuBackend(Host(), CpuBackend(1), said.append)
    ranges = {"fast": [6, 8]}
    assert swept(backend, "macd_trend", **ranges) == swept(CpuBackend(1), "macd_trend", **ranges)
    assert "no kernel of its own" in said[0]


def test_asking_for_a_gpu_that_is_not_there_is_refused_in_words(monkeypatch):
    monkeypatch.setattr("signals.sweep.backends.gpu_problem", lambda: "CUDA finds no device")
    with pytest.raises(SweepError, match="no GPU to sweep on: CUDA finds no device"):
        backend_of("gpu")
    with pytest.raises(SweepError, match="cpu or gpu"):
        backend_of("tpu")
