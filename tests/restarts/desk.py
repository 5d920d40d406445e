"""What people do while servers restart, and what they find afterwards; each step in a process of its own.

`python -m tests.restarts.desk` loads everything once, then forks for each line of JSON on its input, {"step": name,
"given": {...}}, and answers it with {"code": exit status, "answer": what the step returned, "output": text}.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xray_site.settings")

import django

django.setup()

from accounts.clock import now  # noqa: E402
from accounts.crypto import seal  # noqa: E402
from accounts.models import ExchangeAccount, User  # noqa: E402
from signals import quotes  # noqa: E402
from signals.models import Instrument  # noqa: E402
from tests.forks import forked  # noqa: E402
from trading.models import AccountLease, Bot, BotConfig, Intent, Order, Position, StopSwitch  # noqa: E402
from trading.services.intents import entry_request, orders_cancel_request, position_close_request  # noqa: E402
from trading.services.ledger_comparison import ledger_compare  # noqa: E402
from trading.services.stops import stop_clear, stop_set  # noqa: E402
from trading.turn.catch_up import STREAM  # noqa: E402

SYMBOL = "BTC/USDT"
HELD = ("opening", "open", "closing")


def setup(keys: list[str], bots: int) -> None:
    """An account a key, each with as many running bots, which trade by hand only and leave by hand only."""
    for key in keys:
        user = User.objects.create(email=f"{key}@example.org")
        sealed = seal({"api_key": key, "api_secret": key[::-1], "passphrase": ""})
        values = {"exchange": "binance", "mode": "practice", "verification": "verified"}
        account = ExchangeAccount.objects.create(user=user, name=key, sealed_credentials=sealed, **values)
        for number in range(bots):
            bot = Bot.objects.create(user=user, account=account, name=str(number), status="running")
            bot.config = BotConfig.objects.create(
                bot=bot, version=1, entry_type="market", max_spread="0.1", symbols=["NONE/USDT"], profit_target="5",
                stop_loss="0.5", holding_time_s=86_400, cooldown_s=0, stop_cooldown_s=0, orders_per_minute=0,
                loss_streak=0, max_positions=10,
            )  # fmt: skip
            bot.save()


def sweep_every(seconds: int) -> None:
    """As staff may set it in the admin."""
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    from xray_site.beat import schedule_install

    schedule_install()
    interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.filter(task="trading.tasks.sweep").update(interval=interval)


def priced() -> bool:
    """Whether the market shows a price."""
    row = quotes.latest("binance", SYMBOL)
    return row is not None and now() - row.at < timedelta(seconds=5)


def enter(amounts: list[str], resting: bool) -> None:
    """Every bot buys at the market, by hand; with `resting` its account's first one far below it instead."""
    for number, bot in enumerate(_bots()):
        first = resting and not bot.account.bots.filter(pk__lt=bot.pk).exists()
        entry_request(
            bot=bot, symbol=SYMBOL, amount_quote=amounts[number % len(amounts)], actor=bot.user,
            limit_price=_far_below() if first else None,
        )  # fmt: skip


def _bots() -> list[Bot]:
    return list(Bot.objects.select_related("account", "user", "config").order_by("id"))


def _far_below() -> Decimal:
    """Of the market, once it is seen again: a Redis that came back empty knows no price."""
    instrument, waits_until = Instrument.objects.get(symbol=SYMBOL), time.monotonic() + 30
    while (row := quotes.latest("binance", SYMBOL)) is None:
        assert time.monotonic() < waits_until, "no price came"
        time.sleep(0.1)
    return (row.bid * Decimal("0.9")) // instrument.tick_size * instrument.tick_size


def signals_come(lives_s: float) -> list[int]:
    """An entry for every bot as a signal makes it, which nobody is woken for and which soon expires; their ids."""
    values = {"instrument": Instrument.objects.get(symbol=SYMBOL), "purpose": "entry", "side": "buy"}
    until = now() + timedelta(seconds=lives_s)
    return [
        Intent.objects.create(bot=bot, config=bot.config, account=bot.account, expires_at=until, **values).pk
        for bot in _bots()
    ]


def leave() -> None:
    """Every position is to be closed, every resting order taken back."""
    for position in Position.objects.filter(status__in=HELD).order_by("id"):
        position_close_request(position=position, actor=None)
    for order in Order.objects.filter(status="active").select_related("bot__user"):
        orders_cancel_request(orders=[order], actor=order.bot.user)


def stop() -> float:
    """A stop of the whole platform; the time (ms since 1970) at which it was surely committed."""
    stop_set(scope="platform", level=1, actor=None, reason="test")
    return now().timestamp() * 1000


def stops_lift() -> None:
    """Trading may go on."""
    for switch in StopSwitch.objects.filter(cleared_at=None):
        stop_clear(switch=switch, actor=None)


def waiting() -> dict[str, int]:
    """How much is under way; an order that rests is not."""
    rest = Order.objects.filter(status="active").exclude(type="market")
    return {
        "intents": Intent.objects.filter(status__in=["pending", "claimed"]).exclude(orders__in=rest).count(),
        "orders": Order.objects.filter(status__in=["pending", "unknown"]).count(),
        "filling": Order.objects.filter(status="active", type="market").count(),
        "closing": Position.objects.filter(status="closing").count(),
    }


def unsettled() -> list[Any]:
    """The rows that are under way."""
    intents = Intent.objects.filter(status__in=["pending", "claimed"])
    orders = Order.objects.filter(status__in=["pending", "unknown", "active"])
    leases = AccountLease.objects.order_by("account_id")
    return [
        list(intents.values("account_id", "purpose", "status", "reason", "claimed_at", "fencing_token", "limit_price")),
        list(orders.values("account_id", "client_order_id", "status", "reason", "type", "created_at", "intent_id")),
        list(leases.values("account_id", "owner", "token", "expires_at", "check_wanted_at")),
    ]


def sent() -> int:
    """How many orders have left, or are about to."""
    return Order.objects.count()


def sweeps_ask(number: int) -> None:
    """So many messages at once: every worker gets some."""
    from trading.tasks import sweep

    for _ in range(number):
        sweep.delay()


def streams_forget() -> None:
    """No user stream counts as delivering until it does again."""
    from trading.services.reconciliation import stream_lost

    for pk in ExchangeAccount.objects.values_list("pk", flat=True):
        stream_lost(pk)


def streamed() -> int:
    """How many accounts have a user stream that has delivered lately."""
    from trading.memory import AccountMemory

    keys = ExchangeAccount.objects.values_list("pk", flat=True)
    return sum(AccountMemory(pk).note_read(STREAM) is not None for pk in keys)


def report() -> list[dict[str, Any]]:
    """Both books of every account."""
    return [_account_report(account) for account in ExchangeAccount.objects.order_by("id")]


def _account_report(account: ExchangeAccount) -> dict[str, Any]:
    rows = Order.objects.filter(account=account).order_by("id")
    intents = Intent.objects.filter(account=account).order_by("id")
    return {
        "key": account.name,
        "status": account.status,
        "bots": sorted(set(Bot.objects.filter(account=account).values_list("status", flat=True))),
        "orders": list(rows.values("client_order_id", "exchange_order_id", "status", "side", "amount", "filled")),
        "intent_of": dict(rows.values_list("client_order_id", "intent_id")),
        "intents": list(intents.values("id", "purpose", "status", "reason", "expires_at")),
        "positions": list(Position.objects.filter(account=account).order_by("id").values("status", "close_reason")),
        "differences": ledger_compare(account=account).differences,
    }


Step = Callable[..., Any]
ACTS = (setup, sweep_every, enter, signals_come, leave, stop, stops_lift, sweeps_ask, streams_forget)
LOOKS = (priced, waiting, unsettled, sent, streamed, report)
STEPS: dict[str, Step] = {step.__name__: step for step in (*ACTS, *LOOKS)}


def perform(wanted: dict[str, Any], answer: int) -> None:
    """One step, and its answer."""
    told = json.dumps(STEPS[wanted["step"]](**wanted["given"]), default=str)
    with os.fdopen(answer, "w") as pipe:
        pipe.write(told)


def main() -> None:
    """Fork for every line."""
    for line in sys.stdin:
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as answer:
            code = forked(partial(perform, json.loads(line), answer.fileno()), output.fileno())
            for file in (output, answer):
                file.seek(0)
            told = {"code": code, "output": output.read(), "answer": json.loads(answer.read() or "null")}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
