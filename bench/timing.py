"""How figures are taken and printed: best of several runs, with calibration lines to read them by on any machine."""

import json
import os
import platform
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def best_s(work: Callable[[], Any], *, repeats: int = 7) -> float:
    """Seconds of the fastest of several runs, after one that warms up."""
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def copy_bandwidth(threads: int) -> float:
    """Bytes a second (read and written) of a plain copy of 512 MB by so many threads."""
    from concurrent.futures import ThreadPoolExecutor

    size = 32_000_000 // threads
    pairs = [(np.ones(size), np.empty(size)) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        seconds = best_s(lambda: list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), pairs)))
    return 2 * 8 * size * threads / seconds


def figure(name: str, **values: Any) -> None:
    """Print one figure as a JSON line."""
    print(json.dumps({"figure": name, **{key: _short(value) for key, value in values.items()}}), flush=True)


def _short(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def calibrate() -> None:
    """The machine, the bandwidth of a plain copy, and one pass of TA-Lib's SMA over a million values."""
    import talib

    figure("machine", cores=os.cpu_count() or 0, python=platform.python_version(), arch=platform.machine())
    source = np.ones(16_000_000)
    target = np.empty_like(source)
    copy = best_s(lambda: np.copyto(target, source))
    figure("calibration copy", gb_per_s=2 * source.nbytes / copy / 1e9)
    series = np.random.default_rng(1).normal(100, 1, 1_000_000)
    figure("calibration talib sma", ms_per_million=1e3 * best_s(lambda: talib.SMA(series, 20)))
