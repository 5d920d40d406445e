"""Balances told by the exchange's own stream: money moved by hand is booked soon, our own fills ask for nothing."""

from decimal import Decimal

import pytest

from accounts.clock import clock_set
from tests.exchange.desk import until
from tests.faults.test_events import streamed  # noqa: F401  the fixture
from tests.faults.test_outside import opened
from trading import balance_bell
from trading.models import AccountCheck, AccountLease, Balance, LedgerEntry
from trading.services import reconciliation
from trading.services.ledger_comparison import ledger_compare
from trading.services.sweep import _checks
from trading.store.checks import CHANGED
from trading.turn.check import CONFIRM

D = Decimal


@pytest.fixture
def looks(monkeypatch):
    """Of what was told: totals, and whether they had the account compared."""
    seen = []

    def balances_told(**told):
        asked = reconciliation.balances_told(**told)
        seen.append((told["totals"], asked))
        return asked

    monkeypatch.setattr(balance_bell, "balances_told", balances_told)
    monkeypatch.setattr(balance_bell, "SETTLE_S", 0.5)
    return seen


@pytest.fixture
def listening(monkeypatch):
    """Whether orders are watched yet, as the bell of balances has found; it listens from then on."""
    found, watched = [], balance_bell.orders_watched

    def orders_watched(client):
        found.append(watched(client))
        return found[-1]

    monkeypatch.setattr(balance_bell, "orders_watched", orders_watched)
    return found


@pytest.fixture
def heard(looks, listening, streamed):  # noqa: F811
    """The trader, once balances are listened to in its stream."""
    until(lambda: True in listening)
    return streamed


def compared_once_more(laboratory) -> None:
    """As the sweep has it: what differed had time to be a late fill."""
    laboratory.ahead += CONFIRM
    with clock_set(laboratory.clock):
        assert _checks(laboratory.clock()) == [laboratory.account.pk]
    laboratory.turn()


def ours(laboratory) -> dict[str, Decimal]:
    return {row.currency: row.total for row in Balance.objects.filter(account=laboratory.account)}


def test_own_fills_ask_for_no_comparison(heard, looks):
    for _ in range(2):
        opened(heard)
        until(lambda: looks and looks[-1] == ({name: ours(heard)[name] for name in looks[-1][0]}, False))
        heard.sell()
        heard.settle(lambda: heard.held() == 0)
        until(lambda: looks[-1] == ({name: ours(heard)[name] for name in looks[-1][0]}, False))
    assert not any(asked for _, asked in looks)
    assert not AccountLease.objects.filter(check_reason=CHANGED).exists()
    heard.check()


@pytest.mark.parametrize(("act", "amount", "open"), [("deposit", D("123.45"), True), ("withdraw", D("-123.45"), False)])
def test_money_moved_by_hand_is_booked_and_shown_without_waiting_for_the_turn(heard, looks, client, act, amount, open):
    position = opened(heard)
    if not open:
        heard.sell()
        heard.settle(lambda: heard.held() == 0)
    until(lambda: looks and looks[-1][1] is False)
    before, checks = ours(heard)["USDT"], AccountCheck.objects.count()
    heard.act(act, asset="USDT", amount=str(abs(amount)))
    until(lambda: looks[-1][1])
    assert looks[-1][0] == {"USDT": before + amount}
    heard.turn()
    assert [row.reason for row in AccountCheck.objects.order_by("id")[checks:]] == [CHANGED]
    compared_once_more(heard)
    assert ours(heard)["USDT"] == before + amount
    entry = LedgerEntry.objects.latest("id")
    assert (entry.kind, entry.amount) == ("deposit" if amount > 0 else "withdrawal", amount)
    client.force_login(heard.account.user)
    shown = client.get("/deposit/").content.decode()
    assert "123.45" in shown
    assert [line for line in ledger_compare(account=heard.account).differences if line.startswith("balance")] == []
    position.refresh_from_db()
    assert (position.status == "open") is open and heard.account.status == "active"
    until(lambda: len(looks) > 1)
    assert sum(bool(asked) for _, asked in looks) == 1
    if open:
        heard.sell()
        heard.settle(lambda: heard.held() == 0)
