"""Stored keys are asked about again: when, how many at a time, and what each new answer leads to."""

from datetime import timedelta
from typing import Any

import ccxt
import pytest
from django.core.cache import cache

from accounts.clock import clock_set, now
from accounts.crypto import seal
from accounts.exchanges.errors import ExchangeAmbiguous
from accounts.models import AuditEvent, ExchangeAccount, Notice, User
from accounts.services import exchange_accounts as services
from accounts.services import guards, reverification
from accounts.services.verification import account_verify
from accounts.tasks import account_verify as verify_task
from accounts.tasks import keys_verify_due
from tests.accounts.test_exchange_accounts import GOOD, OVERRIDE, Client, _answering

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def queued(monkeypatch, settings) -> list[int]:
    settings.XRAY_EXCHANGE_ENDPOINTS = OVERRIDE
    cache.clear()
    calls: list[int] = []
    monkeypatch.setattr(verify_task, "delay", calls.append)
    return calls


def _account(name: str = "main", **more: Any) -> ExchangeAccount:
    user, _ = User.objects.get_or_create(email="anna@example.org")
    keys = {"api_key": f"key-of-{name}-0123456789", "api_secret": "secret-0123456789"}
    values = {"exchange": "binance", "mode": "practice", "verification": "verified", "verified_at": now()}
    return ExchangeAccount.objects.create(user=user, name=name, sealed_credentials=seal(keys), **{**values, **more})


def _at(moment: timedelta) -> Any:
    later = now() + moment
    return clock_set(lambda: later)


def test_each_account_once_a_day_at_a_moment_of_its_own(queued) -> None:
    made = {_account(str(number)).pk for number in range(40)}
    hours: dict[int, int] = {}
    for hour in range(15, 32):
        with _at(timedelta(hours=hour)):
            while due := reverification.keys_verify_due():
                assert len(due) <= reverification.A_RUN
                ExchangeAccount.objects.filter(pk__in=due).update(verified_at=now())
                hours |= dict.fromkeys(due, hour)
                cache.clear()
    assert hours.keys() == made and len(queued) == len(made)
    assert min(hours.values()) > 19 and max(hours.values()) <= 29 and len(set(hours.values())) >= 6


def test_one_question_at_a_time_however_often_it_is_wanted(queued) -> None:
    account = _account(verified_at=now() - 2 * DAY)
    assert keys_verify_due.run() == 1 and keys_verify_due.run() == 0
    assert reverification.account_verify_soon(account_id=account.pk) is False
    assert queued == [account.pk]


@pytest.mark.parametrize(
    ("more", "due"),
    [
        ({"verification": "unproven"}, True),
        ({"verification": "unverified", "verified_at": None}, True),
        ({"verification": "refused", "permissions": {"may_withdraw": True}}, True),
        ({"status": "paused"}, True),
        ({"verification": "refused"}, False),
        ({"sealed_credentials": ""}, False),
        ({"status": "removed"}, False),
        ({"mode": "testnet"}, False),
        ({"mode": "live"}, False),
    ],
)
def test_whose_keys_are_asked_about(queued, more: dict[str, Any], due: bool) -> None:
    account = _account(verified_at=now() - 2 * DAY)
    ExchangeAccount.objects.filter(pk=account.pk).update(created_at=now() - DAY, **more)
    assert reverification.keys_verify_due() == ([account.pk] if due else [])


@pytest.mark.parametrize(
    ("client", "words", "kept"),
    [
        (Client({**GOOD, "enableWithdrawals": True}), "may withdraw", False),
        (Client({**GOOD, "enableSpotAndMarginTrading": False}), "may not trade", True),
        (Client(GOOD, ccxt.AuthenticationError("binance -2014")), "wrong or revoked", True),
    ],
)
def test_a_key_that_has_gone_bad_stops_its_account_and_no_other(queued, monkeypatch, client, words, kept) -> None:
    account, other = _account(), _account("other")
    _answering(monkeypatch, client)
    account_verify(account_id=account.pk)
    account.refresh_from_db()
    assert (account.status, account.verification) == ("paused", "refused")
    assert words in account.status_reason and bool(account.sealed_credentials) is kept
    notice = Notice.objects.get()
    assert notice.level == "bad" and words in notice.text
    other.refresh_from_db()
    assert (other.status, other.verification) == ("active", "verified")


def test_keys_that_must_close_something_stay_until_that_is_done(queued, monkeypatch) -> None:
    account, open_ = _account(), ["It has open positions: close them first."]
    monkeypatch.setattr(guards, "_keepers", [lambda _account: open_[0]])
    _answering(monkeypatch, Client({**GOOD, "enableWithdrawals": True}))
    account_verify(account_id=account.pk)
    account.refresh_from_db()
    assert account.status == "paused" and account.sealed_credentials and open_[0] in account.status_reason
    open_[0] = ""
    with _at(reverification.SOON):
        assert reverification.keys_verify_due() == [account.pk]
        account_verify(account_id=account.pk)
    account.refresh_from_db()
    assert account.sealed_credentials == "" and "Our copy was deleted" in account.verification_detail


def test_a_key_as_good_as_yesterday_is_no_news(queued, monkeypatch) -> None:
    account = _account(verified_at=now() - DAY)
    _answering(monkeypatch, Client(GOOD))
    account_verify(account_id=account.pk)
    told = Notice.objects.count(), AuditEvent.objects.count()
    account_verify(account_id=account.pk)
    account.refresh_from_db()
    assert (Notice.objects.count(), AuditEvent.objects.count()) == told
    assert now() - account.verified_at < timedelta(minutes=1)


def test_what_its_owner_attested_holds_until_the_keys_are_replaced(queued, monkeypatch) -> None:
    account = _account(exchange="mexc", verification="unproven")
    services.account_attest(account=account, actor=account.user)
    _answering(monkeypatch, Client())
    account_verify(account_id=account.pk)
    account.refresh_from_db()
    assert account.permissions["attested_by"] == account.user.email and "attests" in account.verification_detail
    services.account_replace_keys(account=account, api_key="n" * 20, api_secret="s" * 20, actor=account.user)
    account_verify(account_id=account.pk)
    account.refresh_from_db()
    assert "attested_by" not in account.permissions and account.verification == "unproven"


def test_one_bad_answer_does_not_make_a_proven_key_unproven(queued, monkeypatch) -> None:
    account = _account()
    _answering(monkeypatch, Client(ccxt.ExchangeError('binance {"code":-1000,"msg":"An unknown error"}')))
    with pytest.raises(ExchangeAmbiguous):
        account_verify(account_id=account.pk)
    account.refresh_from_db()
    assert account.verification == "verified"


@pytest.mark.parametrize("odd", ["false", "no", 0, 1, [], "enableWithdrawals", None, 1e400])
def test_only_a_clear_no_proves_that_a_key_may_not_withdraw(queued, monkeypatch, odd: Any) -> None:
    account = _account(verification="unverified")
    _answering(monkeypatch, Client({**GOOD, "enableWithdrawals": odd}))
    account_verify(account_id=account.pk)
    account.refresh_from_db()
    assert (account.verification, account.permissions["may_withdraw"]) == ("unproven", None)
