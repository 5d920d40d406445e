"""Taking intents from the queue: by a conditional update whose row count is checked, under the account's lease."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime

from trading.domain.money import money
from trading.domain.types import IntentTaken, Purpose, Side
from trading.leases import Lease, LeaseLost
from trading.models import Intent
from trading.store.load import Loaded


@dataclass(slots=True)
class Waiting:
    """Intents to be taken, surest first, then by symbol."""

    rows: list[Intent]

    def events(self, at: datetime) -> list[IntentTaken]:
        """The intents as the engine takes them."""
        return [_event(row, at) for row in self.rows]

    def unpriced_leave(self, priced: Set[str], at: datetime) -> None:
        """Let entries wait whose symbol shows no price yet, as in the first seconds of a start, until they expire."""
        self.rows = [
            row
            for row in self.rows
            if row.instrument.symbol in priced
            or not Purpose(row.purpose).is_entry
            or row.expires_at is None
            or row.expires_at <= at
        ]


def intents_waiting(loaded: Loaded) -> Waiting:
    """What is pending, and what a killed run had claimed and never decided nor began to work on."""
    state, keys = loaded.state, loaded.keys
    at_work: set[object] = {position.exit_intent_id for position in state.positions.values()}
    at_work |= {order.intent_id for order in state.orders.values()}
    found = [row for row in loaded.intents if row.status == Intent.Status.PENDING or row.public_id not in at_work]
    for row in found:
        if Purpose(row.purpose).is_entry:
            keys.signals[row.public_id] = row.signal_id
    # Exits before entries: they free money and slots. Then the surest, then by symbol.
    found.sort(key=lambda row: (Purpose(row.purpose).is_entry, -row.confidence, row.instrument.symbol, row.pk))
    return Waiting(found)


def intents_claim(waiting: Waiting, lease: Lease, at: datetime) -> list[IntentTaken]:
    """Claim them all, or raise LeaseLost: nobody but the holder of the lease takes intents of this account."""
    if not waiting.rows:
        return []
    rows = Intent.objects.filter(
        pk__in=[row.pk for row in waiting.rows],
        status__in=[Intent.Status.PENDING, Intent.Status.CLAIMED],
        account__lease__owner=lease.owner,
        account__lease__token=lease.token,
    )
    taken = rows.update(status=Intent.Status.CLAIMED, fencing_token=lease.token, claimed_at=at)
    if taken == len(waiting.rows):
        return waiting.events(at)
    mine = Intent.objects.filter(
        pk__in=[row.pk for row in waiting.rows], status=Intent.Status.CLAIMED, fencing_token=lease.token
    )
    left = set(mine.values_list("pk", flat=True))  # some were withdrawn between the look and the claim
    if not left and taken == 0 and not _still_ours(lease):
        raise LeaseLost(f"Another process took over account {lease.account_id}.")
    waiting.rows = [row for row in waiting.rows if row.pk in left]
    return waiting.events(at)


def _still_ours(lease: Lease) -> bool:
    from trading.models import AccountLease

    rows = AccountLease.objects.filter(account_id=lease.account_id, owner=lease.owner, token=lease.token)
    return rows.exists()


def _event(row: Intent, at: datetime) -> IntentTaken:
    return IntentTaken(
        at=at,
        intent_id=row.public_id,
        bot_id=row.bot.public_id,
        symbol=row.instrument.symbol,
        side=Side(row.side),
        purpose=Purpose(row.purpose),
        confidence=money(row.confidence),
        amount_quote=row.amount_quote,
        limit_price=row.limit_price,
        expires_at=row.expires_at,
        client_order_id=row.order.client_order_id if row.order else "",
    )
