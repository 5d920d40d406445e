"""Another master key takes the stored keys over: it can be stopped, is refused when it cannot work, loses nothing."""

import base64
import io
import os
import signal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.crypto import seal, sealed_key_id, unseal
from accounts.management.commands import keys_rotate
from accounts.models import AuditEvent, ExchangeAccount, User
from accounts.services import key_rotation

pytestmark = pytest.mark.django_db


def _master(name: str) -> str:
    return f"{name}:{base64.b64encode(name.encode() * 16).decode()}"


OLD, NEW = _master("k1"), _master("k2")


def _sealed(number: int) -> str:
    return seal({"api_key": f"key-{number}", "api_secret": f"secret-{number}"})


@pytest.fixture
def accounts(settings) -> list[ExchangeAccount]:
    """Three accounts with keys under the old master key and one without keys; the new one is first now."""
    user = User.objects.create_user("anna@example.org", "x")
    settings.XRAY_MASTER_KEYS = OLD
    made = [
        ExchangeAccount.objects.create(
            user=user, name=str(number), exchange="binance", mode="practice", sealed_credentials=_sealed(number)
        )
        for number in range(3)
    ]
    ExchangeAccount.objects.create(user=user, name="paper", exchange="binance")
    settings.XRAY_MASTER_KEYS = f"{NEW},{OLD}"
    return made


def _ids() -> list[str]:
    rows = ExchangeAccount.objects.exclude(sealed_credentials="").order_by("pk")
    return [sealed_key_id(sealed) for sealed in rows.values_list("sealed_credentials", flat=True)]


def _rotate(*arguments: str) -> str:
    out = io.StringIO()
    call_command("keys_rotate", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_all_keys_go_under_the_new_master_key_and_the_old_one_can_be_retired(accounts, settings) -> None:
    told = _rotate("--to", "k2")
    assert "3 to rotate to 'k2'" in told and "All keys are under 'k2'." in told
    settings.XRAY_MASTER_KEYS = NEW
    for number, account in enumerate(accounts):
        account.refresh_from_db()
        assert unseal(account.sealed_credentials) == {"api_key": f"key-{number}", "api_secret": f"secret-{number}"}
    events = AuditEvent.objects.filter(action="account.keys_rotated")
    assert events.count() == 3 and events[0].detail == {"from": "k1", "to": "k2"}
    assert "All keys are under 'k2'." in _rotate()
    assert events.count() == 3


def test_a_dry_run_only_reports(accounts) -> None:
    told = _rotate("--dry-run")
    assert "3 under 'k1'" in told and "3 to rotate to 'k2'" in told
    assert _ids() == ["k1"] * 3


@pytest.mark.parametrize(
    ("keys", "to", "words"),
    [
        (OLD, "k2", "'k2' is not configured (there are: k1). Put it first in XRAY_MASTER_KEYS"),
        (f"{OLD},{NEW}", "k2", "'k2' is configured, but 'k1' encrypts: put it first"),
        ("", "k2", "Neither XRAY_MASTER_KEYS"),
    ],
)
def test_it_is_refused_when_the_new_key_is_missing(accounts, settings, keys: str, to: str, words: str) -> None:
    settings.XRAY_MASTER_KEYS, settings.XRAY_MASTER_KEYS_FILE = keys, ""
    with pytest.raises(CommandError) as found:
        _rotate("--to", to)
    assert words in str(found.value)
    settings.XRAY_MASTER_KEYS = OLD
    assert _ids() == ["k1"] * 3


def test_it_can_be_stopped_and_goes_on(accounts, monkeypatch) -> None:
    real = key_rotation.account_keys_rotate

    def one(*, account_id: int) -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        return real(account_id=account_id)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(keys_rotate, "account_keys_rotate", one)
    with pytest.raises(CommandError, match="2 are left"):
        _rotate()
    assert _ids() == ["k2", "k1", "k1"] and signal.getsignal(signal.SIGTERM) is before
    monkeypatch.setattr(keys_rotate, "account_keys_rotate", real)
    assert "All keys are under 'k2'." in _rotate()


def test_keys_replaced_at_the_same_moment_are_not_lost(accounts, settings, monkeypatch) -> None:
    account, real = accounts[0], key_rotation.rewrap
    settings.XRAY_MASTER_KEYS = OLD
    replacement = _sealed(9)
    settings.XRAY_MASTER_KEYS = f"{NEW},{OLD}"

    def replaced_meanwhile(sealed: str) -> str:
        monkeypatch.setattr(key_rotation, "rewrap", real)
        ExchangeAccount.objects.filter(pk=account.pk).update(sealed_credentials=replacement)
        return real(sealed)

    monkeypatch.setattr(key_rotation, "rewrap", replaced_meanwhile)
    key_rotation.account_keys_rotate(account_id=account.pk)
    account.refresh_from_db()
    assert unseal(account.sealed_credentials)["api_key"] == "key-9"
    assert sealed_key_id(account.sealed_credentials) == "k2"


def test_keys_that_nobody_can_open_are_named_and_do_not_hold_up_the_others(accounts, settings) -> None:
    settings.XRAY_MASTER_KEYS = _master("k0")
    ExchangeAccount.objects.filter(pk=accounts[1].pk).update(sealed_credentials=_sealed(1))
    settings.XRAY_MASTER_KEYS = f"{NEW},{OLD}"
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 could not be opened"):
        call_command("keys_rotate", stdout=out, stderr=out)
    assert f"account {accounts[1].public_id}: The master key 'k0' is not in XRAY_MASTER_KEYS" in out.getvalue()
    assert "1 under 'k0' (not configured)" in out.getvalue()
    assert _ids() == ["k2", "k0", "k2"]


def test_a_process_with_the_old_settings_is_noticed(accounts, settings, monkeypatch) -> None:
    def and_another(*, account_id: int) -> bool:
        done = key_rotation.account_keys_rotate(account_id=account_id)
        if account_id == accounts[2].pk:
            settings.XRAY_MASTER_KEYS = OLD
            ExchangeAccount.objects.filter(pk=accounts[0].pk).update(sealed_credentials=_sealed(5))
            settings.XRAY_MASTER_KEYS = f"{NEW},{OLD}"
        return done

    monkeypatch.setattr(keys_rotate, "account_keys_rotate", and_another)
    with pytest.raises(CommandError, match="1 were stored meanwhile by a process that still has the old settings"):
        _rotate()


def test_staff_see_which_master_key_each_account_needs(accounts, client: Any) -> None:
    client.force_login(User.objects.create_superuser("staff@example.org", "x"))
    key_rotation.account_keys_rotate(account_id=accounts[0].pk)
    url = reverse("admin:accounts_exchangeaccount_changelist")
    page = client.get(url)
    assert "k1: 2 (to rotate)" in page.content.decode() and "k2: 1 (current)" in page.content.decode()
    shown = client.get(url, {"master_key": "k1"}).context["cl"].queryset
    assert {row.pk for row in shown} == {accounts[1].pk, accounts[2].pk}
    assert "2 keys to rotate" in client.get(reverse("admin:index")).content.decode()
    one = client.get(reverse("admin:accounts_exchangeaccount_change", args=[accounts[1].pk])).content.decode()
    assert "k1" in one and accounts[1].sealed_credentials not in one


def test_a_change_in_the_admin_does_not_undo_keys_replaced_at_that_moment(accounts, client: Any, monkeypatch) -> None:
    client.force_login(User.objects.create_superuser("staff@example.org", "x"))
    account, replacement = accounts[0], _sealed(7)
    url = reverse("admin:accounts_exchangeaccount_change", args=[account.pk])
    form = client.get(url).context["adminform"].form
    values = {name: "" if value is None else value for name, value in form.initial.items()}
    real = ExchangeAccount.save

    def save(self: ExchangeAccount, **more: Any) -> None:
        ExchangeAccount.objects.filter(pk=self.pk).update(sealed_credentials=replacement)
        real(self, **more)

    monkeypatch.setattr(ExchangeAccount, "save", save)
    assert client.post(url, {**values, "name": "looked at"}).status_code == 302
    account.refresh_from_db()
    assert (account.name, account.sealed_credentials) == ("looked at", replacement)
