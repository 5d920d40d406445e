"""A custom strategy's signal made again: the version's own file, in a process that is gone afterwards."""

import numpy as np

from signals.candles.matrix import CandleMatrix
from signals.custom.client import StrategyFailure
from signals.custom.resolve import version_rules
from signals.custom.source import SIDE_NAMES
from signals.domain.strategies import ParameterError, Strategy
from signals.explainers import Again, CannotTell, backend_for
from signals.models import Signal


def custom_again(signal: Signal, matrix: CandleMatrix) -> Again:
    """For `signals.explainers`. Raises CannotTell when the file does not run, or refuses the parameters of then."""
    try:
        with version_rules(signal.strategy) as rules:
            return _again(rules, signal, matrix)
    except (ParameterError, StrategyFailure) as error:
        raise CannotTell(f"Its file cannot be asked: {error}") from None


def _again(rules: Strategy, signal: Signal, matrix: CandleMatrix) -> Again:
    from signals.scan.pass_cpu import lanes_compute

    values = rules.validate(signal.provenance["parameters"])
    lanes = lanes_compute(matrix, rules.indicators(values), on=backend_for(signal)).last(1 + rules.needs(values))
    said = rules.decide(lanes, values)
    shown = {name: float(column[0, -1]) for name, column in lanes.columns.items() if np.isfinite(column[0, -1])}
    if not (side := int(said.side[0, -1])):
        return Again("", 0.0, "Nothing is said of this candle now.", {}, shown)
    details = {name: float(array[0, -1]) for name, array in said.details.items()}
    inputs = {name: value for name, value in details.items() if np.isfinite(value)}
    inputs |= {"close": float(lanes.close[0, -1]), "anchor_ms": int(matrix.open_time_ms[0])}
    reason = rules.reason(side, values, details)
    return Again(SIDE_NAMES[side], float(said.confidence[0, -1]), reason, inputs, shown)
