"""Odd answers are kept, counted and shown; when money is unclear the account, and only it, is paused."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.clock import clock_set
from accounts.models import Notice, User
from tests.trading.conftest import AT
from trading.domain.odd_answers import OddAnswer
from trading.models import QuarantinedAnswer
from trading.store import odd_answers
from trading.store.odd_answers import answer_quarantine

pytestmark = pytest.mark.django_db
UNREADABLE = OddAnswer("the balances", "The balances are no record.", "<html>", impossible=False)
IMPOSSIBLE = OddAnswer(
    "the order to buy BTC/USDT", "More was filled (2) than ordered (1).", '{"x": 1}', impossible=True
)


@pytest.fixture
def account(make):
    return make.account(mode="practice", verification="verified")


def test_an_impossible_answer_pauses_its_account_and_says_what_to_do(make, account) -> None:
    other = make.account(mode="practice")
    answer_quarantine(account, IMPOSSIBLE)
    answer_quarantine(account, IMPOSSIBLE)
    account.refresh_from_db()
    other.refresh_from_db()
    assert (account.status, other.status) == ("paused", "active")
    notice = Notice.objects.get()
    assert notice.user == account.user and notice.level == "bad"
    assert "More was filled (2)" in notice.text and "Compare now" in notice.text
    assert QuarantinedAnswer.objects.get().times == 2


def test_unreadable_answers_pause_only_when_there_are_many(account) -> None:
    for _ in range(odd_answers.UNREADABLE_TO_PAUSE - 1):
        answer_quarantine(account, UNREADABLE)
    account.refresh_from_db()
    assert account.status == "active" and not Notice.objects.exists()
    answer_quarantine(account, UNREADABLE)
    account.refresh_from_db()
    assert account.status == "paused" and "so many times" in Notice.objects.get().text


def test_the_same_again_counts_for_an_hour_and_the_oldest_are_forgotten(account, monkeypatch) -> None:
    monkeypatch.setattr(odd_answers, "KEPT", 3)
    for hours in range(5):
        with clock_set(lambda hours=hours: AT + timedelta(hours=2 * hours)):
            answer_quarantine(account, UNREADABLE)
            answer_quarantine(account, UNREADABLE)
    rows = QuarantinedAnswer.objects.all()
    assert [row.times for row in rows] == [2, 2, 2] and rows[0].first_at == AT + timedelta(hours=8)


def test_what_no_database_can_store_is_left_out(account) -> None:
    answer_quarantine(account, OddAnswer("the balances", "x", "a\x00b\ud800c", impossible=False))
    assert QuarantinedAnswer.objects.get().raw == "abc"


def test_its_owner_sees_what_happened_and_what_to_do_and_staff_what_was_said(account, client) -> None:
    answer_quarantine(account, IMPOSSIBLE)
    client.force_login(account.user)
    page = client.get(reverse("account_list")).content.decode()
    assert "More was filled (2) than ordered (1)." in page and "resume the account when they agree" in page
    assert "{&quot;x&quot;: 1}" not in page
    client.force_login(User.objects.create_superuser("staff@example.org", "x"))
    row = QuarantinedAnswer.objects.get()
    shown = client.get(reverse("admin:trading_quarantinedanswer_change", args=[row.pk])).content.decode()
    assert "{&quot;x&quot;: 1}" in shown and "resume the account when they agree" in shown
    assert client.get(reverse("admin:trading_quarantinedanswer_changelist")).status_code == 200


def test_strangers_do_not_see_it(make, account, client) -> None:
    answer_quarantine(account, IMPOSSIBLE)
    client.force_login(make.user())
    assert "More was filled" not in client.get(reverse("account_list")).content.decode()
