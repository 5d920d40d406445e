"""One bot in the foreground: streams and scan in this process, execution of this bot's account only."""

import threading
import time
from collections.abc import Callable
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.db import connections

from accounts.clock import now
from accounts.exchanges.errors import ExchangeError
from signals.listeners import on_signals
from signals.models import ExchangeState
from signals.streams import streams_main
from trading import live
from trading.leases import LeaseBusy, LeaseLost
from trading.models import Bot
from trading.services.intents import intents_fan_out
from trading.services.snapshots import snapshots_take_due
from trading.services.work import account_work

TURN_S = 0.5
SNAPSHOT_S = 30.0
LOCK_S = 30
Say = Callable[..., None]


class Refused(Exception):
    """The bot cannot be run here now; the text says why and what to do."""


class Foreground:
    """Runs one bot until `stop` is set; `say(event, **fields)` gets one call per event."""

    def __init__(self, bot: Bot, say: Say, stop: threading.Event) -> None:
        self.bot, self.say, self.stop = bot, say, stop
        self._key = f"trading:runbot:{bot.public_id}"
        self._worker: Any = None
        self._streams: threading.Thread | None = None

    def run(self) -> None:
        """Blocks until stopped. Raises Refused when another process runs this bot or its market."""
        self._lease()
        try:
            live.on_push(self._tell)
            on_signals(lambda _scan, ids: self._fan_out(ids))
            self._parts_start()
            self._turns()
        finally:
            self._parts_stop()
            cache.delete(self._key)

    def _lease(self) -> None:
        """The streams' lease is what two processes on the embedded defaults fight for; with Redis, a lock per bot."""
        state = ExchangeState.objects.filter(exchange=self.bot.account.exchange).first()
        streamed = state is not None and state.streams_lease_until is not None and state.streams_lease_until > now()
        if streamed and state is not None and state.streams_owner and not settings.REDIS_URL:
            raise Refused(
                f"Another process ({state.streams_owner.rsplit(':', 1)[0]}) streams {self.bot.account.exchange} and "
                "runs its bots, this one included. Stop it first, or watch the bot on its page."
            )
        if not cache.add(self._key, 1, timeout=LOCK_S):
            raise Refused("This bot already runs in the foreground somewhere else.")

    def _parts_start(self) -> None:
        if settings.REDIS_URL:  # streams and scan have processes of their own
            return
        current_app.loader.import_default_modules()
        self._worker = current_app.WorkController(
            hostname="runbot@localhost",
            pool_cls="threads",
            concurrency=2,
            queues="scan,default",
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
            send_events=False,
            loglevel="WARNING",
        )
        threading.Thread(target=self._worker.start, name="worker", daemon=True).start()
        exchange = self.bot.account.exchange
        self._streams = threading.Thread(target=streams_main, args=(exchange, self.stop), name="streams", daemon=True)
        self._streams.start()

    def _parts_stop(self) -> None:
        self.stop.set()
        if self._worker is not None:
            self._worker.stop(in_sighandler=False)
        if self._streams is not None:
            self._streams.join(timeout=5)
        connections.close_all()

    def _turns(self) -> None:
        snapshot_at = time.monotonic() + SNAPSHOT_S
        while not self.stop.wait(TURN_S):
            cache.touch(self._key, LOCK_S)
            self._turn()
            if time.monotonic() >= snapshot_at:
                snapshot_at = time.monotonic() + SNAPSHOT_S
                snapshots_take_due()

    def _turn(self) -> None:
        try:
            account_work(account_id=self.bot.account_id)
        except (LeaseBusy, LeaseLost):
            return
        except ExchangeError as error:
            self.say("error", message=str(error))

    def _fan_out(self, signal_ids: list[int]) -> None:
        made = intents_fan_out(signal_ids=signal_ids, bot_id=self.bot.pk)
        self.say("signals", signals=len(signal_ids), intents=made)

    def _tell(self, user_id: int | None, kind: str, payload: dict[str, Any]) -> None:
        own = payload.get("bot") == str(self.bot.public_id) or payload.get("id") == str(self.bot.public_id)
        mine = user_id == self.bot.user_id and (own or kind in ("pnl", "snapshot", "notice"))
        if mine or kind == "stop":
            self.say(kind, **{name: value for name, value in payload.items() if name != "bot"})
