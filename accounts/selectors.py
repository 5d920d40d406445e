"""What is known about stored keys without opening any."""

from collections import Counter
from dataclasses import dataclass, field

from accounts.crypto import SealError, master_key_ids, sealed_key_id
from accounts.models import ExchangeAccount

UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class KeyCensus:
    """How many accounts' keys are under which master key; `configured` are this process's, the encrypting one first."""

    configured: list[str]
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def current(self) -> str:
        """The id of the master key that encrypts ("" when none is configured)."""
        return self.configured[0] if self.configured else ""

    @property
    def to_rotate(self) -> int:
        """How many are under another one."""
        return sum(count for key_id, count in self.counts.items() if key_id != self.current)

    @property
    def closed(self) -> dict[str, int]:
        """Those that nobody can open here: their master key is not configured."""
        return {key_id: count for key_id, count in self.counts.items() if key_id not in self.configured}


def keys_census() -> KeyCensus:
    """Count the stored keys by master key."""
    try:
        configured = master_key_ids()
    except SealError:
        configured = []
    return KeyCensus(configured, dict(Counter(key_id for _, key_id in keys_held())))


def keys_held() -> list[tuple[int, str]]:
    """(account's primary key, id of the master key that its keys need), oldest account first."""
    rows = ExchangeAccount.objects.exclude(sealed_credentials="").order_by("pk")
    return [(pk, key_id_of(sealed)) for pk, sealed in rows.values_list("pk", "sealed_credentials").iterator()]


def key_id_of(sealed: str) -> str:
    """The id of the master key that sealed text needs, or `UNREADABLE`."""
    try:
        return sealed_key_id(sealed)
    except SealError:
        return UNREADABLE
