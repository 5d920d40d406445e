"""One bot in the foreground: told beside a running platform, which runs it, or all in this process where none runs."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connections

from accounts.exchanges.endpoints import address, endpoints_for
from accounts.exchanges.errors import ExchangeError
from accounts.exchanges.modes import mode_check
from accounts.models import ExchangeAccount
from accounts.processes import folder_hold
from signals.listeners import on_signals
from signals.streams import streams_main
from trading import live
from trading.domain.position import OPEN_STATES
from trading.leases import LeaseBusy, LeaseLost
from trading.models import Bot, Position
from trading.services.bots import bot_start, bot_stop
from trading.services.following import ALONE, Following, Refused, platform_name
from trading.services.intents import intents_fan_out
from trading.services.snapshots import snapshots_take_due
from trading.services.work import account_work

TURN_S = 0.5
SNAPSHOT_S = 30.0
ANSWER_S = 5.0
STOPPED, LEFT_RUNNING = "stopped", "left_running"
LAST = (STOPPED, LEFT_RUNNING)  # nothing is told after one of these
Say = Callable[..., None]


def bot_run(*, bot: Bot, say: Say, stop: threading.Event) -> None:
    """Run one bot until `stop` is set; `say(event, **fields)` gets one call per event.

    A platform that runs on the same state keeps trading alone: the bot is started there, told, and stopped at the end.
    Without one this process does everything. A bot that ran before keeps running in the platform.

    Raises Refused, before anything is started, where neither is safe.
    """
    platform = platform_name(bot.account.exchange)
    with contextlib.nullcontext() if platform else _alone(bot):
        runner = Following(bot, say, stop) if platform else Foreground(bot, say, stop)
        started = _start(bot)
        try:
            version = bot.config.version if bot.config else 0
            where = platform or "this process"
            say("started", bot=bot.name, account=str(bot.account), config_version=version, runs_in=where)
            runner.run()
        finally:
            if started:
                bot_stop(bot=bot, actor=None, reason="The foreground run ended.")
    say(
        STOPPED if started or not platform else LEFT_RUNNING,
        open_positions=Position.objects.filter(bot=bot, status__in=OPEN_STATES).count(),
    )


def _start(bot: Bot) -> bool:
    """Start the bot when it does not run; whether we did (then it is stopped at the end)."""
    if bot.status == Bot.Status.RUNNING:
        return False
    try:
        bot_start(bot=bot, actor=None)
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from None
    return True


@contextlib.contextmanager
def _alone(bot: Bot) -> Iterator[None]:
    """Hold the state folder, so that no platform starts on it meanwhile. Raises Refused."""
    exchange = bot.account.exchange
    if settings.REDIS_URL:
        raise Refused(f"No process streams {exchange}. Start the platform (make up); the bot is then told beside it.")
    _exchange_check(bot.account)
    with folder_hold(settings.VAR_DIR, ALONE) as free:
        if not free:
            raise Refused("Another process has just started on this state folder. Try again.")
        yield


def _exchange_check(account: ExchangeAccount) -> None:
    """No positions of one market at the prices of another: the exchange must be the one that the account is for."""
    try:
        if account.mode != ExchangeAccount.Mode.PAPER:
            mode_check(exchange=account.exchange, mode=account.mode, live_enabled=account.live_enabled)
    except ExchangeError as error:
        raise Refused(str(error)) from None
    if (where := endpoints_for(account.exchange)) is None:
        return
    try:
        socket.create_connection(address(where.rest), timeout=ANSWER_S).close()
    except OSError as error:
        raise Refused(
            f"Nothing answers for {account.exchange} at {where.rest} ({error}). Start the demo (make run), which "
            "brings its exchange and runs the bot, or set XRAY_EXCHANGE_ENDPOINTS to where the exchange is."
        ) from None


class Foreground:
    """Streams and scan in this process, and execution of this bot's account only."""

    def __init__(self, bot: Bot, say: Say, stop: threading.Event) -> None:
        self.bot, self.say, self.stop = bot, say, stop
        self._worker: Any = None
        self._streams: threading.Thread | None = None

    def run(self) -> None:
        """Blocks until stopped."""
        try:
            live.on_push(self._tell)
            on_signals(lambda _scan, ids: self._fan_out(ids))
            self._parts_start()
            self._turns()
        finally:
            self._parts_stop()

    def _parts_start(self) -> None:
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
