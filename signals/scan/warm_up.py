"""Compile (or load from the cache) every kernel that a scan calls, by running each on a few synthetic candles."""

from collections.abc import Iterator

import numpy as np

from signals.candles.matrix import CandleMatrix
from signals.domain.strategies import REGISTRY


def kernels_warm_up() -> Iterator[str]:
    """Yield a line after each step."""
    from signals.scan.cache import cache_prepare

    cache_prepare()
    yield "numba is loaded"
    from signals.scan.pass_cpu import lanes_compute

    prices = 100.0 + np.sin(np.arange(400.0)).reshape(2, 200)
    matrix = CandleMatrix(("A", "B"), np.arange(200), prices, prices + 1.0, prices - 1.0, prices, prices)
    indicators = [one for rules in REGISTRY.values() for one in rules.indicators(rules.validate({}))]
    lanes = lanes_compute(matrix, indicators)
    yield f"the fused pass is compiled ({len(lanes.columns)} columns)"
