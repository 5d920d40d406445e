"""One account in the database. Implements `trading.turn.ports.Store`."""

import logging
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.cache import cache

from accounts.clock import now
from accounts.models import ExchangeAccount
from accounts.services.notices import notice_send
from trading.domain.types import Effect, Event
from trading.leases import lease_release, lease_save, lease_take
from trading.models import AccountLease, Balance
from trading.store.listeners import Saved, tell
from trading.store.load import Keys, state_load
from trading.store.queue import bot_rows, bots_seen, intents_claim, queued
from trading.store.save import effects_save
from trading.turn.ports import AccountFacts, BotSeen, Lease, Loaded

logger = logging.getLogger(__name__)
TOLD_S = 86_400  # the same difference is told once a day


class AccountStore:
    """The rows of one account (its row with `user` loaded)."""

    def __init__(self, account: ExchangeAccount) -> None:
        self.account = account
        self.keys = Keys()

    def lease_take(self) -> Lease | None:
        """The account's lease, or None while somebody else holds it."""
        return lease_take(account_id=self.account.pk)

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
        account, moments = self.account, ("account__last_checked_at", "check_wanted_at")
        checked, wanted = AccountLease.objects.filter(account=account).values_list(*moments).first() or (None, None)
        facts = AccountFacts(account.pk, account.name, account.exchange, account.quote_currency, checked, wanted)
        return Loaded(read_at, facts, state, [queued(row) for row in rows.intents], bots_seen(account, rows.bots))

    def bots(self) -> list[BotSeen]:
        """Bots and stops as committed right now."""
        self.account.refresh_from_db(fields=["status", "verification", "permissions", "live_enabled"])
        return bots_seen(self.account, bot_rows(self.account))

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

    def check_save(self, totals: dict[str, Decimal], differences: dict[str, Decimal], at: datetime) -> None:
        """Beside our own balances, what the exchange said; a difference is told, never overwritten."""
        known = set(Balance.objects.filter(account=self.account).values_list("currency", flat=True))
        for name in sorted(known | totals.keys()):
            values = {"exchange_total": totals.get(name, Decimal(0)), "exchange_at": at}
            Balance.objects.update_or_create(account=self.account, currency=name, defaults=values)
        ExchangeAccount.objects.filter(pk=self.account.pk).update(last_checked_at=at)
        if differences:
            self._differences_tell(differences)

    def _differences_tell(self, found: dict[str, Decimal]) -> None:
        account = self.account
        words = ", ".join(f"{amount.normalize():+f} {name}" for name, amount in sorted(found.items()))
        logger.warning("account %s: the exchange has %s compared with the ledger", account.pk, words)
        if cache.add(f"trading:difference:{account.pk}:{words}"[:200].replace(" ", "_"), 1, timeout=TOLD_S):
            notice_send(
                user=account.user,
                level="warn",
                title=f"{account.name}: the exchange's balances differ",
                text=f"The exchange has {words} compared with our ledger: a deposit, a withdrawal or a trade by hand.",
            )
