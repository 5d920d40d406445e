"""Keys that change at the exchange while an account trades: it alone stops, and what is open is closed all the same."""

import asyncio
import time

import pytest
from asgiref.sync import async_to_sync

from accounts.exchanges.loop import background_loop
from accounts.models import ExchangeAccount, Notice
from accounts.services.exchange_accounts import account_replace_keys
from accounts.services.verification import account_verify
from accounts.tasks import account_verify as verify_task
from trading import user_streams
from trading.selectors.standing import account_problem


@pytest.fixture
def queued(monkeypatch):
    calls = []
    monkeypatch.setattr(verify_task, "delay", calls.append)
    return calls


def test_a_key_that_gained_the_right_to_withdraw_closes_what_is_open_and_is_deleted(laboratory):
    laboratory.buy()
    laboratory.settle(lambda: laboratory.held() == 1)
    laboratory.act("key_permissions", permissions=["read", "spot", "withdraw"])
    account_verify(account_id=laboratory.account.pk)
    laboratory.account.refresh_from_db()
    assert laboratory.account.status == "paused" and "open positions" in laboratory.account.status_reason
    assert "replace this one" in Notice.objects.get(level="bad").text
    denied = laboratory.buy()
    laboratory.settle()
    denied.refresh_from_db()
    assert denied.status == "denied"
    laboratory.sell()
    laboratory.settle(lambda: laboratory.held() == 0)
    laboratory.check()
    account_verify(account_id=laboratory.account.pk)
    laboratory.account.refresh_from_db()
    assert laboratory.account.sealed_credentials == ""


def test_a_key_refused_in_use_is_asked_about_at_once_and_a_new_one_goes_on(laboratory, queued):
    laboratory.buy()
    laboratory.settle(lambda: laboratory.held() == 1)
    laboratory.act("key_revoke")
    laboratory.sell()
    laboratory.turn()
    assert laboratory.account.status == "paused" and queued == [laboratory.account.pk]
    account_verify(account_id=laboratory.account.pk)
    laboratory.account.refresh_from_db()
    assert laboratory.account.verification == "refused" and "replace it" in account_problem(laboratory.account)
    laboratory.act("key_restore")  # the exchange knows no second key of an account: the same stands for a new one
    key, user = laboratory.key, laboratory.account.user
    account_replace_keys(account=laboratory.account, api_key=key, api_secret=key[::-1], actor=user)
    account_verify(account_id=laboratory.account.pk)
    laboratory.account.refresh_from_db()
    assert laboratory.account.verification == "verified"
    laboratory.recover()
    laboratory.settle(lambda: laboratory.held() == 0)
    laboratory.check()


async def _watched(monkeypatch, meanwhile):
    """The account's streams as they begin and end, with something happening after the first look."""
    told = []

    async def stream(account):
        told.append(("begun", account.sealed_credentials))
        try:
            await asyncio.sleep(60)
        finally:
            told.append(("ended", account.sealed_credentials))

    monkeypatch.setattr(user_streams, "_account_stream", stream)
    monkeypatch.setattr(user_streams, "LOOK_S", 0.05)
    watching = asyncio.create_task(user_streams.streams_watch("binance", asyncio.get_running_loop()))
    while not told:
        await asyncio.sleep(0.02)
    await asyncio.to_thread(meanwhile)
    await asyncio.sleep(0.3)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    return told


@pytest.mark.parametrize("gone", [False, True])
def test_the_stream_of_replaced_or_deleted_keys_ends_while_the_process_goes_on(laboratory, queued, monkeypatch, gone):
    account, before = laboratory.account, laboratory.account.sealed_credentials

    def change():
        if gone:
            ExchangeAccount.objects.filter(pk=account.pk).update(sealed_credentials="")
        else:
            account_replace_keys(account=account, api_key="n" * 20, api_secret="s" * 20, actor=account.user)

    told = async_to_sync(_watched)(monkeypatch, change)
    assert told[:1] == [("begun", before)] and ("ended", before) in told
    assert [what for what, _ in told].count("begun") == (1 if gone else 2)


def test_a_stream_whose_key_is_refused_has_it_asked_about(laboratory, queued, monkeypatch):
    monkeypatch.setattr(user_streams, "account_wake_now", lambda _account_id: True)
    laboratory.act("key_revoke")
    stream = asyncio.run_coroutine_threadsafe(user_streams._account_stream(laboratory.account), background_loop())
    try:
        deadline = time.monotonic() + 20
        while not queued and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        stream.cancel()
    assert queued == [laboratory.account.pk]
