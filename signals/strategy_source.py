"""The strategies as a source of signals: one fused pass for all enabled versions, then each one's decision."""

import logging
from typing import Any

import numpy as np

from signals.domain.lanes import Lanes
from signals.domain.strategies import REGISTRY, ParameterError
from signals.domain.strategies import Strategy as Rules
from signals.domain.strategies.base import Decisions
from signals.models import Strategy
from signals.sources import ScanContext, SignalDraft

SIDE_NAMES = {1: "buy", -1: "sell"}
log = logging.getLogger(__name__)


class StrategySource:
    """Runs every enabled strategy version over all symbols at once."""

    name = "strategies"

    def drafts(self, context: ScanContext) -> list[SignalDraft]:
        """Drafts of all strategies for the candles from `context.since_ms` on."""
        from signals.scan.pass_cpu import lanes_compute

        plans = self._plans()
        if not plans or not context.matrix.open_time_ms.size:
            return []
        wanted = [indicator for _, rules, values in plans for indicator in rules.indicators(values)]
        lanes = lanes_compute(context.matrix, wanted)
        return [draft for plan in plans for draft in _of_plan(context, lanes, *plan)]

    @staticmethod
    def _plans() -> list[tuple[int, Rules, dict[str, float]]]:
        """(strategy id, rules, values) of the versions that can run; a broken one is reported, the others go on."""
        plans = []
        for row in Strategy.objects.filter(enabled=True, kind__in=REGISTRY):
            try:
                plans.append((row.pk, REGISTRY[row.kind], REGISTRY[row.kind].validate(row.parameters)))
            except ParameterError as error:
                log.error("%s is not scanned: %s", row, error)
        return plans


def _of_plan(
    context: ScanContext, lanes: Lanes, strategy_id: int, rules: Rules, values: dict[str, Any]
) -> list[SignalDraft]:
    times = context.matrix.open_time_ms
    wanted = int((times >= context.since_ms).sum())
    recent = lanes.last(wanted + rules.needs(values))
    decisions = rules.decide(recent, values)
    times = times[-recent.close.shape[1] :]
    rows, columns = np.nonzero(decisions.side)
    found = [(int(row), int(column)) for row, column in zip(rows, columns, strict=True)]
    return [
        _draft(context, recent, decisions, strategy_id, rules, values, row, column, int(times[column]))
        for row, column in found
        if times[column] >= context.since_ms
    ]


def _draft(
    context: ScanContext,
    lanes: Lanes,
    decisions: Decisions,
    strategy_id: int,
    rules: Rules,
    values: dict[str, Any],
    row: int,
    column: int,
    open_ms: int,
) -> SignalDraft:
    side = int(decisions.side[row, column])
    details = {name: float(array[row, column]) for name, array in decisions.details.items()}
    inputs = {name: value for name, value in details.items() if np.isfinite(value)}
    return SignalDraft(
        symbol=context.matrix.symbols[row],
        strategy_id=strategy_id,
        side=SIDE_NAMES[side],
        confidence=float(decisions.confidence[row, column]),
        reason=rules.reason(side, values, details),
        inputs=inputs | {"close": float(lanes.close[row, column]), "anchor_ms": int(context.matrix.open_time_ms[0])},
        candle_open_ms=open_ms,
    )
