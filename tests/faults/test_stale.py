"""Old answers: what was true a moment ago is told once more, of orders and of balances."""

from tests.faults.laboratory import fault_on
from tests.faults.test_resting import resting
from trading.models import LedgerEntry
from trading.services.reconciliation import bell_ring


def test_an_order_that_is_shown_as_it_was_ends_as_it_is(laboratory):
    laboratory.script(fault_on("stale_answer", path="order$", method="GET", skip=1, count=3))
    order = resting(laboratory)
    looked_at(laboratory)
    laboratory.act("cancel_by_hand", order={"symbol": "BTCUSDT", "origClientOrderId": order.client_order_id})
    for _ in range(3):
        looked_at(laboratory)
        order.refresh_from_db()
        assert order.status == "active"
    assert laboratory.told()["faults"][0]["hits"] == 3, "the answers were old"
    looked_at(laboratory)
    order.refresh_from_db()
    assert (order.status, order.filled) == ("cancelled", 0)
    laboratory.check()


def looked_at(laboratory) -> None:
    """A message of its stream has the account look at its orders."""
    bell_ring(laboratory.account.pk)
    laboratory.turn()


def test_balances_of_a_moment_ago_are_no_deposit(laboratory):
    laboratory.script(fault_on("stale_answer", path="account$", skip=1, count=2))
    laboratory.restart()
    before = LedgerEntry.objects.filter(kind="deposit").count()
    laboratory.buy()
    laboratory.settle(lambda: laboratory.held() == 1)
    laboratory.restart()
    laboratory.restart()
    assert laboratory.told()["faults"][0]["hits"] >= 1
    laboratory.recover()
    laboratory.restart()
    laboratory.settle()
    assert LedgerEntry.objects.filter(kind__in=["deposit", "withdrawal"]).count() == before
    laboratory.check()
