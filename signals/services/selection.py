"""The selection: which symbols of an exchange are scanned, by the chain of filters, with a reason for every one."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.clock import now, now_ms
from signals.domain.selection import filter_of
from signals.domain.selection.base import Candidate
from signals.domain.selection.chain import ChainResult, Step, chain_run
from signals.models import Instrument, SelectionStep
from signals.selectors import selection_steps
from signals.services.selection_data import (
    FETCH_TIMEOUT_S,
    PREVIEW_TIMEOUT_S,
    CandleSource,
    Tickers,
    candidate_of,
    tickers_fetch,
    tickers_recent,
)
from signals.services.troubles import barred_reasons

REASON_LENGTH = 160


@dataclass(frozen=True, slots=True)
class Selection:
    """What a run of the chain would choose: reasons by symbol, and what was wrong with the data (in words)."""

    exchange: str
    result: ChainResult
    reasons: dict[str, str]
    candidates: dict[str, Candidate]
    tickers_at_ms: int
    problems: tuple[str, ...] = ()


def selection_ensure() -> list[SelectionStep]:
    """Make the default chain when there is no step at all; returns those made.

    It gives what BASE_MAX_SYMBOLS and MAX_SPREAD_PERCENT say at that moment; afterwards the steps are what counts.
    """
    if SelectionStep.objects.exists():
        return []
    made = []
    with transaction.atomic():
        for place, step in enumerate(default_chain(), 1):
            told = {"position": place, "kind": step.kind, "parameters": filter_of(step.kind).validate(step.parameters)}
            row, fresh = SelectionStep.objects.get_or_create(made_as=step.kind, defaults=told)
            made += [row] if fresh else []
    return made


def default_chain() -> list[Step]:
    """Traded now, quoted in USDT, a narrow spread, and the first so many by volume."""
    return [
        Step("market_status"),
        Step("quote_currency"),
        Step("spread", {"maximum": float(settings.MAX_SPREAD_PERCENT)}),
        Step("volume", {"top": settings.BASE_MAX_SYMBOLS}),
    ]


def selection_step_save(*, step: SelectionStep) -> SelectionStep:
    """Save a step whose kind and parameters are checked by the filter's own declaration. Raises FilterError."""
    step.parameters = filter_of(step.kind).validate(step.parameters)
    step.updated_at = now()
    step.save()
    return step


def selection_preview(*, exchange: str, fetch: bool = True) -> Selection:
    """What the chain would choose now, changing nothing. Never raises for an exchange that cannot be reached.

    With `fetch` False only what is stored is used.
    """
    tickers = tickers_recent(exchange=exchange, fetch=fetch)
    return _selection(exchange, tickers, PREVIEW_TIMEOUT_S if fetch else 0.0)


def instruments_select(*, exchange: str) -> list[str]:
    """Run the chain and store its choice: every instrument gets `selected` and the reason. Returns the best first.

    Raises:
        ExchangeRetry: the exchange could not be reached within the time-out.

    """
    selection_ensure()
    selection = _selection(exchange, tickers_fetch(exchange=exchange), FETCH_TIMEOUT_S)
    rows = list(Instrument.objects.filter(exchange=exchange, symbol__in=selection.reasons))
    chosen = set(selection.result.chosen)
    for row in rows:
        _decided(row, selection, row.symbol in chosen)
    Instrument.objects.bulk_update(
        rows, ["volume_quote_24h", "spread", "selected", "selection_reason", "updated_at"], batch_size=500
    )
    return list(selection.result.chosen)


def _decided(row: Instrument, selection: Selection, chosen: bool) -> None:
    candidate = selection.candidates[row.symbol]
    row.volume_quote_24h = candidate.volume if candidate.volume > 0.0 else 0.0
    row.spread = candidate.spread if candidate.spread == candidate.spread else None
    row.selected, row.updated_at = chosen, now()
    row.selection_reason = selection.reasons[row.symbol][:REASON_LENGTH]


def _selection(exchange: str, tickers: Tickers, timeout_s: float) -> Selection:
    troubles = barred_reasons(exchange=exchange)
    candidates = {
        row.symbol: candidate_of(row, tickers.by_symbol.get(row.symbol) or {}, troubles.get(row.symbol, ""))
        for row in Instrument.objects.filter(exchange=exchange)
    }
    source = CandleSource(exchange, timeout_s=timeout_s)
    steps = [Step(row.kind, row.parameters) for row in selection_steps(exchange=exchange)] or _unsaved_defaults()
    result = chain_run(candidates.values(), steps, now_ms=now_ms(), candles=source)
    reasons: dict[str, Any] = dict(result.refused)
    for rank, symbol in enumerate(result.chosen, 1):
        reasons[symbol] = _chosen(candidates[symbol], rank, len(result.chosen))
    told = [step.skipped and f"{step.title} was skipped: {step.skipped}" for step in result.steps]
    problems = tuple(problem for problem in (tickers.problem, *source.problems, *told) if problem)
    return Selection(exchange, result, reasons, candidates, tickers.at_ms, problems)


def _unsaved_defaults() -> list[Step]:
    """The chain that would be made at the first selection, for a preview before it."""
    return [] if SelectionStep.objects.exists() else default_chain()


def _chosen(candidate: Candidate, rank: int, number: int) -> str:
    volume = f"{candidate.volume:,.0f}" if candidate.volume > 0.0 else "unknown"
    spread = f"{candidate.spread:.3%}" if candidate.spread == candidate.spread else "unknown"
    return f"Rank {rank} of {number}: 24 h volume {volume}, spread {spread}."
