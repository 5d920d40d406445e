"""Learning the weights of sources from closed trades."""

from collections import defaultdict
from datetime import timedelta

from django.db import transaction

from accounts.clock import now
from signals import models
from signals.domain.aggregation.settings import KIND, Settings
from signals.domain.aggregation.votes import Vote, evidence
from signals.domain.aggregation.weights import Outcome, weight_learned
from signals.models import SourceWeight
from signals.services.aggregation import aggregator_current

MEMORY = timedelta(days=30)
MOST = 20_000  # newest outcomes that are read of an exchange and timeframe
By = dict[str, list[Outcome]]


def weights_learn(*, exchange: str, timeframe: str) -> list[SourceWeight]:
    """Learn the weight of every source of a market; returns the rows that changed.

    A trade of a strategy's own signal is its own doing. A trade of an aggregate is shared by those who voted for its
    side, by their evidence. A locked weight stays; its figures are kept up all the same.
    """
    made = aggregator_current()
    if made is None:
        return []
    found, changed = _outcomes(exchange, timeframe, made.settings), []
    with transaction.atomic():
        known = {row.name: row for row in SourceWeight.objects.filter(exchange=exchange, timeframe=timeframe)}
        for name, outcomes in sorted(found.items()):
            row = known.get(name) or _new(name, exchange, timeframe, made.settings)
            if _learned(row, outcomes, made.settings):
                changed.append(row)
    return changed


def _new(name: str, exchange: str, timeframe: str, settings: Settings) -> SourceWeight:
    low, high = settings["low_weight"], settings["high_weight"]
    return SourceWeight(name=name, exchange=exchange, timeframe=timeframe, low=low, high=high)


def _learned(row: SourceWeight, outcomes: list[Outcome], settings: Settings) -> bool:
    """Whether anything changed; then it is saved."""
    learned = weight_learned(outcomes, settings, row.low, row.high)
    before = (row.pk, row.weight, row.samples, row.mean_return, row.win_rate)
    if learned.weight is not None and not row.locked:
        row.weight = learned.weight
    row.samples, row.mean_return, row.win_rate = learned.samples, learned.mean_return, learned.win_rate
    if before == (row.pk, row.weight, row.samples, row.mean_return, row.win_rate) and row.pk:
        return False
    row.updated_at = now()
    row.save()
    return True


def _outcomes(exchange: str, timeframe: str, settings: Settings) -> By:
    """Outcomes of each source by its name, newest first."""
    rows = models.Outcome.objects.filter(
        instrument__exchange=exchange, timeframe=timeframe, closed_at__gt=now() - MEMORY, strategy__isnull=False
    ).order_by("-closed_at", "-pk")
    fields = ("return_net", "strategy__name", "strategy__kind", "signal__side", "signal__votes")
    found: By = defaultdict(list)
    for value, name, kind, side, votes in rows.values_list(*fields)[:MOST]:
        if kind != KIND:
            found[name].append(Outcome(value))
            continue
        for voter, share in _shares(side, votes or [], settings):
            found[voter].append(Outcome(value, share))
    return found


def _shares(side: str, votes: list[dict[str, object]], settings: Settings) -> list[tuple[str, float]]:
    """Who voted for the side, and the share of the evidence that was theirs."""
    sizes = [
        (str(one["source"]), abs(evidence(Vote(side, one["confidence"], one["weight"], one["age"]), settings)))  # type: ignore[arg-type]
        for one in votes
        if one["side"] == side
    ]
    total = sum(size for _, size in sizes)
    return [(name, size / total) for name, size in sizes] if total > 0.0 else []
