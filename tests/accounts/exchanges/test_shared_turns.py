"""The budget between processes: on the Redis of the tests."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings as configured

from accounts.clock import now
from accounts.exchanges import budget, shared_turns
from accounts.exchanges.turns import Lane

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.servers
# Processes of their own that have never heard of what this one did.
ELSEWHERE = """
import asyncio, django
django.setup()
from accounts.exchanges import shared_turns
from accounts.exchanges.turns import Lane
async def go():
    for lane in ("kucoin@:signed", "kucoin@:public"):
        taken = await shared_turns.take([Lane(lane, 1.0, 0.0)], [])
        print(taken.wait_s)
    print((await shared_turns.take([], ["ban:kucoin@"])).barred_s)
    print((await shared_turns.take([], ["ban:kucoin:7"])).barred_s)
asyncio.run(go())
"""
# A crowd of requests of several accounts; each prints when it left (Unix time) and what it cost.
CROWD = """
import asyncio, json, sys, time, django
django.setup()
from accounts.exchanges import budget
from accounts.exchanges.errors import ExchangeNotSent
from accounts.exchanges.quirks.base import Allowed, Limits
budget.limits_set("kucoin", Limits(Allowed(400.0, 2.0)))
sent = []
async def account(number):
    for _ in range(22):
        try:
            await budget.spend("kucoin", 4.0, account_id=number)
        except ExchangeNotSent:
            await asyncio.sleep(0.05)
            continue
        sent.append((time.time(), 4.0))
        if len(sent) == 30 and sys.argv[1] == "first":
            budget.ban_set("kucoin", 1.0)
            print(json.dumps(time.time()))
async def go():
    await asyncio.gather(*(account(number) for number in range(8)))
asyncio.run(go())
print(json.dumps(sent))
"""


@pytest.fixture(autouse=True)
def fresh():
    budget.budgets_forget()
    yield
    budget.budgets_forget()


def started(code, *words):
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "xray_site.settings", "REDIS_URL": configured.REDIS_URL}
    return subprocess.Popen(
        [sys.executable, "-c", code, *words], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )


def taken(*lanes, bars=()):
    return asyncio.run(shared_turns.take(lanes, bars))


def test_turns_and_bans_are_shared_with_other_processes():
    began = time.monotonic()
    budget.ban_set("kucoin", 300)
    budget.ban_set("kucoin", 600, account_id=7)
    for _ in range(10):
        assert taken(Lane("kucoin@:signed", 30.0, 0.0)) is not None
    process = started(ELSEWHERE)
    signed, public, ban, ban_of_key = (float(word) for word in process.communicate()[0].split())
    passed = time.monotonic() - began
    assert 300 - passed - 1 <= ban <= 300.1
    assert 600 - passed - 1 <= ban_of_key <= 600.1
    assert 300 - passed - 1 <= signed <= 300.1
    assert public == 0


def test_three_processes_together_keep_to_80_percent_and_to_a_ban():
    processes = [started(CROWD, "first"), started(CROWD, "second"), started(CROWD, "third")]
    told = [process.communicate(timeout=60)[0].splitlines() for process in processes]
    banned_at = json.loads(told[0][0])
    sent = sorted(tuple(one) for lines in told for one in json.loads(lines[-1]))
    assert len(sent) > 400
    most = max(sum(cost for at, cost in sent if 0 <= at - start < 2.0) for start, _ in sent)
    assert most <= 0.8 * 400 + 4 * 4, "a request leaves a moment after its turn"
    assert not [at for at, _ in sent if banned_at + 0.05 < at < banned_at + 1.0]


def test_a_ban_is_only_made_longer():
    shared_turns.bar("ban:kucoin@", 60)
    shared_turns.bar("ban:kucoin@", 5)
    assert 50 < taken(bars=["ban:kucoin@"]).barred_s <= 60.1
    assert 50 < shared_turns.barred_s(["ban:kucoin@", "ban:kucoin:7"]) <= 60.1
    assert shared_turns.barred_s(["ban:kucoin:7"]) == 0


def test_a_process_that_sent_nothing_knows_of_a_ban():
    """Pages are made by others than those who send."""
    shared_turns.bar("ban:kucoin@", 60)
    ends = budget.ban_ends("kucoin")
    assert ends is not None and 50 < (ends - now()).total_seconds() <= 60.1
    assert budget.ban_ends("kucoin", testnet=True) is None


def test_turns_follow_the_pace_may_run_ahead_and_take_nothing_beyond_their_slack():
    waits = [taken(Lane("a", 10.0, 20.0)).wait_s for _ in range(5)]
    assert waits[:3] == [0, 0, pytest.approx(0, abs=0.01)]
    assert [round(wait, -1) for wait in waits[3:]] == [10, 20]
    late = taken(Lane("b", 1.0, 0.0), Lane("a", 10.0, 20.0, 5.0))
    assert (late.passed, round(late.wait_s)) == (1, 25)
    assert round(taken(Lane("a", 10.0, 20.0)).wait_s, -1) == 30, "the one before took no turn"


def test_without_an_answer_of_redis_each_process_keeps_to_its_own(settings, caplog):
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    assert taken(Lane("a", 1.0, 0.0)) is None
    assert not shared_turns.shared()
    assert "keeps to its own" in caplog.text
    asyncio.run(budget.spend("kucoin", 1.0))
    shared_turns._away_until = 0.0
    settings.REDIS_URL = configured.REDIS_URL if configured.REDIS_URL != "redis://127.0.0.1:9/0" else ""
