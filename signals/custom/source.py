"""Custom strategies as a source of signals: each in its own process, all at the same time, none harms another."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from signals.custom.client import StrategyFailure
from signals.custom.pool import Source, Warm, warm_get, warm_keep
from signals.custom.resolve import place_text
from signals.custom.rules import PREFIX, CustomRules
from signals.domain.lanes import Lanes
from signals.domain.strategies import ParameterError
from signals.domain.strategies.base import Decisions
from signals.models import CustomStrategy, Strategy
from signals.sources import ScanContext, SignalDraft

SIDE_NAMES = {1: "buy", -1: "sell"}
AT_ONCE = 8
log = logging.getLogger(__name__)
Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Ready:
    """A version that can be asked: its process, its rules and checked values."""

    version: Strategy
    warm: Warm
    rules: CustomRules
    values: dict[str, float]


class CustomStrategySource:
    """Runs every enabled version of every custom strategy that is in force."""

    name = "custom strategies"

    def drafts(self, context: ScanContext) -> list[SignalDraft]:
        """Drafts for the candles from `context.since_ms` on; a strategy that fails is counted, the others go on."""
        from signals.scan.pass_cpu import lanes_compute

        versions = _versions()
        warm_keep({version.custom.digest for version in versions if version.custom})
        if not versions or not context.matrix.open_time_ms.size:
            return []
        ready = _each(versions, _prepared)
        if not ready:
            return []
        wanted = [indicator for one in ready for indicator in one.rules.indicators(one.values)]
        lanes = lanes_compute(context.matrix, wanted)
        said = _each(ready, lambda one: (one.version, _said(context, lanes, one)))
        _recovered([version for version, _drafts in said])
        return [draft for _version, drafts in said for draft in drafts]


def _versions() -> list[Strategy]:
    rows = Strategy.objects.filter(enabled=True, kind__startswith=PREFIX, custom__status=CustomStrategy.Status.ENABLED)
    return list(rows.select_related("custom"))


def _prepared(version: Strategy) -> Ready:
    """The process runs, and the values are allowed. It may take as long as a start does, the first time only."""
    assert version.custom is not None
    warm = warm_get(Source(version.custom.file, version.custom.source, version.custom.digest))
    rules = warm.rules()
    values = rules.validate(version.parameters)
    rules.plan(values)
    return Ready(version, warm, rules, values)


def _each(items: list[Given], ask: Callable[[Given], Made]) -> list[Made]:
    """Ask all at once; failures are counted, and logged with the strategy's name and line."""
    with ThreadPoolExecutor(min(AT_ONCE, len(items)), thread_name_prefix="custom") as threads:
        outcomes = list(threads.map(lambda item: _caught(ask, item), items))
    made = []
    for item, outcome in zip(items, outcomes, strict=True):
        version = item if isinstance(item, Strategy) else item.version  # type: ignore[attr-defined]
        if isinstance(outcome, Exception):
            _failed(version, outcome)
        else:
            made.append(outcome)
    return made


def _caught(ask: Callable[[Given], Made], item: Given) -> Made | Exception:
    try:
        return ask(item)
    except Exception as error:  # one strategy's trouble is no other's
        return error


def _failed(version: Strategy, error: Exception) -> None:
    from signals.services.custom import custom_failed

    assert version.custom is not None
    known = isinstance(error, (StrategyFailure, ParameterError))
    text = place_text(version.custom.file, error) if isinstance(error, StrategyFailure) else str(error)
    log.error("%s gave nothing: %s", version, text, exc_info=None if known else error)
    custom_failed(custom_id=version.custom.pk, error=text)


def _recovered(versions: list[Strategy]) -> None:
    """Failures are counted in a row."""
    from signals.services.custom import custom_worked

    for version in versions:
        if version.custom is not None and version.custom.failures:
            custom_worked(custom_id=version.custom.pk)


def _said(context: ScanContext, lanes: Lanes, one: Ready) -> list[SignalDraft]:
    """What one strategy says of the wanted candles; it sees those and the ones that it needs before them."""
    times = context.matrix.open_time_ms
    wanted = int((times >= context.since_ms).sum())
    recent = lanes.last(wanted + one.rules.needs(one.values))
    said = one.rules.decide(recent, one.values)
    times = times[-recent.close.shape[1] :]
    places = [(int(row), int(column)) for row, column in np.argwhere(said.side) if times[column] >= context.since_ms]
    details = [{name: float(array[place]) for name, array in said.details.items()} for place in places]
    sides = [int(said.side[place]) for place in places]
    reasons = one.rules.reasons(list(zip(sides, details, strict=True)), one.values) if places else []
    one.warm.worked()
    return [
        _draft(context, recent, said, one.version, place, int(times[place[1]]), inputs, reason)
        for place, inputs, reason in zip(places, details, reasons, strict=True)
    ]


def _draft(
    context: ScanContext,
    lanes: Lanes,
    said: Decisions,
    version: Strategy,
    place: tuple[int, int],
    open_ms: int,
    details: dict[str, float],
    reason: str,
) -> SignalDraft:
    inputs: dict[str, Any] = {name: value for name, value in details.items() if np.isfinite(value)}
    return SignalDraft(
        symbol=context.matrix.symbols[place[0]],
        strategy_id=version.pk,
        side=SIDE_NAMES[int(said.side[place])],
        confidence=float(said.confidence[place]),
        reason=reason,
        inputs=inputs | {"close": float(lanes.close[place]), "anchor_ms": int(context.matrix.open_time_ms[0])},
        candle_open_ms=open_ms,
        backend=lanes.backend,
    )
