"""What the preview page of the selection shows: each step with its numbers and reasons, and what would change."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from signals.domain.selection.chain import StepResult
from signals.domain.timeframes import open_time
from signals.models import Instrument
from signals.services.selection import Selection, selection_preview

SHOWN = 200  # reasons a step; the command tells the rest


def preview_context(query: Mapping[str, str]) -> dict[str, Any]:
    """The page's context for `?exchange=` (the first scanned one without it) and `?stored=1` (ask nobody)."""
    names = list(settings.XRAY_MARKET_EXCHANGES or settings.XRAY_EXCHANGES)
    exchange = query.get("exchange", "")
    exchange = exchange if exchange in names else names[0]
    selection = selection_preview(exchange=exchange, fetch=query.get("stored") != "1")
    steps = [_step(step) for step in selection.result.steps]
    return {
        "exchange": exchange,
        "exchanges": names,
        "problems": selection.problems,
        "tickers_at": open_time(selection.tickers_at_ms) if selection.tickers_at_ms else None,
        "total": len(selection.candidates),
        "steps": steps,
        "changes": _changes(selection),
        "chosen": [(one, selection.reasons[one]) for one in selection.result.chosen[:SHOWN]],
        "chosen_count": len(selection.result.chosen),
    }


def _step(step: StepResult) -> dict[str, Any]:
    refused = sorted(step.refused.items())
    return {
        "title": step.title,
        "came": step.came,
        "stayed": len(step.kept),
        "fell": len(refused),
        "told": (step.skipped and f"Skipped: {step.skipped}") or " ".join(step.notes),
        "reasons": refused[:SHOWN],
        "more": max(len(refused) - SHOWN, 0),
    }


def _changes(selection: Selection) -> list[tuple[str, list[str]]]:
    """Symbols that would enter and leave the scan against now."""
    scanned = Instrument.objects.filter(exchange=selection.exchange, selected=True, active=True)
    before, after = set(scanned.values_list("symbol", flat=True)), set(selection.result.chosen)
    return [("Would enter", sorted(after - before)), ("Would leave", sorted(before - after))]
