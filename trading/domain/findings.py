"""What a comparison of an account with its exchange can find, and what each kind means."""

from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    """Classes of differences. The first three are repaired: there is exactly one honest explanation."""

    MISSING_FILL = "missing_fill"  # a fill of our order that nobody had told us: accounted
    OUTSIDE_TRADE = "outside_trade"  # the owner traded by hand: booked from the exchange's own trade
    TRANSFER = "transfer"  # money came or left by another way, seen twice: booked
    UNCONFIRMED = "unconfirmed"  # balances differ, seen once: compared again in a moment
    OUTSIDE_ORDER = "outside_order"  # an order by hand rests: shown, never touched
    STRANGE_ORDER = "strange_order"  # an order under an id like ours that this database does not know: pauses
    REVIVED_ORDER = "revived_order"  # an order that we hold for closed long ago is open: pauses
    ODD_TRADE = "odd_trade"  # a trade of our order that cannot be one (other side, more than ordered): pauses
    COINS_MISSING = "coins_missing"  # the exchange holds less of a coin than the bots' positions: pauses


PAUSES = frozenset(
    {FindingKind.STRANGE_ORDER, FindingKind.REVIVED_ORDER, FindingKind.COINS_MISSING, FindingKind.ODD_TRADE}
)
REPAIRED = frozenset({FindingKind.MISSING_FILL, FindingKind.OUTSIDE_TRADE, FindingKind.TRANSFER})


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference in words, with the numbers that show it."""

    kind: FindingKind
    text: str

    @property
    def pauses(self) -> bool:
        """Whether the account must not trade until somebody has looked."""
        return self.kind in PAUSES
