"""Volume: what was traded in 24 hours, as a minimum and as a rank."""

from collections.abc import Mapping, Sequence

from signals.domain.selection.base import (
    MISSING,
    NAN,
    RELAX,
    Candidate,
    Market,
    MeasuredFilter,
    Sieved,
    Values,
    open_high,
    range_check,
)
from signals.domain.selection.parameters import Number


class Volume(MeasuredFilter):
    """Quote volume of 24 hours; those that stay are ranked by it, ties by symbol."""

    kind = "volume"
    title = "Volume"
    help = "Ranks by 24 h quote volume; keeps those between minimum and maximum, and of them the first so many."
    missing = "by its parameter: refused, unless set to pass (then ranked last); a volume of 0 counts as missing"
    parameters = (
        Number("minimum", 0.0, 0.0, 1e12, "Smallest 24 h volume, in quote currency."),
        Number("maximum", 0.0, 0.0, 1e12, "Largest 24 h volume, in quote currency; 0 for no bound."),
        Number("top", 100, 0, 5000, "Keep the first so many by volume; 0 keeps all."),
        *RELAX,
        MISSING,
    )

    def check(self, values: Values) -> None:
        """The bounds in order."""
        range_check(values, "minimum", "maximum")

    def measure(self, candidate: Candidate, values: Values, market: Market) -> float:
        """From the ticker."""
        return candidate.volume if candidate.volume > 0.0 else NAN

    def bounds(self, values: Values) -> tuple[float, float]:
        """From minimum to maximum."""
        return values["minimum"], open_high(values["maximum"])

    def ranked(self, kept: list[Candidate], measured: Mapping[str, float], values: Values) -> list[Candidate]:
        """Largest first."""
        return sorted(kept, key=volume_rank)

    def sieve(self, candidates: Sequence[Candidate], values: Values, market: Market) -> Sieved:
        """Within the bounds, then the first `top` of them."""
        sieved = super().sieve(candidates, values, market)
        top = values["top"] or len(sieved.kept)
        late = {
            one.symbol: f"Rank {rank} by 24 h volume; the first {top} are kept."
            for rank, one in enumerate(sieved.kept, 1)
            if rank > top
        }
        return Sieved(sieved.kept[:top], sieved.refused | late, sieved.notes)

    def says(self, measured: float, values: Values) -> str:
        """In quote currency."""
        return f"24 h volume {measured:,.0f}"

    def bound_says(self, bound: float, values: Values) -> str:
        """In quote currency."""
        return f"{bound:,.0f}"

    def unknown(self, candidate: Candidate, values: Values) -> str:
        """Nothing was traded, or nobody says."""
        return "No volume in 24 hours."


def volume_rank(candidate: Candidate) -> tuple[float, str]:
    """Sort key: largest volume first, unknown last, ties by symbol."""
    return (-candidate.volume if candidate.volume > 0.0 else 0.0, candidate.symbol)
