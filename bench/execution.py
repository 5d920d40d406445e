"""Intents a second through the execution service, many accounts with their own keys, against one task a call.

The exchange answers after 20 ms and enforces its weights (`bench.lean_exchange`). Ours: two worker processes with
threads take accounts and run their turns, as the execution queue's workers do that have been up for a while; within
the request budget of one address (80 % of the limits that the exchange states), and, against an exchange that enforces
none, without it. The baseline has no budget and does for each intent what a bot with one task a request does: load,
sign in, one synchronous ccxt client a task, store.
"""

import json
import multiprocessing
import os
import queue
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bench.timing import figure

ACCOUNTS, EACH = 200, 5
PROCESSES, THREADS = 2, 10


def run() -> None:
    """Print the figure; works on a database made for it (PostgreSQL where DATABASE_URL names one)."""
    from django.conf import settings
    from django.db import connection, connections
    from django.test.utils import setup_databases, teardown_databases

    from xray_site.demo.ports import port_any

    port = port_any()
    url = f"http://127.0.0.1:{port}"
    settings.XRAY_EXCHANGE_ENDPOINTS = json.dumps({"binance": {"rest": url, "ws": url.replace("http", "ws")}})
    server = subprocess.Popen([sys.executable, "-m", "bench.lean_exchange", str(port)], stdout=subprocess.PIPE)
    assert server.stdout is not None and server.stdout.readline() == b"ready\n"
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        ids = world_make()
        processes = PROCESSES if settings.REDIS_URL else 1
        intents_make()
        ours = measured(ids, processes)
        done = orders_filled()
        if done != ACCOUNTS * EACH:
            raise RuntimeError(
                f"{done} of {ACCOUNTS * EACH} intents were filled: what is measured is not the execution."
            )
        counters = json.load(urllib.request.urlopen(f"{url}/counters?enforced=0"))
        intents_make()
        free = measured(ids, processes, how="unthrottled")
        intents_make()
        theirs = measured(ids, processes, how="baseline")
        figure(
            "execution", database=connection.vendor, shared_budget=bool(settings.REDIS_URL), accounts=ACCOUNTS,
            intents=ACCOUNTS * EACH, filled=done, intents_per_s=ACCOUNTS * EACH / ours,
            without_request_budget_per_s=ACCOUNTS * EACH / free,
            one_task_a_call_without_budget_per_s=ACCOUNTS * EACH / theirs, ratio_without_budget=theirs / free,
            refused_for_weight=counters["refused"],
            peak_weight_share=counters["peak"] / 24_000,
        )  # fmt: skip
    finally:
        connections.close_all()
        teardown_databases(databases, verbosity=0)
        server.kill()


def world_make() -> list[int]:
    """Accounts with a bot each."""
    from accounts.clock import now
    from accounts.crypto import seal
    from accounts.models import ExchangeAccount, User
    from signals.services.markets import markets_load
    from trading.models import Balance, Bot, BotConfig

    markets_load(exchange="binance")
    user = User.objects.create_user("bench@example.org", None)
    ids = []
    for number in range(ACCOUNTS):
        key = f"bench-key-{number}"
        account = ExchangeAccount.objects.create(
            user=user, name=key, exchange="binance", mode="practice", verification="verified",
            last_checked_at=now() + timedelta(hours=1),
            sealed_credentials=seal({"api_key": key, "api_secret": key[::-1], "passphrase": ""}),
        )  # fmt: skip
        Balance.objects.create(account=account, currency="USDT", total=10**6)
        bot = Bot.objects.create(user=user, account=account, name=key, status="running")
        bot.config = BotConfig.objects.create(
            bot=bot, version=1, max_positions=100, max_spread="0.5", profit_target="5", stop_loss="0.5",
            holding_time_s=100_000, capital_per_trade="20",
        )  # fmt: skip
        bot.save()
        ids.append(account.pk)
    return ids


def intents_make() -> None:
    """An entry for each account and symbol; positions of the round before are taken away."""
    from accounts.clock import now
    from signals.models import Instrument
    from trading.models import Bot, Intent, Position

    Position.objects.update(status="closed", closed_at=now())
    symbols = list(Instrument.objects.order_by("id")[:EACH])
    Intent.objects.bulk_create(
        Intent(
            bot=bot, config=bot.config, account_id=bot.account_id, instrument=symbol, purpose="manual_entry",
            side="buy", amount_quote=Decimal(20), expires_at=now() + timedelta(minutes=10),
        )
        for bot in Bot.objects.select_related("config")
        for symbol in symbols
    )  # fmt: skip


def orders_filled() -> int:
    """How many orders came through."""
    from trading.models import Order

    return Order.objects.filter(status="filled").count()


def measured(ids: list[int], processes: int, *, how: str = "") -> float:
    """Seconds until every account's work is done by so many processes."""
    from django.conf import settings
    from django.db import connection

    context = multiprocessing.get_context("spawn")
    wanted: Any = context.Queue()
    ready, go = context.Semaphore(0), context.Event()
    for account_id in ids:
        wanted.put(account_id)
    place = (connection.settings_dict["NAME"], settings.XRAY_EXCHANGE_ENDPOINTS, how)
    workers = [context.Process(target=_worker, args=(wanted, ready, go, *place)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    for _ in workers:
        ready.acquire()
    began = time.perf_counter()
    go.set()
    for worker in workers:
        worker.join()
    return time.perf_counter() - began


def _worker(wanted: Any, ready: Any, go: Any, database: str, endpoints: str, how: str) -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection

    connection.settings_dict["NAME"], settings.XRAY_EXCHANGE_ENDPOINTS = database, endpoints
    import ccxt
    import ccxt.async_support  # noqa: F401  loaded before the clock runs, as in a worker that has been up for a while

    if how == "unthrottled":
        from accounts.exchanges import budget

        budget.spend = _no_wait
    from signals import quotes
    from trading.store import telling_begin, telling_end

    if how != "baseline":
        _clients_make()
    telling_begin()  # as the execution queue's workers do
    quotes._callbacks.clear()  # the watcher of prices lives in another process
    _quotes()
    ready.release()
    go.wait()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: _drain(wanted, _baseline if how == "baseline" else _work), range(THREADS)))
    telling_end()
    connection.close()
    os._exit(0)


def _clients_make() -> None:
    """Each account's client and the markets, as in a worker that has been up for a while: clients are reused."""
    from accounts.exchanges.loop import run
    from accounts.models import ExchangeAccount
    from trading.brokers.live_calls import client_ready

    for account in ExchangeAccount.objects.all():
        run(client_ready(account), timeout_s=60)


async def _no_wait(*_args: Any, **_kwargs: Any) -> None:
    """Everybody's turn at once: what the service itself can do."""


def _drain(wanted: Any, target: Any) -> None:
    from django.db import connections

    while True:
        try:
            account_id = wanted.get(timeout=0.05)
        except queue.Empty:
            connections.close_all()
            return
        try:
            target(account_id)
        except Exception as error:
            print(repr(error), file=sys.stderr)
        connections.close_all()  # as a worker does after each task


def _work(account_id: int) -> None:
    from trading.services.work import account_work

    account_work(account_id=account_id)


def _baseline(account_id: int) -> None:
    """One task a call: a client of its own, a balance, an order, and rows stored one by one."""
    import ccxt

    from accounts.crypto import unseal
    from accounts.exchanges.endpoints import endpoints_for
    from accounts.models import ExchangeAccount
    from trading.models import Intent, Order

    for intent in Intent.objects.filter(account=account_id, status="pending").values_list("pk", flat=True):
        row = Intent.objects.select_related("bot__config", "instrument", "account").get(pk=intent)
        account = ExchangeAccount.objects.get(pk=row.account_id)
        keys = unseal(account.sealed_credentials)
        client = ccxt.binance({"apiKey": keys["api_key"], "secret": keys["api_secret"], "options": _OPTIONS})
        where = endpoints_for("binance")
        assert where is not None
        client.urls["api"]["public"] = client.urls["api"]["private"] = f"{where.rest}/api/v3"
        client.load_markets()
        client.fetch_balance()
        order = Order.objects.create(
            intent=row, account=account, bot=row.bot, instrument=row.instrument, client_order_id=f"base{row.pk}",
            side="buy", type="market", amount="0.2",
        )  # fmt: skip
        answer = client.create_order(
            row.instrument.symbol, "market", "buy", 0.2, None, {"clientOrderId": f"base{row.pk}"}
        )
        Order.objects.filter(pk=order.pk).update(status="filled", filled="0.2", exchange_order_id=answer["id"])
        Intent.objects.filter(pk=row.pk).update(status="done")


_OPTIONS = {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False}


def _quotes() -> None:
    from accounts.clock import now
    from signals.models import Instrument
    from signals.quotes import QuoteRow, publish

    size = Decimal(10**6)
    rows = [
        QuoteRow(symbol, Decimal("99.99"), Decimal("100.00"), size, size, now() + timedelta(seconds=50))
        for symbol in Instrument.objects.values_list("symbol", flat=True)
    ]
    publish("binance", rows)
