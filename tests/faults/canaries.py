"""Recognisable secrets, and every place where one must never be found."""

import base64
import html
import io
import json
import logging
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from celery import signals
from django.db import connection
from django.urls import reverse

from accounts.models import User
from accounts.scrub import ScrubFormatter

API = (
    "auth/me", "balances", "bots", "equity", "exchange-accounts", "fills", "intents", "notices", "orders", "positions",
    "trades", "schema",
)  # fmt: skip
ADMIN = (
    "accounts_exchangeaccount", "accounts_auditevent", "accounts_notice", "accounts_user", "trading_quarantinedanswer",
    "trading_order", "trading_intent", "trading_accountcheck", "trading_bot",
)  # fmt: skip


def canary(name: str) -> str:
    """A random value that nothing else holds, with characters that encodings change."""
    return f"{name}-{secrets.token_urlsafe(18)}"


def forms(value: str) -> set[str]:
    """The value as it may be written: plain, backwards, base64 (at each offset), hex, in a URL, in JSON, in HTML."""
    raw = value.encode()
    cores = {base64.b64encode(b"\0" * skip + raw)[4 if skip else 0 : -4].decode() for skip in range(3)}
    found = {value, value[::-1], quote(value, safe=""), json.dumps(value)[1:-1], html.escape(value)}
    return found | cores | {raw.hex(), raw.hex().upper(), base64.urlsafe_b64encode(raw).decode().rstrip("=")}


class Canaries:
    """The secrets by name; `found(text)` says which of them a text holds."""

    def __init__(self, **values: str) -> None:
        self.forms = {name: forms(value) for name, value in values.items()}

    def found(self, text: str) -> set[str]:
        return {name for name, written in self.forms.items() if any(form in text for form in written)}


class Places:
    """What is told to anybody or kept anywhere, by place; `texts` collects what passes by while it goes on."""

    def __init__(self, client: Any, user: User, capfd: Any, monkeypatch: Any) -> None:
        self.client, self.user, self.capfd, self.log = client, user, capfd, io.StringIO()
        loggers = [logging.getLogger(name) for name in (None, "accounts", "trading", "xray_site")]
        self.levels = [(logger, logger.level) for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.DEBUG)
        (console,) = [one for one in loggers[0].handlers if isinstance(one.formatter, ScrubFormatter)]
        monkeypatch.setattr(console, "stream", self.log)
        self.texts: dict[str, list[str]] = {"tasks": [], "messages": [], "answers": [], "tracebacks": [], "errors": []}
        signals.before_task_publish.connect(self._task)
        from channels.layers import get_channel_layer

        layer = get_channel_layer()
        real = type(layer).group_send

        async def send(this: Any, group: str, message: Any) -> None:
            self.texts["messages"].append(repr(message))
            await real(this, group, message)

        monkeypatch.setattr(type(layer), "group_send", send)

    def _task(self, sender: Any = None, body: Any = None, headers: Any = None, **_more: Any) -> None:
        self.texts["tasks"].append(repr((sender, body, headers)))

    def close(self) -> None:
        signals.before_task_publish.disconnect(self._task)
        for logger, level in self.levels:
            logger.setLevel(level)

    def leaks(self, canaries: Canaries) -> dict[str, set[str]]:
        """Place to the names of what was found there; empty when all is well."""
        found = {name: canaries.found("\n".join(texts)) for name, texts in self._all()}
        return {name: names for name, names in found.items() if names}

    def _all(self) -> Iterator[tuple[str, list[str]]]:
        captured = self.capfd.readouterr()
        yield "logs", [captured.out, captured.err, self.log.getvalue()]
        yield "database", list(database_texts())
        yield "api", [self._read(f"/api/{name}") for name in API]
        yield "pages", [self._read(reverse(name)) for name in ("account_list", "notice_list", "overview", "bot_list")]
        self.client.force_login(User.objects.get(is_superuser=True))
        yield "admin", [self._read(url) for name in ADMIN for url in admin_urls(name)]
        self.client.force_login(self.user)
        yield from self.texts.items()

    def _read(self, url: str) -> str:
        answer = self.client.get(url)
        assert answer.status_code == 200, f"{url}: {answer.status_code}"
        return answer.content.decode()


def admin_urls(name: str) -> Iterator[str]:
    """The list of a model in the admin, and each row's page and history."""
    from django.apps import apps

    yield reverse(f"admin:{name}_changelist")
    for pk in apps.get_model(*name.split("_")).objects.values_list("pk", flat=True):
        yield reverse(f"admin:{name}_change", args=[pk])
        yield reverse(f"admin:{name}_history", args=[pk])


def database_texts() -> Iterator[str]:
    """Every row of every table."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                yield " ".join(bytes(one).decode("latin-1") if isinstance(one, memoryview) else str(one) for one in row)
