"""A lease is given back although the database is away when its turn ends."""

import threading

import pytest
from django.db import OperationalError

from tests.trading.worlds import account_make
from trading import leases
from trading.models import AccountLease

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_is_given_back_as_soon_as_the_database_answers_again(monkeypatch):
    account = account_make()
    lease = leases.lease_take(account_id=account.pk)
    give, refused, given = leases._give_back, [], threading.Event()

    def away_twice(lease):
        if len(refused) < 2:
            refused.append(lease)
            raise OperationalError("terminating connection due to administrator command")
        give(lease)
        given.set()

    monkeypatch.setattr(leases, "_give_back", away_twice)
    monkeypatch.setattr(leases, "RELEASE_AGAIN_S", 0.01)
    leases.lease_release(lease)
    assert given.wait(30)
    assert AccountLease.objects.get(account=account).owner == ""
    assert leases.lease_take(account_id=account.pk) is not None
