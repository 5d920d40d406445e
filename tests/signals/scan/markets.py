"""Markets on which two backends are compared, and every kind of indicator with several arguments."""

from pathlib import Path

import numpy as np

from signals.candles.matrix import FIELDS, CandleMatrix
from signals.domain.indicators import KINDS, Indicator
from signals.domain.strategies import REGISTRY
from signals.scan.decisions import DecisionPlan, Rule, traceable
from signals.scan.plan import Plan
from tests.signals.support import real_matrix, walk_matrix

MADE = ("walk", "ragged", "tiny", "huge", "constant", "spiking", "short", "one candle")


def every_kind() -> Plan:
    """Every kind with its usual arguments, with about half of them, and with more than twice of them."""
    return Plan.of(
        Indicator(
            kind.name, tuple(change(arg) if whole else arg for arg, whole in zip(kind.default, kind.whole, strict=True))
        )
        for kind in KINDS.values()
        for change in (int, lambda arg: max(2, int(arg) // 2 + 1), lambda arg: 2 * int(arg) + 1)
    )


def alone(rules: list[Rule]) -> list[Rule]:
    """Those that look at the scan's own candles only."""
    return [one for one in rules if not any(need.minutes for need in one.rules.indicators(one.values))]


def strategies_of_all() -> DecisionPlan:
    """Every strategy that can be compiled, with its defaults and with other numbers."""
    wanted = [Rule(rules, rules.validate({})) for rules in REGISTRY.values()]
    wanted.append(Rule(REGISTRY["bollinger_breakout"], REGISTRY["bollinger_breakout"].validate({"width": 1.0})))
    return DecisionPlan.of(alone(traceable(wanted)[0]))


def made_matrix(name: str) -> CandleMatrix:
    """A market by its name in MADE."""
    lanes, length = 37, 700
    if name in ("short", "one candle"):
        return walk_matrix(lanes, 20 if name == "short" else 1)
    scale = {"tiny": 1e-9, "huge": 1e9}.get(name, 100.0)
    matrix = _with_volume(walk_matrix(lanes, length, scale=scale))
    if name == "constant":
        for field in ("open", "high", "low", "close"):
            getattr(matrix, field)[:] = 0.1
    if name == "spiking":
        matrix.close[:, ::97] *= 1e3
        matrix.high[:] = np.maximum(matrix.high, matrix.close)
    return _ragged(matrix) if name == "ragged" else matrix


def real_market(folder: Path) -> CandleMatrix:
    """All real pairs."""
    return real_matrix(folder, 100, 2000)


def _with_volume(matrix: CandleMatrix) -> CandleMatrix:
    rng = np.random.default_rng(5)
    matrix.volume[:] = np.where(rng.random(matrix.volume.shape) < 0.1, 0.0, rng.lognormal(3, 2, matrix.volume.shape))
    return matrix


def _ragged(matrix: CandleMatrix) -> CandleMatrix:
    """Some lanes begin late, some end early, some have holes, one has no usable candle, one only single ones."""
    rng = np.random.default_rng(9)
    for lane in range(matrix.close.shape[0]):
        field = getattr(matrix, FIELDS[lane % len(FIELDS)])
        field[lane, : rng.integers(0, 300) * (lane % 3 == 0)] = np.nan
        if lane % 4 == 1:
            field[lane, rng.integers(0, matrix.close.shape[1], 4)] = (np.nan, np.inf, -1.0, np.nan)
        if lane % 5 == 2:
            field[lane, -rng.integers(1, 200) :] = np.nan
    matrix.close[7] = np.nan
    matrix.close[8, ::2] = 0.0
    return matrix


def assert_same_bits(ours: np.ndarray, theirs: np.ndarray, plan: Plan) -> None:
    """Both (blocks, columns, time, lanes) hold the same float64, NaN where the other is NaN."""
    assert ours.shape == theirs.shape
    same = (ours.view(np.int64) == theirs.view(np.int64)) | (np.isnan(ours) & np.isnan(theirs))
    wrong = [name for place, name in enumerate(plan.columns) if not same[:, place].all()]
    assert not wrong, f"different bits in {', '.join(wrong)}"
