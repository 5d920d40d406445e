"""XRAY_EXCHANGE_ENDPOINTS: which server stands in for an exchange, read and checked with messages in words."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

SETTING = "XRAY_EXCHANGE_ENDPOINTS"
SCHEMES = {"rest": ("http", "https"), "sapi": ("http", "https"), "ws": ("ws", "wss"), "ws_api": ("ws", "wss")}
EXAMPLE = '{"binance": {"rest": "http://127.0.0.1:9400", "ws": "ws://127.0.0.1:9400"}}'
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where one exchange is to be found instead of its own hosts; no URL ends with a slash."""

    exchange: str
    rest: str
    ws: str
    ws_api: str
    sapi: str

    @property
    def addresses(self) -> frozenset[tuple[str, int]]:
        """Every (host, port) that may be dialled."""
        return frozenset(address(url) for url in (self.rest, self.ws, self.ws_api, self.sapi))


def address(url: str) -> tuple[str, int]:
    """(host, port) of a URL, with the scheme's own port when none is written."""
    parts = urlsplit(url)
    return (parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))


def endpoints_for(exchange: str) -> Endpoints | None:
    """The override of one exchange, or None where the exchange's own servers are used.

    Raises:
        ValueError: the setting is broken (all its errors, in words).

    """
    found, errors = _parsed(settings.XRAY_EXCHANGE_ENDPOINTS, tuple(settings.XRAY_EXCHANGES))
    if errors:
        raise ValueError(" ".join(errors))
    return found.get(exchange)


def endpoints_check() -> list[str]:
    """What is wrong with the setting, one sentence an error; empty when it is good."""
    return list(_parsed(settings.XRAY_EXCHANGE_ENDPOINTS, tuple(settings.XRAY_EXCHANGES))[1])


@lru_cache(maxsize=16)
def _parsed(text: str, known: tuple[str, ...]) -> tuple[dict[str, Endpoints], tuple[str, ...]]:
    if not text.strip():
        return {}, ()
    try:
        value = json.loads(text)
    except ValueError as error:
        return {}, (f"{SETTING} is not valid JSON ({error}). Write it like {EXAMPLE}",)
    if not isinstance(value, dict):
        return {}, (f"{SETTING} must be a JSON object of exchanges. Write it like {EXAMPLE}",)
    errors: list[str] = []
    found = {name: _one(name, urls, known, errors) for name, urls in value.items()}
    return {name: one for name, one in found.items() if one is not None}, tuple(errors)


def _one(name: str, urls: Any, known: tuple[str, ...], errors: list[str]) -> Endpoints | None:
    before = len(errors)
    if name not in known:
        errors.append(f"{SETTING} names an unknown exchange {name!r}. Allowed: {', '.join(known)}.")
    elif not isinstance(urls, dict):
        errors.append(f"{SETTING}: {name} must be an object with at least 'rest'. Write it like {EXAMPLE}")
    else:
        errors.extend(_url_errors(name, urls))
    return _derived(name, urls) if len(errors) == before else None


def _url_errors(name: str, urls: dict[str, Any]) -> list[str]:
    errors = [
        f"{SETTING}: {name} has an unknown key {key!r}. Allowed: {', '.join(SCHEMES)}."
        for key in urls
        if key not in SCHEMES
    ]
    if "rest" not in urls:
        errors.append(f"{SETTING}: {name} needs 'rest', such as http://127.0.0.1:9400.")
    for key, url in urls.items():
        if key in SCHEMES and (why := _why_bad(url, SCHEMES[key])):
            errors.append(f"{SETTING}: {name} {key} {why}")
    return errors


def _why_bad(url: Any, schemes: tuple[str, ...]) -> str:
    allowed = f"Allowed: {' or '.join(f'{scheme}://host:port' for scheme in schemes)}."
    if not isinstance(url, str):
        return f"must be text. {allowed}"
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return f"has an unreadable host or port. {allowed}"
    if parts.scheme not in schemes or not host:
        return f"is not a URL of the right kind. {allowed}"
    if parts.username or parts.query or parts.fragment:
        return f"must not carry a user, a query or a fragment. {allowed}"
    return ""


def _derived(name: str, urls: dict[str, str]) -> Endpoints:
    rest = urls["rest"].rstrip("/")
    ws = urls.get("ws", "ws" + rest.removeprefix("http")).rstrip("/")
    return Endpoints(
        exchange=name,
        rest=rest,
        ws=ws,
        ws_api=urls.get("ws_api", ws).rstrip("/"),
        sapi=urls.get("sapi", rest).rstrip("/"),
    )
