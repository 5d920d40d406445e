from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from accounts.clock import now
from accounts.models import AuditEvent, User
from signals.models import Blacklist
from signals.services.blacklist import blacklist_add, blacklist_lift
from signals.services.emission import blacklist_active

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(db):
    return User.objects.create(email="staff@example.org", is_staff=True)


def test_added_once_and_lifted_once_with_the_audit_trail(staff):
    row = blacklist_add(actor=staff, symbol=" btc/usdt ", reason="Halted.")
    again = blacklist_add(actor=staff, symbol="BTC/USDT", reason="Delisted.", expires_at=now() + timedelta(days=1))
    assert again == row and Blacklist.objects.get().reason == "Delisted." and str(row) == "BTC/USDT"
    assert blacklist_active("binance") == [row]
    assert blacklist_lift(rows=[row], actor=staff) == 1 and blacklist_lift(rows=[row], actor=staff) == 0
    assert blacklist_active("binance") == []
    actions = AuditEvent.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["blacklist.added", "blacklist.added", "blacklist.lifted"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "symbol"),
        ({"symbol": "BTC"}, "symbol"),
        ({"symbol": "BTC/USDT", "exchange": "nowhere"}, "exchange"),
        ({"kind": "model", "reason": " "}, "reason"),
        ({"kind": "model", "expires_at": now() - timedelta(days=999)}, "expires_at"),
    ],
)
def test_what_is_refused(staff, given, field):
    with pytest.raises(ValidationError) as refused:
        blacklist_add(actor=staff, **{"reason": "Because.", **given})
    assert list(refused.value.message_dict) == [field] and not Blacklist.objects.exists()
