"""Secrets go through the whole platform, good days and bad, and are found nowhere."""

import base64
import json
import logging
import re
import secrets
import sys
import traceback

import ccxt.async_support
import pytest
from aiohttp import ClientSession
from django.test import Client
from django.urls import reverse

from accounts.apps import settings_secrets
from accounts.exchanges.errors import translated
from accounts.exchanges.factory import account_client
from accounts.exchanges.loop import run
from accounts.models import AuditEvent, ExchangeAccount, Notice, User
from accounts.scrub import secrets_remember_always
from accounts.services import exchange_accounts
from accounts.services.audit import audit_record
from accounts.services.verification import account_verify
from accounts.tasks import account_verify as verify_task
from tests.faults.canaries import Canaries, Places, canary, forms
from tests.faults.laboratory import OTHER
from trading import live
from trading.brokers.ccxt_exchange import CcxtExchange
from trading.services.work import account_work

PLAIN = logging.getLogger("a.library")


@pytest.fixture
def values():
    master = base64.b64encode(secrets.token_bytes(32)).decode()
    names = ("key", "secret_two", "key_two", "passphrase", "password", "settings_key")
    return {name: canary(name) for name in names} | {"master": master}


@pytest.fixture
def laboratory_key(values, settings):
    """The laboratory's key is a canary; so are the settings' secrets, before anything is sealed."""
    settings.XRAY_MASTER_KEYS, settings.SECRET_KEY = f"canary:{values['master']}", values["settings_key"]
    secrets_remember_always(settings_secrets(settings))
    return values["key"]


@pytest.fixture
def places(laboratory, values, capfd, monkeypatch):
    user = laboratory.account.user
    user.set_password(values["password"])
    user.save()
    User.objects.create_superuser("canaries@example.org", "x-of-staff-93")
    client = Client(raise_request_exception=False)
    client.force_login(user)
    made = Places(client, user, capfd, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def canaries(values):
    return Canaries(**values)


def new_keys(values, name):
    return {"name": name, "exchange": "binance", "mode": "practice", "quote_currency": "USDT",
            "api_key": values["key_two"], "api_secret": values["secret_two"], "passphrase": ""}  # fmt: skip


def typed_in(places, values, settings):
    """Keys and passwords by page and API, taken and refused."""
    endpoints = json.loads(settings.XRAY_EXCHANGE_ENDPOINTS)
    settings.XRAY_EXCHANGE_ENDPOINTS = json.dumps({**endpoints, "kucoin": endpoints["binance"]})
    kucoin = {**new_keys(values, "with a passphrase"), "exchange": "kucoin", "passphrase": values["passphrase"]}
    post = places.client.post
    places.texts["answers"] += [
        post(reverse("account_new"), new_keys(values, "by page")).content.decode(),
        post(reverse("account_new"), new_keys(values, "by page")).content.decode(),  # refused: its name is taken
        post(reverse("account_new"), {**new_keys(values, "x"), "passphrase": values["passphrase"]}).content.decode(),
        post("/api/exchange-accounts", new_keys(values, "by API"), content_type="application/json").content.decode(),
        post("/api/exchange-accounts", kucoin, content_type="application/json").content.decode(),
        post("/api/exchange-accounts", new_keys(values, ""), content_type="application/json").content.decode(),
        post(reverse("login"), {"username": places.user.email, "password": values["password"] + "x"}).content.decode(),
        post("/api/auth/login", {"email": places.user.email, "password": values["password"]}).content.decode(),
        post("/api/auth/login", {"email": "x", "password": values["password"]}).content.decode(),
    ]
    places.client.force_login(places.user)


def crashes_of_views(places, values, settings, monkeypatch):
    """A bug where keys are in the hands of the code, with DEBUG off and on."""

    def broken(**given):
        here = dict(given)
        raise RuntimeError(f"a bug with {here['api_key']} and {here['api_secret']!r} at hand")

    with monkeypatch.context() as patch:
        patch.setattr(exchange_accounts, "account_add", broken)
        for debug in (False, True):
            settings.DEBUG = debug
            for url, kind in (
                (reverse("account_new"), {}),
                ("/api/exchange-accounts", {"content_type": "application/json"}),
            ):
                answer = places.client.post(url, new_keys(values, "crash"), **kind)
                assert answer.status_code == 500
                places.texts["errors"].append(answer.content.decode())
            page = places.client.post(reverse("login"), {"username": "x", "password": values["password"]})
            places.texts["errors"].append(page.content.decode())
        settings.DEBUG = False


def trouble_with_the_exchange(places, laboratory, monkeypatch):
    """Everything the exchange may do while it is asked with keys: it echoes them, and our code stumbles."""

    class Echo:
        """Answers an error that holds the whole request, as some exchanges do."""

        def __init__(self, url, headers, body, status):
            self.url, self.sent, self.body, self.status, self.reason = url, headers, body, status, "Bad Request"
            self.headers = {"Content-Type": "application/json"}

        async def __aenter__(self):
            return self

        async def __aexit__(self, *_error):
            return None

        async def text(self, **_more):
            plain = {name: str(value) for name, value in self.sent.items()}
            hidden = "".join(plain.values()).encode()
            sent = {**plain, "url": str(self.url), "body": bytes(self.body).decode(), "hex": hidden.hex()}
            return json.dumps({"code": -2014 if self.status == 401 else -1, "msg": json.dumps(sent)})

    with_passphrase = ExchangeAccount.objects.get(exchange="kucoin")
    for status in (400, 500, 401):
        laboratory.buy(OTHER)
        laboratory._quote()
        with monkeypatch.context() as patch:

            def answer(self, url, status=status, **more):
                return Echo(url, more.get("headers") or {}, more.get("data") or b"", status)

            patch.setattr(ClientSession, "get", answer)
            patch.setattr(ClientSession, "post", answer)
            for _ in range(2):
                told(places, lambda: account_work(account_id=laboratory.account.pk))
            told(places, CcxtExchange(laboratory.account).balances)
            told(places, lambda: account_verify(account_id=laboratory.account.pk))
            told(places, lambda: run(signed(with_passphrase), timeout_s=20))
        laboratory.recover()
        ExchangeAccount.objects.filter(pk=laboratory.account.pk).update(verification="verified", status="active")
    for at in ("sign", "fetch", "parse_balance"):
        with monkeypatch.context() as patch:
            patch.setattr(ccxt.async_support.binance, at, stumble)
            told(places, CcxtExchange(laboratory.account).balances)
            result = verify_task.apply(args=[laboratory.account.pk])
            places.texts["tracebacks"].append(str(result.traceback))


async def signed(account):
    """One request that is signed with a passphrase."""
    with translated():
        await account_client(account).private_get_accounts()


def stumble(self, *given, **more):
    """A bug in the middle of signing."""
    here = {"self": self, "given": given, **more}
    raise RuntimeError(f"a bug with {here}")


def told(places, ask):
    """What a crash handler would print of an error, values of locals included."""
    try:
        ask()
    except Exception as error:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        places.texts["tracebacks"] += ["".join(report.format()), repr(error), str(error)]
        PLAIN.exception("somebody's library logs it, %r", error)


def test_no_secret_is_found_anywhere(places, laboratory, values, canaries, settings, monkeypatch):
    account_verify(account_id=laboratory.account.pk)
    laboratory.buy()
    laboratory.settle(lambda: laboratory.held() == 1)
    typed_in(places, values, settings)
    crashes_of_views(places, values, settings, monkeypatch)
    trouble_with_the_exchange(places, laboratory, monkeypatch)
    laboratory.recover()
    laboratory.sell()
    laboratory.settle(lambda: laboratory.held() == 0)
    other = ExchangeAccount.objects.get(name="by page")
    account_verify(account_id=other.pk)  # keys that the exchange does not know
    laboratory.act("key_permissions", permissions=["read", "spot", "withdraw"])
    account_verify(account_id=laboratory.account.pk)
    assert all(places.texts.values()), "a place was never used"
    for logger in ("ccxt.base.exchange", "celery.app.trace", "a.library", "django.request", "trading.brokers"):
        assert f" {logger}" in places.log.getvalue(), f"nothing of {logger} was logged"
    assert "KC-API-PASSPHRASE" in places.log.getvalue()
    assert places.leaks(canaries) == {}


@pytest.mark.embedded
def test_without_scrubbing_they_would_be_found(places, laboratory, values, canaries, settings, monkeypatch):
    """What goes by is really full of them: the search finds them as soon as nothing is masked."""
    monkeypatch.setattr("accounts.scrub._forms_of", lambda _values: {})
    monkeypatch.setattr("accounts.scrub._PATTERN", re.compile("(?!)()"))
    monkeypatch.setattr("accounts.scrub._known", {})
    monkeypatch.setattr("accounts.scrub._always", {})
    typed_in(places, values, settings)
    crashes_of_views(places, values, settings, monkeypatch)
    trouble_with_the_exchange(places, laboratory, monkeypatch)
    found = places.leaks(canaries)
    assert {"logs", "errors", "tracebacks"} <= found.keys() and {"key", "key_two", "secret_two"} <= found["logs"]


def _log(places, laboratory, value, monkeypatch):
    print(f"value {value}", file=sys.stderr)


def _database(places, laboratory, value, monkeypatch):
    AuditEvent.objects.create(action="x", detail={"echo": value})


def _api(places, laboratory, value, monkeypatch):
    User.objects.filter(pk=places.user.pk).update(name=value)


def _pages(places, laboratory, value, monkeypatch):
    Notice.objects.create(user=places.user, title="x", text=value)


def _admin(places, laboratory, value, monkeypatch):
    audit_record(actor=None, action=value[:80])


def _tasks(places, laboratory, value, monkeypatch):
    verify_task.apply_async(args=(value,))


def _messages(places, laboratory, value, monkeypatch):
    live.push(places.user.pk, live.Kind.NOTICE, {"text": value})


def _errors(places, laboratory, value, monkeypatch):
    def broken(**_given):
        raise RuntimeError(value)

    monkeypatch.setattr(exchange_accounts, "account_add", broken)
    monkeypatch.setattr("django.conf.settings.DEBUG", True)
    monkeypatch.setattr("xray_site.error_reports.scrub", lambda text: text)
    places.texts["errors"].append(places.client.post(reverse("account_new"), {"mode": "paper"}).content.decode())


def _tracebacks(places, laboratory, value, monkeypatch):
    def broken():
        held = {"headers": value}
        raise RuntimeError(len(held))

    told(places, broken)


PLANTS = {
    "logs": _log, "database": _database, "api": _api, "pages": _pages, "admin": _admin, "tasks": _tasks,
    "messages": _messages, "errors": _errors, "tracebacks": _tracebacks,
}  # fmt: skip


@pytest.mark.embedded
@pytest.mark.parametrize("place", PLANTS)
def test_a_planted_leak_is_found_in_each_place(places, laboratory, values, canaries, monkeypatch, place):
    written = sorted(forms(values["key"]), key=len)
    PLANTS[place](places, laboratory, written[len(place) % len(written)], monkeypatch)
    assert "key" in places.leaks(canaries)[place]


@pytest.mark.parametrize("number", range(10))
def test_every_way_to_write_a_secret_is_recognised(values, canaries, number):
    for name, value in values.items():
        written = sorted(forms(value))
        assert name in canaries.found(f"before {written[number % len(written)]} after")
        assert canaries.found("nothing of it") == set()
