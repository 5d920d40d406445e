"""The lease of an account: one holder, a token that grows, nothing stored by who lost it."""

import socket
import subprocess
import sys
from decimal import Decimal as D

import pytest

from accounts.clock import clock_set, now
from tests.trading.worlds import START, World
from trading.domain.types import CashMoved
from trading.leases import LEASE_TIME, LeaseBusy, LeaseLost, lease_release, lease_save, lease_take
from trading.models import AccountLease, DecisionRecord, Order
from trading.services.execution import account_execute
from trading.store import AccountStore

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return World()


def test_only_one_holder_and_the_token_grows(world):
    first = lease_take(account_id=world.account.pk)
    assert lease_take(account_id=world.account.pk) is None
    assert account_execute(account_id=world.account.pk, quotes=[]) == 0
    with pytest.raises(LeaseBusy):
        account_execute(account_id=world.account.pk, quotes=[], events=[CashMoved(START, "USDT", D(1), "x")])
    lease_release(first)
    assert lease_take(account_id=world.account.pk).token == first.token + 1


def test_the_lease_of_a_killed_process_of_this_host_is_free_at_once(world):
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    host = socket.gethostname()[:24]
    until = now() + LEASE_TIME
    AccountLease.objects.create(account=world.account, owner=f"{host}:{killed.pid}:1:x", token=4, expires_at=until)
    assert lease_take(account_id=world.account.pk).token == 5
    AccountLease.objects.update(owner=f"elsewhere:{killed.pid}:1:x")
    assert lease_take(account_id=world.account.pk) is None


def test_a_holder_whose_lease_ran_out_stores_nothing_more(world):
    with clock_set(lambda: START):
        old = lease_take(account_id=world.account.pk)
    with clock_set(lambda: START + LEASE_TIME * 2):
        new = lease_take(account_id=world.account.pk)
        assert new is not None
        with pytest.raises(LeaseLost):
            lease_save(old, sequence=5)
        lease_release(old)
        lease_save(new, sequence=6)
    assert AccountLease.objects.get().sequence == 6


def test_a_run_that_loses_its_lease_on_the_way_leaves_no_effect(world, monkeypatch):
    world.entry()
    original = AccountStore.claim

    def stolen(store, lease, intents, at):
        claimed = original(store, lease, intents, at)
        AccountLease.objects.update(token=99, owner="somebody else")
        return claimed

    monkeypatch.setattr(AccountStore, "claim", stolen)
    with pytest.raises(LeaseLost):
        world.run()
    assert not Order.objects.exists()
    assert not DecisionRecord.objects.exists()
