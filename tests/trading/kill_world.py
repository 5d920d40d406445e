"""Steps of the kill tests, each run in a process of its own.

`python -m tests.trading.kill_world` loads everything once and then forks a process for each line of JSON on its input:
{"database": path, "argv": [STEP, ..., OPTIONS]}; it answers each with {"code": exit status, "output": text}.
`execute --kill POINT` ends its process with SIGKILL at a named point of the execution service, like a power cut.
"""

import argparse
import inspect
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xray_site.settings")

import django

django.setup()

from django.db import connection  # noqa: E402

from accounts.clock import clock_set, now  # noqa: E402
from accounts.crypto import seal  # noqa: E402
from accounts.exchanges.lean_ccxt import client_class  # noqa: E402
from accounts.exchanges.loop import run  # noqa: E402
from accounts.models import ExchangeAccount, User  # noqa: E402
from signals import quotes  # noqa: E402
from signals.models import Instrument  # noqa: E402
from tests.forks import forked  # noqa: E402
from trading.models import Balance, Bot, BotConfig, Fill, Intent, Order, Position  # noqa: E402
from trading.services.ledger_comparison import ledger_compare  # noqa: E402

SYMBOL = "BTC/USDT"
client_class("binance")  # loaded before the fork, or every process would spend seconds on it


def prepare(_args: argparse.Namespace) -> None:
    """A migrated database gets to know the exchange's markets."""
    from signals.services.markets import markets_load

    markets_load(exchange="binance")


def setup(args: argparse.Namespace) -> None:
    """One bot of one account."""
    user = User.objects.create(email="killed@example.org")
    keys = {"api_key": args.key, "api_secret": args.key[::-1], "passphrase": ""}
    account = ExchangeAccount.objects.create(
        user=user,
        name="Killed",
        exchange="binance",
        mode=args.mode,
        verification="not_needed" if args.mode == "paper" else "verified",
        sealed_credentials="" if args.mode == "paper" else seal(keys),
    )
    bot = Bot.objects.create(user=user, account=account, name="Killed", status="running")
    bot.config = BotConfig.objects.create(
        bot=bot, version=1, entry_type="market", max_spread="0.1", stop_loss="0.5", profit_target="0.5",
        protection=args.protection,
    )  # fmt: skip
    bot.save()
    enter(args)


def enter(args: argparse.Namespace) -> None:
    """An entry intent, as a signal or a trader would make it: at the market, or far below it, where it rests."""
    bot = Bot.objects.get()
    Intent.objects.create(
        bot=bot,
        config=bot.config,
        account=bot.account,
        instrument=Instrument.objects.get(symbol=SYMBOL),
        purpose="manual_entry",
        side="buy",
        amount_quote=Decimal(args.amount),
        limit_price=_bid() * Decimal(args.limit) if args.limit else None,
        expires_at=now() + timedelta(minutes=5),
    )


def _bid() -> Decimal:
    _quotes_publish()
    row = quotes.latest("binance", SYMBOL)
    assert row is not None
    return row.bid


def take_back(_args: argparse.Namespace) -> None:
    """A request to cancel the resting order."""
    from trading.services.intents import orders_cancel_request

    user = User.objects.get()
    orders_cancel_request(orders=Order.objects.filter(status="active").select_related("bot"), actor=user)


def leave(_args: argparse.Namespace) -> None:
    """A request to close the open position."""
    from trading.services.intents import position_close_request

    position_close_request(position=Position.objects.get(status="open"), actor=None)


def execute(args: argparse.Namespace) -> None:
    """One turn of the account (twice with `--again`, which lets an expiry or a delay pass by the clock)."""
    from trading.services.sweep import dead_leases_release
    from trading.services.work import account_work

    if args.kill:
        globals()["_spared"] = args.spared
        KILLS[args.kill]()
    _quotes_publish()
    dead_leases_release()
    account = ExchangeAccount.objects.get()
    account_work(account_id=account.pk)
    if args.again:
        later = now() + timedelta(seconds=args.later)
        with clock_set(lambda: later):
            _quotes_publish()
            account_work(account_id=account.pk)


def report(_args: argparse.Namespace) -> None:
    """The platform's side of the books, as JSON."""
    order_fields = ("client_order_id", "exchange_order_id", "status", "side", "amount", "filled")
    fills = [
        {"trade_id": row.trade_id, "price": row.price, "amount": row.amount, "fee": row.fee, "asset": row.fee_currency}
        for row in Fill.objects.order_by("id")
    ]
    answer = {
        "orders": list(Order.objects.order_by("id").values(*order_fields)),
        "fills": fills,
        "balances": {row.currency: row.total for row in Balance.objects.all()},
        "intents": list(Intent.objects.order_by("id").values("purpose", "status", "reason")),
        "intent_of": dict(Order.objects.values_list("client_order_id", "intent_id")),
        "positions": list(Position.objects.order_by("id").values("status", "amount", "close_reason")),
        "differences": _differences(),
    }
    print(json.dumps(answer, default=str))


def _differences() -> list[str]:
    """How our books differ from the exchange's; on paper there is nobody to compare with."""
    account = ExchangeAccount.objects.get()
    return [] if account.mode == "paper" else ledger_compare(account=account).differences


def _quotes_publish() -> None:
    from accounts.exchanges.factory import public_client

    async def ask() -> Any:
        client = public_client("binance")
        await client.load_markets()
        return (await client.fetch_bids_asks([SYMBOL]))[SYMBOL]

    ticker = run(ask(), timeout_s=60)
    sizes = Decimal(1000), Decimal(1000)
    row = quotes.QuoteRow(SYMBOL, Decimal(repr(ticker["bid"])), Decimal(repr(ticker["ask"])), *sizes, now())
    quotes.publish("binance", [row])


_spared = 0  # how often the point is passed before it kills


def _die() -> None:
    global _spared
    if _spared == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    _spared -= 1


def _dies(place: Any, name: str, *, after: bool = False) -> None:
    """The process dies when it comes to this function, or (`after`) when it has done its work."""
    real = getattr(place, name)

    def around(*args: Any, **kwargs: Any) -> Any:
        if not after:
            _die()
        found = real(*args, **kwargs)
        if after:
            _die()
        return found

    async def around_waiting(*args: Any, **kwargs: Any) -> Any:
        if not after:
            _die()
        found = await real(*args, **kwargs)
        if after:
            _die()
        return found

    setattr(place, name, around_waiting if inspect.iscoroutinefunction(real) else around)


def _kill_before_request() -> None:
    """The order is committed; the request never leaves."""
    from trading.brokers import live_calls

    _dies(live_calls, "order_create")


def _kill_after_request() -> None:
    """The exchange has the order and has answered; nothing of the answer is stored."""
    from trading.brokers import live_calls

    _dies(live_calls, "order_create", after=True)


def _kill_before_answer_commit() -> None:
    """The answer was decided by the engine; the commit of its effects does not happen."""
    from trading.store import account

    global _spared
    _spared += 1  # the commit of an answer is that of what follows from it, too
    _dies(account, "effects_save")


def _kill_before_commit() -> None:
    """Everything was decided, nothing was stored."""
    from trading.store import account

    _dies(account, "effects_save")


def _kill_in_transaction() -> None:
    """Half of a save was written when the process died; the database takes it back."""
    from trading.store import save

    _dies(save, "_fills")


def _kill_after_commit() -> None:
    """All was stored; nobody was told."""
    from trading.store import account

    _dies(account, "tell")


def _kill_claimed() -> None:
    """The intents are claimed; nothing was decided."""
    from trading.store import AccountStore

    _dies(AccountStore, "claim", after=True)


def _kill_before_cancel() -> None:
    """The cancel is committed; its request never leaves."""
    from trading.brokers import live_calls

    _dies(live_calls, "order_cancel")


def _kill_after_cancel() -> None:
    """The exchange has cancelled; nobody has looked."""
    from trading.brokers import live_calls

    _dies(live_calls, "order_cancel", after=True)


def _kill_in_check() -> None:
    """The account is being compared with its exchange: what was found is not stored."""
    from trading.services.reconciliation import check_want
    from trading.store import account

    check_want(ExchangeAccount.objects.get().pk, "test")
    _dies(account, "check_store")


KILLS: dict[str, Callable[[], None]] = {
    "claimed": _kill_claimed,
    "before_cancel": _kill_before_cancel,
    "after_cancel": _kill_after_cancel,
    "in_check": _kill_in_check,
    "before_request": _kill_before_request,
    "after_request": _kill_after_request,
    "before_answer_commit": _kill_before_answer_commit,
    "before_commit": _kill_before_commit,
    "in_transaction": _kill_in_transaction,
    "after_commit": _kill_after_commit,
}
STEPS = {step.__name__: step for step in (prepare, setup, enter, take_back, leave, execute, report)}


def perform(argv: list[str]) -> None:
    """The steps of one process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("steps", nargs="+", choices=STEPS)
    parser.add_argument("--key", default="")
    parser.add_argument("--mode", default="practice")
    parser.add_argument("--kill", default="", choices=["", *KILLS])
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--later", type=float, default=20, help="by how much the second turn is later, in seconds")
    parser.add_argument("--amount", default="200")
    parser.add_argument("--limit", default="")
    parser.add_argument("--protection", default="platform", help="where stops wait")
    parser.add_argument("--spared", type=int, default=0, help="how often the point is passed before it kills")
    args = parser.parse_args(argv)
    for step in args.steps:
        STEPS[step](args)


def work_on(database: str, argv: list[str]) -> None:
    """The steps on one database."""
    connection.settings_dict["NAME"] = database
    perform(argv)
    connection.close()  # writes the log back, as any clean end does


def main() -> None:
    """Fork for every line."""
    for line in sys.stdin:
        wanted = json.loads(line)
        with tempfile.TemporaryFile() as output:
            code = forked(partial(work_on, wanted["database"], wanted["argv"]), output.fileno())
            output.seek(0)
            answer = {"code": code, "output": output.read().decode()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
