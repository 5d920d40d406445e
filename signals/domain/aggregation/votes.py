"""Votes to a verdict. A vote's evidence is weight * decay ** age * -ln(1 - confidence); buys count up, sells down.

A single vote of weight 1 at its own candle gives back its confidence; two that agree give 1 - (1 - a)(1 - b), as if
they were independent; two that contradict each other cancel. Confidence is cut at MOST, so a source's evidence is
bounded by its weight: no vote is certain, and none cannot be outvoted.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from signals.domain.aggregation.settings import Settings

MOST = 0.95
BUY, SELL = "buy", "sell"


@dataclass(frozen=True, slots=True)
class Vote:
    """What one source said: side "buy" or "sell", confidence 0..1, its weight, how many candles ago."""

    side: str
    confidence: float
    weight: float
    age: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """side "buy", "sell" or "" (nothing, or a draw); confidence 0..1; net is the sum of signed evidence."""

    side: str
    confidence: float
    net: float


def evidence(vote: Vote, settings: Settings) -> float:
    """Signed: above 0 for a buy."""
    size = -math.log1p(-min(max(vote.confidence, 0.0), MOST)) * vote.weight * settings["vote_decay"] ** vote.age
    return size if vote.side == BUY else -size


def combined(votes: Iterable[Vote], settings: Settings) -> Verdict:
    """The verdict of all votes; it does not depend on their order."""
    net = math.fsum(evidence(vote, settings) for vote in votes)
    if net == 0.0:
        return Verdict("", 0.0, 0.0)
    return Verdict(BUY if net > 0.0 else SELL, -math.expm1(-abs(net)), net)


def told(verdict: Verdict, named: Sequence[tuple[str, Vote]], threshold: float) -> str:
    """The votes in words, the strongest first: who, what, how sure, with which weight, how long ago."""
    order = sorted(named, key=lambda one: (-one[1].confidence * one[1].weight, one[0]))
    agree = sum(vote.side == verdict.side for _, vote in named)
    head = f"{agree} of {len(named)} votes to {verdict.side}, {threshold:.2f} needed: "
    return head + "; ".join(_vote_told(name, vote) for name, vote in order)


def _vote_told(name: str, vote: Vote) -> str:
    weight = "" if vote.weight == 1.0 else f" x {vote.weight:.2f}"
    age = f", {vote.age} candle{'s' if vote.age > 1 else ''} ago" if vote.age else ""
    return f"{name} {vote.side} {vote.confidence:.2f}{weight}{age}"
