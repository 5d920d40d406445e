"""Shuffle: another order of the same symbols, determined by a seed."""

from collections.abc import Sequence
from hashlib import blake2b

from signals.domain.selection.base import Candidate, Filter, Market, Sieved, Values
from signals.domain.selection.parameters import Number

HOUR_MS = 3_600_000


class Shuffle(Filter):
    """Sorted by a hash of (seed, period, symbol): the order that they came in does not matter."""

    kind = "shuffle"
    title = "Shuffle"
    help = "Puts the symbols in an order drawn from the seed, so that a later step does not always favour the same."
    missing = "never missing"
    parameters = (
        Number("seed", 7, 0, 2**31 - 1, "The same seed gives the same order."),
        Number("every_hours", 0, 0, 8760, "Draw a new order every so many hours; 0 keeps one order for ever."),
    )

    def sieve(self, candidates: Sequence[Candidate], values: Values, market: Market) -> Sieved:
        """All of them."""
        every = values["every_hours"] * HOUR_MS
        period = market.now_ms // every if every else 0
        return Sieved(sorted(candidates, key=lambda one: _drawn(values["seed"], period, one.symbol)), {})


def _drawn(seed: int, period: int, symbol: str) -> bytes:
    return blake2b(f"{seed} {period} {symbol}".encode(), digest_size=16).digest()
