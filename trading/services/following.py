"""A bot that a running platform runs, told in the foreground: what changes in the database, one event a change.

Nothing is executed here, so nothing can be executed twice: the platform's process stays the only one that trades.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

from django.conf import settings
from django.db.models import Max, Q, QuerySet

from accounts.clock import now
from accounts.processes import folder_holder, owner_gone
from signals.models import ExchangeState
from trading import live
from trading.domain.orders import OPEN
from trading.domain.position import OPEN_STATES
from trading.models import Bot, Fill, Intent, Order, Position
from trading.services.intents import WAITING
from trading.services.payloads import fill_payload, order_payload, position_payload

POLL_S = 0.5
PATIENCE_S = 10.0  # a platform's streams may be away for a moment
OVERLAP = 1000  # row ids are given before their commit: look back this far
Say = Callable[..., None]
ALONE = "runbot"  # the name under which a bot without a platform holds the state folder


class Refused(Exception):
    """The bot cannot be run here now; the text says why and what to do."""


def platform_name(exchange: str) -> str:
    """Who runs the platform on this state, in words; "" when nobody does. Raises Refused beside another lone bot."""
    holder = "" if settings.REDIS_URL else folder_holder(settings.VAR_DIR)
    if ALONE in holder:
        raise Refused(
            f"Another bot runs in the foreground here (process {holder.split()[0]}), and without Redis only one "
            "process may trade. Stop it first; or start the platform (make run): beside it any number can be run."
        )
    if holder:
        return f"the demo (process {holder})"
    state = ExchangeState.objects.filter(exchange=exchange, streams_lease_until__gt=now()).exclude(streams_owner="")
    owner = state.values_list("streams_owner", flat=True).first() or ""
    return f"the platform (its streams: {owner.rsplit(':', 1)[0]})" if owner and not owner_gone(owner) else ""


class Following:
    """Tells what the platform does with one bot, until `stop` is set."""

    def __init__(self, bot: Bot, say: Say, stop: threading.Event) -> None:
        self.bot, self.say, self.stop = bot, say, stop
        self._tables = _tables(bot)
        self._bot_told = self._bot_row()
        self._seen_at = time.monotonic()

    def run(self) -> None:
        """Blocks until stopped. Raises Refused when the platform has stopped meanwhile."""
        while not self.stop.wait(POLL_S):
            self.tell()
            if platform_name(self.bot.account.exchange):
                self._seen_at = time.monotonic()
            elif time.monotonic() - self._seen_at > PATIENCE_S:
                raise Refused("The platform that ran this bot has stopped. Start it again, or run the bot without it.")

    def tell(self) -> None:
        """One event for everything that changed since the last time."""
        for table in self._tables:
            for payload in table.changes():
                closed = table.kind == live.Kind.POSITION and payload["status"] == Position.Status.CLOSED
                self.say(live.Kind.TRADE if closed else table.kind, **_without_bot(payload))
        row = self._bot_row()
        if row != self._bot_told:
            self._bot_told = row
            self.say(live.Kind.BOT, **row)

    def _bot_row(self) -> dict[str, Any]:
        names = ("public_id", "status", "status_reason", "last_decision", "last_decision_at")
        row = Bot.objects.values(*names).get(pk=self.bot.pk)
        return {"id": row.pop("public_id"), **row}


class _Table:
    """Rows of one kind as they change: new ones, and those that are not final yet."""

    def __init__(self, rows: QuerySet[Any], kind: str, payload: Callable[[Any], Any], moving: Collection[str]) -> None:
        self.rows, self.kind, self._payload, self._moving = rows, kind, payload, moving
        self._last = rows.aggregate(last=Max("pk"))["last"] or 0
        open_ids = rows.filter(status__in=moving).values_list("pk", flat=True) if moving else []
        self._told: dict[int, Any] = dict.fromkeys(open_ids)
        list(self.changes())  # what is there already is no news

    def changes(self) -> Iterator[dict[str, Any]]:
        fresh = Q(pk__gt=self._last - OVERLAP) | Q(pk__in=list(self._told))
        for row in self.rows.filter(fresh).order_by("pk"):
            payload = dict(self._payload(row))
            if self._told.get(row.pk) != payload:
                self._told[row.pk] = payload
                yield payload
            self._last = max(self._last, row.pk)
        self._told = {
            pk: told
            for pk, told in self._told.items()
            if pk > self._last - OVERLAP or (told and told.get("status") in self._moving)
        }


def _tables(bot: Bot) -> tuple[_Table, ...]:
    intents = Intent.objects.filter(bot=bot).select_related("instrument")
    orders = Order.objects.filter(bot=bot).select_related("account", "bot", "instrument", "position")
    fills = Fill.objects.filter(order__bot=bot)
    fills = fills.select_related("account", "instrument", "order__bot", "order__position")
    positions = Position.objects.filter(bot=bot).select_related("account", "bot", "instrument")
    return (
        _Table(intents, "intent", _intent, WAITING),
        _Table(orders, live.Kind.ORDER, order_payload, OPEN),
        _Table(fills, live.Kind.FILL, fill_payload, ()),
        _Table(positions, live.Kind.POSITION, position_payload, OPEN_STATES),
    )


def _intent(row: Intent) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "purpose": row.purpose,
        "symbol": row.instrument.symbol,
        "side": row.side,
        "status": row.status,
        "reason": row.reason,
    }


def _without_bot(payload: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name != "bot"}
