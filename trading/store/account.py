"""One account in the database. Implements `trading.turn.ports.Store`."""

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from accounts.clock import now
from accounts.models import ExchangeAccount
from trading.domain.types import Effect, Event
from trading.leases import lease_of, lease_release, lease_row_take, lease_save
from trading.models import AccountLease, LedgerEntry, Order
from trading.store.capacity import capacity_take
from trading.store.checks import WANTED_ANYWAY, check_store
from trading.store.listeners import Saved, tell
from trading.store.load import Keys, state_load
from trading.store.plans import account_limits_of, platform_limits
from trading.store.queue import bot_rows, bots_seen, intents_claim, queued
from trading.store.save import effects_save
from trading.turn.ports import AccountFacts, BotSeen, CheckResult, Lease, Loaded


class AccountStore:
    """The rows of one account (its row with `user` loaded).

    `holds_stops`: whether its exchange can hold a stop; `holds_pairs`: with its target, too.
    """

    def __init__(self, account: ExchangeAccount, *, holds_stops: bool = False, holds_pairs: bool = False) -> None:
        self.account, self.holds_stops, self.holds_pairs = account, holds_stops, holds_pairs
        self.keys = Keys()
        self.capacity_share = Decimal(1)
        self._row: AccountLease | None = None  # as it was when the lease was taken

    def lease_take(self) -> Lease | None:
        """The account's lease, or None while somebody else holds it."""
        moment = now()
        self._row = lease_row_take(account_id=self.account.pk, at=moment)
        return None if self._row is None else lease_of(self._row, moment)

    def lease_renew(self, lease: Lease) -> None:
        """Hold it longer. Raises LeaseLost."""
        lease_save(lease)

    def lease_release(self, lease: Lease) -> None:
        """Give it back."""
        lease_release(lease)

    def load(self, events: Sequence[Event] = (), *, closed_since: datetime | None = None) -> Loaded:
        """What is stored, in a fixed number of queries."""
        read_at = now()
        state, rows = state_load(self.account, events=events, closed_since=closed_since)
        self.keys = rows.keys
        if self.holds_stops:
            holds = partial(replace, holds_stops=True, holds_pairs=self.holds_pairs)
            state.instruments = {name: holds(spec) for name, spec in state.instruments.items()}
        account = self.account
        row = self._row or AccountLease.objects.get(account=account)
        amounts = {name: Decimal(amount) for name, amount in row.unconfirmed.items()}
        facts = AccountFacts(
            account.pk,
            account.name,
            account.exchange,
            account.quote_currency,
            account.last_checked_at,
            row.check_wanted_at,
            row.check_reason in WANTED_ANYWAY,
            amounts,
        )
        platform = platform_limits()
        self.capacity_share = Decimal(platform.capacity_share)
        return Loaded(
            read_at,
            facts,
            state,
            [queued(intent) for intent in rows.intents],
            bots_seen(account, rows.bots),
            account_limits_of(account, platform),
        )

    def bots(self) -> list[BotSeen]:
        """Bots and stops as committed right now."""
        self.account.refresh_from_db(fields=["status", "verification", "permissions", "live_enabled"])
        return bots_seen(self.account, bot_rows(self.account))

    def capacity_take(self, intent: UUID, symbol: str, cost: Decimal) -> Decimal | None:
        """One conditional statement."""
        volume = self.keys.volumes.get(symbol, 0.0)
        return capacity_take(
            intent=intent,
            instrument_id=self.keys.instruments[symbol],
            mode=self.account.mode,
            cost=cost,
            volume=volume,
            share=self.capacity_share,
        )

    def claim(self, lease: Lease, intents: Sequence[UUID], at: datetime) -> set[UUID]:
        """Claim intents. Raises LeaseLost."""
        return intents_claim(lease, intents, at)

    def save(
        self,
        lease: Lease,
        loaded: Loaded,
        events: Sequence[Event],
        effects: Sequence[Effect],
        seen: dict[str, Any] | None,
    ) -> None:
        """One transaction. Raises LeaseLost."""
        effects_save(
            account=self.account,
            lease=lease,
            state=loaded.state,
            keys=self.keys,
            events=events,
            effects=effects,
            seen=seen,
        )

    def tell(self, effects: Sequence[Effect]) -> None:
        """Tell the listeners of the store."""
        tell(Saved(self.account.pk, self.account.user_id, tuple(effects)))

    def orders_known(self, exchange_ids: Set[str], client_ids: Set[str]) -> tuple[set[str], set[str]]:
        """Which of these orders are stored."""
        rows = Order.objects.filter(account=self.account).order_by()
        by_id = rows.filter(exchange_order_id__in=exchange_ids - {""}).values_list("exchange_order_id", flat=True)
        return set(by_id), set(rows.filter(client_order_id__in=client_ids).values_list("client_order_id", flat=True))

    def references_known(self, references: Set[str]) -> set[str]:
        """Which of these ledger lines are posted."""
        rows = LedgerEntry.objects.filter(account=self.account, reference__in=references)
        return set(rows.values_list("reference", flat=True))

    def check_save(self, check: CheckResult) -> None:
        """Keep and tell what a comparison came to."""
        check_store(self.account, check)
