"""Compile (or load from the cache) every kernel that a scan calls, by running each on a few synthetic candles."""

from collections.abc import Iterator

import numpy as np

from signals.candles.matrix import CandleMatrix
from signals.domain.strategies import REGISTRY
from signals.domain.timeframes import MINUTE_MS
from signals.domain.xray import INDICATORS


def kernels_warm_up() -> Iterator[str]:
    """Yield a line after each step."""
    from signals.scan.cache import cache_prepare

    cache_prepare()
    yield "numba is loaded"
    from signals.scan.decisions import DecisionPlan, Rule, traceable
    from signals.scan.live import LiveLanes
    from signals.scan.pass_cpu import lanes_compute

    prices = 100.0 + np.sin(np.arange(400.0)).reshape(2, 200)
    matrix = CandleMatrix(("A", "B"), np.arange(200) * MINUTE_MS, prices, prices + 1.0, prices - 1.0, prices, prices)
    rules = [Rule(one, one.validate({})) for one in REGISTRY.values()]
    needs = [need for one in rules for need in one.rules.indicators(one.values)]
    lanes = lanes_compute(matrix, [*needs, *INDICATORS])
    yield f"the fused pass is compiled ({len(lanes.columns)} columns)"
    live = LiveLanes(matrix.symbols, DecisionPlan.of(traceable(rules)[0]), MINUTE_MS)
    live.rebuild(matrix)
    live.push(live.last_ms + MINUTE_MS)
    live.details([(0, formula) for formula in range(len(live.decisions.wholes))])
    yield f"{len(live.decisions.formulas)} strategies are compiled"
