"""A worker process that signs with whatever keys are stored, for `test_key_processes.py`.

`python -m tests.accounts.key_world` answers each line of its input, [STEP, ARGUMENT...] as JSON, with a line of JSON.
Its clients stay in its memory from line to line, as those of a Celery worker do from task to task.
"""

import json
import os
import sys
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xray_site.settings")

import django

django.setup()


from accounts.exchanges.errors import ExchangeError, translated  # noqa: E402
from accounts.exchanges.factory import _caches, account_client  # noqa: E402
from accounts.exchanges.loop import run  # noqa: E402
from accounts.models import ExchangeAccount, User  # noqa: E402
from accounts.services import exchange_accounts, reverification  # noqa: E402
from accounts.services.verification import account_verify  # noqa: E402

reverification.verify_enqueue = lambda _account_id: None  # what a test wants verified it says
exchange_accounts.verify_enqueue = reverification.verify_enqueue


def prepare(key: str) -> None:
    """One account of this key in a migrated database."""
    exchange_accounts.account_add(
        user=User.objects.create(email="keys@example.org"), name="Main", exchange="binance", mode="practice",
        api_key=key, api_secret=key[::-1],
    )  # fmt: skip


def ask() -> str:
    """One signed request with the keys stored now: "good", or why not."""
    account = ExchangeAccount.objects.get()

    async def balance() -> None:
        with translated():
            await account_client(account).fetch_balance()

    try:
        run(balance(), timeout_s=30)
    except ExchangeError as error:
        return error.code
    return "good"


def replace(key: str) -> None:
    """Other keys are stored."""
    account = ExchangeAccount.objects.get()
    exchange_accounts.account_replace_keys(account=account, api_key=key, api_secret=key[::-1], actor=User.objects.get())


def verify() -> tuple[str, str]:
    """The keys are verified; the verdict and whether the account may trade."""
    account_verify(account_id=ExchangeAccount.objects.get().pk)
    account = ExchangeAccount.objects.get()
    return account.verification, account.status


def remove() -> None:
    """The account is removed, its keys are deleted."""
    exchange_accounts.account_remove(account=ExchangeAccount.objects.get(), actor=User.objects.get())


def clients() -> int:
    """How many clients that sign this process holds."""
    return sum(1 for cache in list(_caches.values()) for key in cache if key[1] == "account")


STEPS = {step.__name__: step for step in (prepare, ask, replace, verify, remove, clients)}

if __name__ == "__main__":
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        answer: Any = STEPS[name](*arguments)  # type: ignore[operator]
        print(json.dumps(answer), flush=True)
