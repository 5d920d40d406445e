"""The same search with a real Celery worker, PostgreSQL and Redis: its log, all that passes through Redis, the dump."""

import json
import os
import subprocess
import sys
import time

import pytest
import redis
from django.conf import settings as configured
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import ExchangeAccount, User
from tests.faults.canaries import Canaries, canary, database_texts
from tests.practice.clients import ROOT
from trading import live

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(200)]


@pytest.fixture
def worker(laboratory, tmp_path, settings):
    """A worker on this test's database, at log level DEBUG, whose verifications crash with the keys at hand."""
    where = connection.settings_dict
    address = f"postgres://{where['USER']}:{where['PASSWORD']}@{where['HOST']}:{where['PORT']}/{where['NAME']}"
    more = {"DATABASE_URL": address, "XRAY_EXCHANGE_ENDPOINTS": settings.XRAY_EXCHANGE_ENDPOINTS}
    more |= {"XRAY_LOG_LEVEL": "DEBUG", "XRAY_VAR_DIR": str(tmp_path), "REDIS_URL": configured.REDIS_URL}
    command = [sys.executable, "-m", "celery", "-A", "xray_site.celery", "worker", "-P", "threads", "-c", "2"]
    command += ["-l", "DEBUG", "-I", "tests.faults.canary_worker", "-Q", "execution,default", "--without-gossip"]
    log = tmp_path / "worker.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | more, stdout=out, stderr=out)
    yield log
    process.terminate()
    process.wait(timeout=30)


def waited(log, words, within_s=60):
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if words in (text := log.read_text()):
            return text
        time.sleep(0.3)
    raise AssertionError(f"not within {within_s} s: {words}\n{log.read_text()[-3000:]}")


def test_nothing_in_the_workers_log_in_redis_or_in_the_dump(laboratory, worker, monkeypatch):
    values = {"key": canary("key"), "secret": canary("secret"), "password": canary("password")}
    canaries, seen = Canaries(**values), []
    user = laboratory.account.user
    user.set_password(values["password"])
    user.save()
    client = Client()
    client.force_login(User.objects.get(pk=user.pk))
    keys = {"api_key": values["key"], "api_secret": values["secret"], "passphrase": ""}
    laboratory.exchange.admin(
        "accounts", {"key": values["key"], "secret": values["secret"], "permissions": ["read", "spot"], "balances": {}}
    )
    server = redis.Redis.from_url(configured.REDIS_URL)
    waited(worker, "ready.")
    with server.monitor() as monitor:
        server.set("canaries:monitored", 1)
        post = {"name": "by page", "exchange": "binance", "mode": "practice", "quote_currency": "USDT", **keys}
        assert client.post(reverse("account_new"), post).status_code == 302
        client.post(
            "/api/auth/login", json.dumps({"email": user.email, "password": values["password"]}), "application/json"
        )
        live.push(user.pk, live.Kind.NOTICE, {"text": "hello"})
        text = waited(worker, "a bug in the worker with")
        server.set("canaries:end", 1)
        for command in monitor.listen():
            seen.append(command["command"])
            if "canaries:end" in command["command"]:
                break
    everything = {"worker": text, "redis": "\n".join(seen), "database": "\n".join(database_texts())}
    account = ExchangeAccount.objects.get(name="by page")
    assert "Traceback" in text and "a bug in the worker with ***" in text
    assert "accounts.tasks.account_verify" in everything["redis"] and account.sealed_credentials
    assert {name: found for name, one in everything.items() if (found := canaries.found(one))} == {}
    assert canaries.found(text + values["secret"]) == {"secret"}
