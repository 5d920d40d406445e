"""Several worker processes, each with threads, in the middle of many entries when a stop is committed by yet another.

`python -m tests.trading.stop_world DATABASE DEAF KEY...` loads everything once, prepares a database with an account a
key, forks the workers (two keys each, a thread a key) and the process that sets the stop, and prints as JSON when the
stop was committed and what became of each account's intents. DEAF workers never look for stops: what a test must see.
"""

import json
import os
import sys
import threading
import time
import traceback
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xray_site.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

from accounts.crypto import seal  # noqa: E402
from accounts.exchanges.lean_ccxt import client_class  # noqa: E402
from accounts.models import ExchangeAccount, User  # noqa: E402
from signals.models import Instrument  # noqa: E402
from tests.trading.kill_world import SYMBOL, _quotes_publish, prepare  # noqa: E402
from trading.models import Bot, BotConfig, Intent  # noqa: E402

client_class("binance")  # loaded before the fork
ENTRIES, A_PROCESS, BEFORE = 24, 2, 2


def setup(keys: list[str]) -> None:
    """An account a key, with as many bots that each want to buy once."""
    prepare(None)  # type: ignore[arg-type]
    btc = Instrument.objects.get(symbol=SYMBOL)
    for key in keys:
        user = User.objects.create(email=f"{key}@example.org")
        sealed = seal({"api_key": key, "api_secret": key[::-1], "passphrase": ""})
        account = ExchangeAccount.objects.create(
            user=user, name=key, exchange="binance", mode="practice", verification="verified", sealed_credentials=sealed
        )
        for number in range(ENTRIES):
            bot = Bot.objects.create(user=user, account=account, name=str(number), status="running")
            bot.config = BotConfig.objects.create(bot=bot, version=1, entry_type="market", max_spread="0.1")
            bot.save()
            Intent.objects.create(
                bot=bot, config=bot.config, account=account, instrument=btc, purpose="manual_entry", side="buy",
                amount_quote=Decimal(20),
            )  # fmt: skip


def work(keys: list[str], deaf: bool) -> None:
    """One turn of each account at once, each in a thread of its own."""
    from trading.services.work import account_work
    from trading.turn.execution import Execution

    if deaf:
        Execution._bots_look = lambda self: None
    _quotes_publish()

    def turn(account_id: int) -> None:
        try:
            account_work(account_id=account_id)
        finally:
            connection.close()

    rows = ExchangeAccount.objects.filter(name__in=keys).values_list("pk", flat=True)
    threads = [threading.Thread(target=turn, args=(pk,)) for pk in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def stop(keys: list[str], output: int) -> None:
    """Once every account has sent some orders, a platform stop; writes when it was surely committed (ms)."""
    from trading.services.stops import stop_set

    while any(len(ledger(key)["orders"]) < BEFORE for key in keys):
        time.sleep(0.05)
    stop_set(scope="platform", level=1, actor=None, reason="test")
    os.write(output, json.dumps(int(time.time() * 1000)).encode())


def ledger(key: str) -> Any:
    """What the exchange knows of a key."""
    address = json.loads(os.environ["XRAY_EXCHANGE_ENDPOINTS"])["binance"]["rest"]
    headers = {"X-Practice-Admin": settings.PRACTICE_ADMIN_TOKEN}
    request = urllib.request.Request(f"{address}/practice/admin/ledger?key={key}", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def forked(database: str, step: Callable[[], None]) -> int:
    """A process that works on the database and ends without any clean-up."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        connection.settings_dict["NAME"] = database
        step()
        connection.close()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def ended(*pids: int) -> None:
    """Wait for them. Raises RuntimeError when one failed."""
    failed = [pid for pid in pids if os.waitpid(pid, 0)[1] != 0]
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(pids)} processes failed.")


def told(output: int) -> None:
    """What became of each account's intents."""
    rows = Intent.objects.order_by("id").values_list("account__name", "status", "reason")
    os.write(output, json.dumps(list(rows)).encode())


def main(database: str, deaf: str, keys: list[str]) -> None:
    """All of it."""
    ended(forked(database, lambda: setup(keys)))
    reading, writing = os.pipe()
    parts = [keys[at : at + A_PROCESS] for at in range(0, len(keys), A_PROCESS)]
    workers = [forked(database, lambda own=own: work(own, own[0] == deaf)) for own in parts]  # type: ignore[misc]
    stopper = forked(database, lambda: stop(keys, writing))
    ended(*workers, stopper)
    committed_ms = json.loads(os.read(reading, 100))
    ended(forked(database, lambda: told(writing)))
    os.close(writing)
    with os.fdopen(reading) as answer:
        print(json.dumps({"committed_ms": committed_ms, "intents": json.load(answer)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
