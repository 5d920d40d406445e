"""Accounts: a key, what it may do, and what it owns."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from trading.practice.decimals import ZERO
from trading.practice.errors import insufficient

PERMISSIONS = ("read", "spot", "withdraw")


def _amounts() -> defaultdict[str, Decimal]:
    return defaultdict(lambda: ZERO)


@dataclass(slots=True)
class Account:
    """One API key and its balances (asset to amount)."""

    id: int
    key: str
    secret: str
    permissions: frozenset[str]
    free: defaultdict[str, Decimal] = field(default_factory=_amounts)
    locked: defaultdict[str, Decimal] = field(default_factory=_amounts)

    def __repr__(self) -> str:
        return f"Account({self.id})"  # never the secret

    def lock(self, asset: str, amount: Decimal) -> None:
        """Set an amount aside; raises Binance's insufficient balance."""
        if self.free[asset] < amount:
            raise insufficient()
        self.free[asset] -= amount
        self.locked[asset] += amount

    def unlock(self, asset: str, amount: Decimal) -> None:
        """Give a set-aside amount back."""
        self.locked[asset] -= amount
        self.free[asset] += amount

    def pay(self, asset: str, amount: Decimal) -> None:
        """Spend from what was set aside."""
        self.locked[asset] -= amount

    def receive(self, asset: str, amount: Decimal) -> None:
        """Add to what is free."""
        self.free[asset] += amount

    def assets(self) -> list[str]:
        """Assets with anything in them."""
        return sorted(asset for asset in self.free | self.locked if self.free[asset] or self.locked[asset])


def permissions_of(names: Iterable[str]) -> frozenset[str]:
    """Check permission names; raises ValueError that lists the allowed ones."""
    chosen = frozenset(names)
    if not chosen <= set(PERMISSIONS):
        raise ValueError(f"permissions must be of {', '.join(PERMISSIONS)}")
    return chosen
