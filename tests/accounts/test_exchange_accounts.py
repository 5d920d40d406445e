"""An account's life, with the exchange's answers replaced at the client's door."""

import logging
from decimal import Decimal
from typing import Any

import ccxt
import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.crypto import unseal
from accounts.exchanges.errors import ExchangeAmbiguous
from accounts.models import AuditEvent, ExchangeAccount, Notice, User
from accounts.services import exchange_accounts as services
from accounts.services import guards
from accounts.tasks import account_verify as verify_task

pytestmark = pytest.mark.django_db
OVERRIDE = '{"binance": {"rest": "http://127.0.0.1:1"}, "mexc": {"rest": "http://127.0.0.1:1"}, "okx": {"rest": "http://127.0.0.1:1"}}'
KEY, SECRET = "CANARYKEY00000001234", "CANARYSECRET0000005678"


@pytest.fixture
def user() -> User:
    return User.objects.create_user("anna@example.org", "x")


@pytest.fixture
def practice(settings) -> None:
    settings.XRAY_EXCHANGE_ENDPOINTS = OVERRIDE


@pytest.fixture
def queued(monkeypatch) -> list[tuple[Any, ...]]:
    """What was put on the queue, instead of a broker."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(verify_task, "delay", lambda *args: calls.append(args))
    return calls


class Client:
    """The two questions of a verification."""

    def __init__(self, restrictions: Any = None, balance: Any = None) -> None:
        self.restrictions, self.balance = restrictions, balance

    async def fetch_balance(self) -> Any:
        return self._answer(self.balance)

    async def sapiGetAccountApiRestrictions(self) -> Any:
        return self._answer(self.restrictions)

    @staticmethod
    def _answer(value: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value or {}


def _answering(monkeypatch, client: Client) -> None:
    monkeypatch.setattr("accounts.exchanges.factory.account_client", lambda _account: client)


def _add(user: User, **more: Any) -> ExchangeAccount:
    values = {"name": "main", "exchange": "binance", "mode": "practice", "api_key": KEY, "api_secret": SECRET}
    return services.account_add(user=user, **{**values, **more})


def test_paper_needs_no_keys(user: User, queued) -> None:
    account = services.account_add(user=user, name="p", exchange="kucoin", paper_start_balance="2500.5")
    assert (account.mode, account.verification, account.sealed_credentials) == ("paper", "not_needed", "")
    assert account.paper_start_balance == Decimal("2500.5")
    assert queued == []


def test_keys_are_sealed_and_verified_by_a_task_that_carries_an_id_only(
    user: User, practice, queued, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        account = _add(user, api_key=f"  {KEY} ", api_secret=f"{SECRET}\n")
    account.refresh_from_db()
    assert "CANARY" not in account.sealed_credentials
    assert unseal(account.sealed_credentials) == {"api_key": KEY, "api_secret": SECRET}
    assert (account.key_hint, account.verification) == (KEY[-4:], "unverified")
    assert queued == [(account.pk,)]


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"name": " "}, "name", "1 to 80 characters"),
        ({"exchange": "kraken"}, "exchange", "One of: binance"),
        ({"mode": "real"}, "mode", "One of: paper, practice"),
        ({"api_key": "  "}, "api_key", "Binance needs the API key"),
        ({"api_secret": ""}, "api_secret", "needs the API secret"),
        ({"passphrase": "p"}, "passphrase", "Binance has no passphrase"),
        ({"exchange": "okx"}, "passphrase", "OKX needs the passphrase"),
        ({"mode": "paper"}, "api_key", "needs no keys"),
        ({"mode": "live"}, "mode", "live is refused"),
        ({"mode": "testnet"}, "mode", "testnet is refused"),
        ({"exchange": "bybit"}, "mode", "set XRAY_EXCHANGE_ENDPOINTS"),
        ({"quote_currency": "US$"}, "quote_currency", "A currency code"),
        ({"paper_start_balance": "-5"}, "paper_start_balance", "from 10"),
        ({"paper_start_balance": 1.5}, "paper_start_balance", "from 10"),
        ({"paper_start_balance": "NaN"}, "paper_start_balance", "from 10"),
        ({"api_key": "a\x00b"}, "api_key", "no key has"),
        ({"api_secret": "x" * 5000}, "api_secret", "At most 4096"),
    ],
)
def test_nonsense_is_refused_with_what_is_allowed(user: User, practice, queued, more, field: str, words: str) -> None:
    with pytest.raises(ValidationError) as found:
        _add(user, **more)
    assert words in found.value.message_dict[field][0]
    assert not ExchangeAccount.objects.exists()


def test_a_name_once_per_user_until_it_is_removed(user: User, practice, queued) -> None:
    first = _add(user)
    with pytest.raises(ValidationError, match="already have an account"):
        _add(user)
    services.account_remove(account=first, actor=user)
    _add(user)


def test_live_needs_the_deployments_switch(user: User, settings, queued) -> None:
    settings.XRAY_EXCHANGE_ENDPOINTS, settings.XRAY_LIVE_TRADING = "", False
    with pytest.raises(ValidationError, match="XRAY_LIVE_TRADING=1"):
        _add(user, mode="live")
    settings.XRAY_LIVE_TRADING = True
    account = _add(user, mode="live")
    assert account.live_enabled is False
    assert services.account_live_set(account=account, enabled=True, actor=user).live_enabled


def test_broken_endpoints_are_said(user: User, settings, queued) -> None:
    settings.XRAY_EXCHANGE_ENDPOINTS = "{"
    with pytest.raises(ValidationError, match="not valid JSON"):
        _add(user)


GOOD = {"enableReading": True, "enableSpotAndMarginTrading": True, "enableWithdrawals": False, "ipRestrict": True}


@pytest.mark.parametrize(
    ("client", "state", "words", "kept", "level"),
    [
        (Client(GOOD), "verified", "cannot withdraw", True, "ok"),
        (Client({**GOOD, "ipRestrict": False}), "verified", "Advice", True, "ok"),
        (Client({**GOOD, "enableWithdrawals": True}), "refused", "may withdraw", False, "bad"),
        (Client({**GOOD, "enableSpotAndMarginTrading": False}), "refused", "may not trade", True, "bad"),
        (Client({}), "unproven", "does not tell", True, "warn"),
        (Client(ccxt.NotSupported("binance")), "unproven", "does not tell", True, "warn"),
        (Client(ccxt.ExchangeError('binance {"code":-1,"msg":"what?"}')), "unproven", "does not tell", True, "warn"),
        (Client(ccxt.ExchangeNotAvailable("binance GET http://x/y 404 Not Found ")), "unproven", "tell", True, "warn"),
        (Client(GOOD, ccxt.AuthenticationError("binance -2014")), "refused", "wrong or revoked", True, "bad"),
        (Client(GOOD, ccxt.PermissionDenied("binance")), "refused", "lacks a permission", True, "bad"),
    ],
)
def test_verdicts(user: User, practice, queued, monkeypatch, client, state, words, kept, level) -> None:
    account = _add(user)
    _answering(monkeypatch, client)
    services.account_verify(account_id=account.pk)
    account.refresh_from_db()
    assert account.verification == state and words in account.verification_detail
    assert bool(account.sealed_credentials) is kept and bool(account.key_hint) is kept
    assert Notice.objects.get(user=user).level == level
    assert AuditEvent.objects.filter(action="account.verified").count() == 1


def test_mexc_does_not_tell_so_its_owner_attests(user: User, practice, queued, monkeypatch) -> None:
    account = _add(user, exchange="mexc")
    _answering(monkeypatch, Client())
    services.account_verify(account_id=account.pk)
    account.refresh_from_db()
    assert account.verification == "unproven"
    services.account_attest(account=account, actor=user)
    assert AuditEvent.objects.filter(action="account.attested", actor=user).exists()


def test_an_unreachable_exchange_is_tried_again_and_said(user: User, practice, queued, monkeypatch) -> None:
    account = _add(user)
    _answering(monkeypatch, Client(GOOD, ccxt.RequestTimeout("binance GET /api/v3/account")))
    with pytest.raises(ExchangeAmbiguous):
        services.account_verify(account_id=account.pk)
    retried: list[float] = []

    def retry(countdown: float, exc: Exception) -> Exception:
        retried.append(countdown)
        return exc

    monkeypatch.setattr(verify_task, "retry", retry)
    with pytest.raises(ExchangeAmbiguous):
        verify_task.run(account.pk)
    account.refresh_from_db()
    assert retried == [5]
    assert account.verification == "unverified" and "Not verified yet" in account.verification_detail
    assert account.sealed_credentials


def test_keys_replaced_meanwhile_are_not_judged_by_the_old_answer(user: User, practice, queued, monkeypatch) -> None:
    account = _add(user)

    class Slow(Client):
        async def fetch_balance(self) -> Any:
            from asgiref.sync import sync_to_async

            change = ExchangeAccount.objects.filter(pk=account.pk).update
            await sync_to_async(change, thread_sensitive=False)(sealed_credentials="other")
            return {}

    monkeypatch.setattr("accounts.services.verification.run", lambda _coroutine, timeout_s: _swap(account, _coroutine))
    assert services.account_verify(account_id=account.pk) is None
    account.refresh_from_db()
    assert account.verification == "unverified"


def _swap(account: ExchangeAccount, coroutine: Any) -> Any:
    from accounts.exchanges.quirks import KeyPermissions

    coroutine.close()
    ExchangeAccount.objects.filter(pk=account.pk).update(sealed_credentials="other")
    return KeyPermissions(True, True, True, True)


def test_replace_keys(user: User, practice, queued, django_capture_on_commit_callbacks) -> None:
    account = _add(user)
    ExchangeAccount.objects.filter(pk=account.pk).update(verification="verified", permissions={"may_trade": True})
    account.refresh_from_db()
    with django_capture_on_commit_callbacks(execute=True):
        services.account_replace_keys(account=account, api_key="N" * 20, api_secret="S" * 20, actor=user)
    account.refresh_from_db()
    assert (account.verification, account.permissions, account.key_hint) == ("unverified", {}, "NNNN")
    assert unseal(account.sealed_credentials)["api_key"] == "N" * 20
    assert queued == [(account.pk,)]


def test_pause_resume_remove(user: User, practice, queued) -> None:
    account = _add(user)
    assert services.account_pause(account=account, actor=user, reason="holiday").status_reason == "holiday"
    assert services.account_resume(account=account, actor=user).status == "active"
    services.account_remove(account=account, actor=user)
    account.refresh_from_db()
    assert (account.status, account.sealed_credentials, account.key_hint) == ("removed", "", "")
    with pytest.raises(ValidationError, match="was removed"):
        services.account_resume(account=account, actor=user)


def test_other_rooms_may_keep_an_account(user: User, practice, queued, monkeypatch) -> None:
    account = _add(user)
    monkeypatch.setattr(guards, "_guards", [lambda _account: "It holds 2 open positions: close them first."])
    with pytest.raises(ValidationError, match="close them first"):
        services.account_remove(account=account, actor=user)
    account.refresh_from_db()
    assert account.status == "active" and account.sealed_credentials


def test_somebody_elses_account(user: User, practice, queued) -> None:
    account, other = _add(user), User.objects.create_user("b@example.org", "x")
    for call in (services.account_remove, services.account_pause, services.account_verify_request):
        with pytest.raises(PermissionDenied):
            call(account=account, actor=other)


def test_no_secret_in_logs_audit_or_notices(user: User, practice, queued, monkeypatch, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    account = _add(user)
    _answering(monkeypatch, Client(GOOD, ccxt.AuthenticationError(f"binance apiKey={KEY}&signature=abc")))
    services.account_verify(account_id=account.pk)
    stored = [str(event.detail) for event in AuditEvent.objects.all()]
    stored += [f"{notice.title} {notice.text}" for notice in Notice.objects.all()]
    account.refresh_from_db()
    stored += [str(vars(account)), repr(account), caplog.text]
    assert "CANARY" not in " ".join(stored)


def _with_keys(user: User, name: str, key: str = KEY) -> ExchangeAccount:
    return _add(user, name=name, api_key=key)


def test_a_key_belongs_to_one_account(user: User, practice, queued) -> None:
    """Another network is another key; whoever removes an account, or whose keys were refused, has none of them."""
    other = User.objects.create_user("bert@example.org", "x")
    first = _with_keys(user, "first")
    for owner, words in ((user, "Your account first has this key"), (other, "Another account here has this key")):
        with pytest.raises(ValidationError, match=words):
            _with_keys(owner, "second")
    second = _with_keys(other, "second", "another-key-of-theirs")
    with pytest.raises(ValidationError, match="Another account here"):
        services.account_replace_keys(account=second, api_key=KEY, api_secret=SECRET, actor=other)
    services.account_replace_keys(account=first, api_key=KEY, api_secret="another", actor=user)
    first.verification = "refused"
    first.save()
    assert _with_keys(other, "third").key_print == first.key_print
    services.account_remove(account=second, actor=other)
    assert _with_keys(user, "fourth", "another-key-of-theirs").key_print


def test_keys_from_before_keys_were_recognised_are_found_when_they_are_verified(
    user: User, practice, queued, monkeypatch
) -> None:
    _answering(monkeypatch, Client(GOOD))
    first, twin = _with_keys(user, "first"), _with_keys(user, "twin", "x" * 12)
    ExchangeAccount.objects.filter(pk=twin.pk).update(sealed_credentials=first.sealed_credentials)
    ExchangeAccount.objects.update(key_print="")
    services.account_verify(account_id=first.pk)
    found = services.account_verify(account_id=twin.pk)
    assert (found.verification, "Your account first has this key" in found.verification_detail) == ("refused", True)
    assert services.account_verify(account_id=first.pk).verification == "verified"


def test_an_account_whose_keys_are_refused_is_not_resumed(user: User, practice, queued) -> None:
    account = _with_keys(user, "first")
    ExchangeAccount.objects.update(status="paused", verification="refused", verification_detail="It may withdraw.")
    account.refresh_from_db()
    with pytest.raises(ValidationError, match=r"Nothing was resumed.* It may withdraw\."):
        services.account_resume(account=account, actor=user)
    account.refresh_from_db()
    assert account.status == "paused"


def test_asking_again_in_the_same_moment_asks_once(
    user: User, practice, queued, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        account = _add(user)
    queued.clear()
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(30):
            services.account_verify_request(account=account, actor=user)
    assert queued == [(account.pk,)]


def test_a_refusal_names_no_mode_that_is_refused_too(user: User, queued) -> None:
    for exchange, mode, words in (
        ("kucoin", "practice", "or use paper."),
        ("binance", "practice", "or use paper or testnet."),
        ("kucoin", "testnet", "use paper."),
    ):
        with pytest.raises(ValidationError, match=words):
            _add(user, exchange=exchange, mode=mode, passphrase="x" if exchange == "kucoin" else "")
