"""The budget between processes: on the Redis of the tests."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings as configured

from accounts.exchanges import budget, shared_budget

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.servers
# A process of its own that has never heard of what this one did.
ELSEWHERE = """
import asyncio, django
django.setup()
from accounts.exchanges import budget
budget.spacing_set("kucoin", 1.0)
print(budget.ban_left("kucoin"), budget.ban_left("kucoin", account_id=7))
print(asyncio.run(budget._turn("kucoin", 4.0, signed=True)), asyncio.run(budget._turn("kucoin", 4.0, signed=False)))
"""


@pytest.fixture(autouse=True)
def fresh():
    budget.budgets_forget()
    yield
    budget.budgets_forget()


def elsewhere():
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "xray_site.settings", "REDIS_URL": configured.REDIS_URL}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return [float(word) for word in done.stdout.split()]


def test_turns_and_bans_are_shared_with_other_processes():
    began = time.monotonic()
    budget.ban_set("kucoin", 300)
    budget.ban_set("kucoin", 600, account_id=7)
    for _ in range(10):
        assert shared_budget.turn_shared("kucoin:signed", 30.0, 0.0) is not None
    ban, ban_of_key, signed, public = elsewhere()
    passed = time.monotonic() - began
    assert 300 - passed - 1 <= ban <= 300.1
    assert 600 - passed - 1 <= ban_of_key <= 600.1
    assert 300 - passed - 1 <= signed <= 300.1
    assert public == 0


def test_a_ban_is_only_made_longer():
    shared_budget.ban_share("kucoin", "", 60)
    shared_budget.ban_share("kucoin", "", 5)
    assert 50 < shared_budget.ban_shared("kucoin", "") <= 60.1


def test_turns_follow_the_spacing_and_may_run_ahead_by_the_burst():
    waits = [shared_budget.turn_shared("kucoin:public", 10.0, 20.0) for _ in range(5)]
    assert waits[:3] == [0, 0, pytest.approx(0, abs=0.01)]
    assert [round(wait, -1) for wait in waits[3:]] == [10, 20]


def test_without_an_answer_of_redis_each_process_keeps_to_its_own(settings, caplog):
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    assert shared_budget.turn_shared("kucoin:public", 1.0, 0.0) is None
    assert not shared_budget.shared()
    assert "keeps to its own" in caplog.text
    assert budget.ban_left("kucoin") == 0
    shared_budget._away_until = 0.0
    settings.REDIS_URL = configured.REDIS_URL if configured.REDIS_URL != "redis://127.0.0.1:9/0" else ""
