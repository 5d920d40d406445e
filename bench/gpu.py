"""`make gpu-check`: on a machine with a GPU, the whole comparison with the CPU, then the benchmarks; JSON lines, and
the figures as a page to be put into `docs/gpu.md`. Exit code 3 without a GPU, 1 when a value differs.
"""

import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

COPIED = 1 << 27  # numbers, to measure the bandwidth by
SHAPES = ((500, 5000), (2000, 5000))
TOLERANCE = 1e-9  # of kinds that take logarithms: the one function whose last bit is the machine's own
CPU_THREADS = 2
# Float64 operations a candle: + - * fma, comparisons, divisions, roots; a test counts them.
OPERATIONS = {
    "sma": (2, 0, 1, 0), "ema": (2, 0, 0, 0), "rsi": (10, 2, 1, 0), "macd": (8, 0, 0, 0), "bb": (14, 1, 0, 1),
    "atr": (4, 2, 0, 0),
}  # fmt: skip
WEIGHTS = (1, 1, 9, 10)  # instructions that each takes, about
# Float64 units of a multiprocessor, by compute capability.
UNITS = {(7, 5): 2, (8, 0): 32, (8, 6): 2, (8, 9): 2, (9, 0): 64}
COLUMNS = (
    ("sma", (20,)), ("ema", (12,)), ("ema", (26,)), ("rsi", (14,)), ("macd", (12, 26, 9)), ("bb", (20, 2)),
    ("atr", (14,)),
)  # fmt: skip


def main() -> int:
    """Compare, measure, write the page; the exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xray_site.settings")
    import django

    django.setup()
    from signals.scan import backend

    if problem := backend.gpu_problem():
        sys.stderr.write(f"gpu-check: {problem}. Nothing was compared.\n")
        return 3
    lines: list[dict[str, Any]] = []
    device = _device(lines)
    differing = [name for name, matrix in _markets() if not _compared(lines, name, matrix)]
    for shape in SHAPES:
        _measured(lines, device, shape)
    from bench.gpu_sweep import measured as sweep_measured

    if not sweep_measured(lambda name, **values: _say(lines, name, **values), device["rate"]):
        differing.append("sweep")
    _page_write(lines, differing)
    return 1 if differing else 0


def instructions() -> int:
    """Float64 instructions that the benchmark's columns need for a candle of one symbol."""
    return sum(n * w for kind, _ in COLUMNS for n, w in zip(OPERATIONS[kind], WEIGHTS, strict=True))


def _say(lines: list[dict[str, Any]], name: str, **values: Any) -> None:
    from bench.timing import figure

    figure(name, **values)
    lines.append({"figure": name, **values})


def _device(lines: list[dict[str, Any]]) -> dict[str, Any]:
    from signals.scan.pass_gpu import cupy

    there = cupy()
    found = there.cuda.runtime.getDeviceProperties(0)
    name = found["name"].decode() if isinstance(found["name"], bytes) else str(found["name"])
    capability = (int(found["major"]), int(found["minor"]))
    units = UNITS.get(capability)
    rate = units * int(found["multiProcessorCount"]) * int(found.get("clockRate", 0)) * 1e3 if units else 0.0
    source = there.zeros((COPIED,), np.float64)
    target = there.empty((COPIED,), np.float64)

    def copy() -> None:
        target[...] = source
        there.cuda.Device().synchronize()

    bandwidth = 2 * source.nbytes / _best_s(copy)
    _say(
        lines, "gpu", device=name, capability=".".join(map(str, capability)), cupy=there.__version__,
        driver=int(there.cuda.runtime.driverGetVersion()), copy_gb_per_s=bandwidth / 1e9,
        fp64_giga_instructions_per_s=rate / 1e9,
    )  # fmt: skip
    return {"there": there, "bandwidth": bandwidth, "rate": rate}


def _markets() -> Iterator[tuple[str, Any]]:
    from tests.signals.scan.markets import MADE, made_matrix, real_market

    for name in MADE:
        yield name, made_matrix(name)
    folder = os.environ.get("XRAY_MARKET_DATA")
    if folder and any(Path(folder).glob("*/*/*.parquet")):
        yield "real", real_market(Path(folder))


def _compared(lines: list[dict[str, Any]], name: str, matrix: Any) -> bool:
    """Whether every column and every decision of a market is the CPU's."""
    from signals.scan import decisions, pass_cpu, pass_gpu
    from signals.scan.panel import Panel
    from tests.signals.scan.markets import every_kind, strategies_of_all

    plan, panel, rules = every_kind(), Panel.of(matrix), strategies_of_all()
    ours, theirs = pass_gpu.columns_compute(panel, plan), pass_cpu.columns_compute(panel, plan)
    same = (ours.view(np.int64) == theirs.view(np.int64)) | (np.isnan(ours) & np.isnan(theirs))
    off = [column for place, column in enumerate(plan.columns) if not same[:, place].all()]
    with np.errstate(all="ignore"):
        apart = float(np.nanmax(np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-300), initial=0.0, where=~same))
    masks = pass_gpu.masks_compute(panel, rules) != decisions.masks_compute(panel, rules)
    good = not set(off) - _with_log(plan) and np.array_equal(np.isnan(ours), np.isnan(theirs)) and apart <= TOLERANCE
    _say(
        lines, "gpu comparison", market=name, symbols=len(panel.symbols), candles=panel.rows, columns=len(plan.columns),
        columns_with_other_bits=off, largest_relative_difference=apart, formulas=len(rules.formulas),
        candles_decided_otherwise=int(masks.sum()), good=good and not masks.any(),
    )  # fmt: skip
    return bool(good and not masks.any())


def _with_log(plan: Any) -> set[str]:
    from signals.scan.cuda.source import kind_source

    return {name for one in plan.indicators if "log((double)" in kind_source(one.kind) for name in one.columns}


def _measured(lines: list[dict[str, Any]], device: dict[str, Any], shape: tuple[int, int]) -> None:
    """Scans of a shape on both, with and without the way to the device and back."""
    from bench.scan import matrix_make
    from signals.domain.indicators import Indicator
    from signals.scan import decisions, pass_cpu, pass_gpu
    from signals.scan.panel import Panel
    from signals.scan.plan import Plan
    from tests.signals.scan.markets import strategies_of_all

    panel, plan = Panel.of(matrix_make(*shape)), Plan.of(Indicator(kind, args) for kind, args in COLUMNS)
    rules, out = strategies_of_all(), pass_cpu.columns_compute(panel, plan)
    kernel = _best_s(pass_gpu.on_device_pass(panel, plan))
    candles = shape[0] * shape[1]
    moved = candles * 8 * (3 + len(plan.columns))  # high, low, close in; the columns out
    _say(
        lines, "gpu scan", symbols=shape[0], candles=shape[1], columns=len(plan.columns), kernel_ms=kernel * 1e3,
        share_of_copy_bandwidth=moved / kernel / device["bandwidth"],
        share_of_fp64_floor=instructions() * candles / device["rate"] / kernel if device["rate"] else None,
        whole_ms=1e3 * _best_s(lambda: pass_gpu.columns_compute(panel, plan, out=out)),
        cpu_ms=1e3 * _best_s(lambda: pass_cpu.columns_compute(panel, plan, out=out, threads=CPU_THREADS)),
        decisions_ms=1e3 * _best_s(lambda: pass_gpu.masks_compute(panel, rules)),
        cpu_decisions_ms=1e3 * _best_s(lambda: decisions.masks_compute(panel, rules, threads=CPU_THREADS)),
    )  # fmt: skip


def _best_s(work: Callable[[], Any]) -> float:
    from bench.timing import best_s

    return best_s(work, repeats=5)


def _page_write(lines: list[dict[str, Any]], differing: list[str]) -> None:
    from django.conf import settings

    path = Path(settings.VAR_DIR) / "gpu-check.md"
    first = lines[0]
    verdict = f"VALUES DIFFER on {', '.join(differing)}" if differing else "all values agree"
    text = [f"{datetime.now(UTC):%Y-%m-%d}, {first['device']}: {verdict}.", ""]
    for line in lines:
        text.append("- " + ", ".join(f"{key} {_short(value)}" for key, value in line.items()))
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    sys.stderr.write(f"gpu-check: the figures for docs/gpu.md are in {path}\n")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
