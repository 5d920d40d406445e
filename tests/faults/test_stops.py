"""Nothing new is sent later than a second after a stop was committed, wherever the order is by then."""

import asyncio
import threading
import time

import pytest
from django.db import connection

from accounts.exchanges import budget
from tests.faults.laboratory import OTHER
from trading.models import Intent, Order, StopSwitch
from trading.services.stops import stop_set
from trading.turn.claims import Waiting

LEVEL = StopSwitch.Level.NO_NEW_ENTRIES


def stop(laboratory) -> None:
    """Staff stop the trader's bot, in a thread (and so a transaction) of their own."""

    def work() -> None:
        try:
            stop_set(scope="bot", level=LEVEL, actor=None, target=str(laboratory.bot.public_id), reason="test")
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def sent(laboratory) -> list[str]:
    return [row["clientOrderId"] for row in laboratory.exchange.admin(f"ledger?key={laboratory.key}")["orders"]]


def test_an_order_that_waits_for_its_turn_is_held_back(laboratory, monkeypatch):
    spend, waiting = budget.spend, threading.Event()

    async def slowly(exchange, weight, *, account_id=None):
        await spend(exchange, weight, account_id=account_id)
        if account_id is not None and waiting.is_set():
            waiting.clear()
            await asyncio.to_thread(stop, laboratory)
            await asyncio.sleep(0.5)

    monkeypatch.setattr(budget, "spend", slowly)
    intent = laboratory.buy()
    waiting.set()
    laboratory.turn()
    waiting.clear()
    laboratory.settle()
    intent.refresh_from_db()
    assert sent(laboratory) == [] and intent.status == "failed" and "stop came into force" in intent.reason
    assert Order.objects.get().status == "rejected"


def test_entries_of_a_run_that_was_long_on_its_way_are_held_back(laboratory, monkeypatch):
    """A stop is committed after the run has looked for stops and taken its intents, before it decides them."""
    laboratory.buy()
    laboratory.buy(OTHER)
    claim = Waiting.claim

    def slowly(self, *given):
        found = claim(self, *given)
        if found:
            stop(laboratory)
            time.sleep(0.5)
        return found

    monkeypatch.setattr(Waiting, "claim", slowly)
    laboratory.turn()
    laboratory.settle()
    told = sorted(Intent.objects.values_list("status", "reason"))
    assert [status for status, _ in told] == ["denied", "denied"] and "stop is in force" in told[0][1]
    assert sent(laboratory) == []


@pytest.mark.parametrize("level", StopSwitch.Level.values)
def test_exits_go_on_under_every_stop(laboratory, level):
    laboratory.buy()
    laboratory.settle(lambda: laboratory.held() == 1)
    stop_set(scope="platform", level=level, actor=None, reason="test")
    if level < StopSwitch.Level.FLATTEN:
        laboratory.sell()
    laboratory.settle(lambda: laboratory.held() == 0)
    laboratory.check()
