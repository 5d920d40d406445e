"""The chain: filters one after the other, each seeing what the ones before it left, every refusal with its reason.

It begins with all instruments ranked by 24 h volume (ties by symbol), so that the order in which they were read never
matters, and with the symbols in trouble left out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from signals.candles.matrix import CandleTable
from signals.domain.selection import filter_of
from signals.domain.selection.base import Candidate, Filter, Market, Sieved, Want
from signals.domain.selection.parameters import FilterError
from signals.domain.selection.trouble import Trouble
from signals.domain.selection.volume import volume_rank

Candles = Callable[[Sequence[str], Want], Mapping[str, CandleTable]]


@dataclass(frozen=True, slots=True)
class Step:
    """One row of a chain: a filter's kind and what it is told."""

    kind: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step did: how many came, who stayed in which order, why the others fell, and what else to know.

    `skipped` says why the step was left out (all that came stayed), or is empty.
    """

    title: str
    kind: str
    came: int
    kept: tuple[str, ...]
    refused: Mapping[str, str]
    notes: tuple[str, ...] = ()
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class ChainResult:
    """The chosen symbols, best rank first, and the steps that led to them."""

    chosen: tuple[str, ...]
    steps: tuple[StepResult, ...]

    @property
    def refused(self) -> dict[str, str]:
        """Every symbol that fell, with the reason of the step where it did."""
        return {symbol: reason for step in self.steps for symbol, reason in step.refused.items()}


def chain_run(candidates: Iterable[Candidate], steps: Iterable[Step], *, now_ms: int, candles: Candles) -> ChainResult:
    """Run the steps over the candidates. `candles(symbols, want)` is asked for what a step wants of those left.

    Never raises for a step: one with wrong parameters, without any candles, or with a mistake in it is skipped and
    says so; the others go on.
    """
    left = sorted(candidates, key=volume_rank)
    market = Market(now_ms, tuple(left))
    results = []
    for step in (None, *steps):
        result, left = _step_run(step, left, market, candles)
        results.append(result)
    return ChainResult(tuple(one.symbol for one in left), tuple(results))


def _step_run(
    step: Step | None, left: list[Candidate], market: Market, candles: Candles
) -> tuple[StepResult, list[Candidate]]:
    try:
        rules: Filter = Trouble() if step is None else filter_of(step.kind)
        values = rules.validate({} if step is None else step.parameters)
    except FilterError as error:
        return _skipped(step.kind if step else "", step.kind if step else "", left, str(error)), left
    try:
        asked = [one.symbol for one in left if rules.asks(one)]
        sieved = rules.sieve(left, values, _market_for(rules.wants(values), asked, market, candles))
    except Exception as error:
        return _skipped(rules.title, rules.kind, left, str(error) or repr(error)), left
    return _result(rules, left, sieved), sieved.kept


def _market_for(want: Want | None, asked: list[str], market: Market, candles: Candles) -> Market:
    """The market with the candles of those asked for. When none of several has any, the source is at fault."""
    if want is None or not asked:
        return market
    tables = {symbol: table for symbol, table in candles(asked, want).items() if len(table)}
    if not tables and len(asked) > 1:
        raise LookupError(f"No {want.timeframe} candles could be had of any symbol.")
    return replace(market, tables=tables)


def _result(rules: Filter, left: list[Candidate], sieved: Sieved) -> StepResult:
    kept = tuple(one.symbol for one in sieved.kept)
    return StepResult(rules.title, rules.kind, len(left), kept, sieved.refused, sieved.notes)


def _skipped(title: str, kind: str, left: list[Candidate], why: str) -> StepResult:
    return StepResult(title, kind, len(left), tuple(one.symbol for one in left), {}, skipped=why)
