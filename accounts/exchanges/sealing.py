"""Nothing but the configured hosts is dialled: closed URLs first, then a guard on every request and redirect.

ccxt's urls are merged, so any endpoint that an override leaves out would stay on the exchange's real host. Every URL
is therefore pointed at a closed local port before the ones in use are set, and the session through which a client
sends everything (requests, redirects, websocket handshakes) refuses all other addresses.
"""

import asyncio
import ssl
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator
from functools import lru_cache
from typing import Any

import aiohttp

from accounts.exchanges import budget
from accounts.exchanges.endpoints import Endpoints, address
from accounts.exchanges.errors import ExchangeNotSent, last_said
from accounts.exchanges.quirks import Quirks, quirks_for

CLOSED_HTTP = "http://127.0.0.1:9"
CLOSED_WS = "ws://127.0.0.1:9"
_URL_SETS = ("api", "test", "demo", "demotrading")
SAYING_NOTHING = ("/ping", "/userDataStream", "/listenKey")  # where {} is a good answer


class DialRefused(aiohttp.ClientConnectionError):
    """A request to an address that is not configured was stopped before it was dialled."""


class Barred(aiohttp.ClientConnectionError):
    """A request during a ban was stopped before it was sent."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NoData(aiohttp.ClientConnectionError):
    """Success was answered, but with a page, a part or nothing instead of data; `body` is how that begins."""

    def __init__(self, message: str, body: bytes = b"") -> None:
        super().__init__(message)
        self.body = body[:600].decode("utf-8", "replace")


def urls_override(client: Any, quirks: Quirks, endpoints: Endpoints) -> None:
    """Close every URL of a ccxt client, then open the ones in use at the configured server."""
    for key in _URL_SETS:
        if client.urls.get(key):
            client.urls[key] = _closed(client.urls[key])
    client.urls["api"] = _laid_over(client.urls["api"], quirks.urls(endpoints))


def _closed(urls: Any) -> Any:
    if isinstance(urls, dict):
        return {key: _closed(value) for key, value in urls.items()}
    return CLOSED_WS if str(urls).startswith("ws") else CLOSED_HTTP


def _laid_over(base: Any, over: Any) -> Any:
    if isinstance(base, dict) and isinstance(over, dict):
        return base | {key: _laid_over(base.get(key), value) for key, value in over.items()}
    return over


def _leaves(urls: Any) -> Iterator[str]:
    if isinstance(urls, dict):
        for value in urls.values():
            yield from _leaves(value)
    elif isinstance(urls, str):
        yield urls


def addresses_of(client: Any) -> frozenset[tuple[str, int]]:
    """Every (host, port) that a client's own urls name, without the closed port."""
    hostname = str(getattr(client, "hostname", None) or "")
    urls = (url.replace("{hostname}", hostname) for url in _leaves(client.urls.get("api")))
    return frozenset(address(url) for url in urls) - {address(CLOSED_HTTP)}


def session_for(
    exchange: str,
    authorities: str,
    *,
    allowed: frozenset[tuple[str, int]],
    suffixes: tuple[str, ...] = (),
    account_id: int | None = None,
) -> aiohttp.ClientSession:
    """A session that dials `allowed` (and https hosts ending in `suffixes`) only, takes no proxy from the environment,
    keeps no cookies, and obeys every ban. Must be called inside the event loop that uses it."""
    guard = _guard(exchange, allowed, suffixes, account_id)
    return aiohttp.ClientSession(
        connector=_connector(authorities),
        connector_owner=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        middlewares=(guard,),
    )


@lru_cache(maxsize=1)
def ssl_context(authorities: str) -> ssl.SSLContext:
    """One for all clients (trusting what the file names): making it takes as long as twenty requests."""
    return ssl.create_default_context(cafile=authorities)


_connectors: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.TCPConnector]" = weakref.WeakKeyDictionary()


def _connector(authorities: str) -> aiohttp.TCPConnector:
    """The running loop's connections, kept open for whichever account asks next; as many as there are sockets."""
    loop = asyncio.get_running_loop()
    found = _connectors.get(loop)
    if found is None or found.closed:
        found = _connectors[loop] = aiohttp.TCPConnector(limit=0, ssl=ssl_context(authorities), loop=loop)
    return found


async def connections_close() -> None:
    """Close the running loop's connections."""
    if (found := _connectors.pop(asyncio.get_running_loop(), None)) is not None:
        await found.close()


def _guard(
    exchange: str, allowed: frozenset[tuple[str, int]], suffixes: tuple[str, ...], account_id: int | None
) -> Callable[[Any, Any], Awaitable[aiohttp.ClientResponse]]:
    async def guard(request: Any, send: Any) -> aiohttp.ClientResponse:
        _dial_check(exchange, request.url, allowed, suffixes)
        _ban_check(exchange, account_id)
        request.headers.update(quirks_for(exchange.partition(":")[0]).expiry(request.url.path, request.headers))
        response: aiohttp.ClientResponse = await send(request)
        _limits_note(exchange, response, account_id)
        await _data_check(exchange, response)
        return response

    return guard


def _dial_check(exchange: str, url: Any, allowed: frozenset[tuple[str, int]], suffixes: tuple[str, ...]) -> None:
    host, port = url.host or "", url.port or 0
    if (host, port) in allowed or (url.scheme in ("https", "wss") and host.endswith(suffixes) and bool(suffixes)):
        return
    raise DialRefused(f"{exchange}: {host}:{port} is not a configured address, so it was not dialled.")


def _ban_check(exchange: str, account_id: int | None) -> None:
    try:
        budget.ban_check(exchange, account_id=account_id)
    except ExchangeNotSent as error:
        raise Barred(str(error), error.retry_after_s or 0.0) from None


async def _data_check(exchange: str, response: aiohttp.ClientResponse) -> None:
    """ccxt would read an empty answer, {} or a page as an empty list: no order, no balance. It says nothing at all."""
    if not 200 <= response.status < 300:
        return
    body = (await response.read()).strip()
    last_said.set(body)
    empty = body in (b"", b"{}") and not (body and response.url.path.endswith(SAYING_NOTHING))
    if not empty and body[:1] + body[-1:] in (b"{}", b"[]"):  # ccxt hands on what it cannot parse as a text
        return
    if body[:1] in (b"{", b"["):
        raise NoData(f"An answer of {exchange}'s server breaks off in the middle: nothing of it is believed.", body)
    what = "nothing" if empty else f"a page ({response.content_type})"
    raise NoData(f"{exchange}'s server answered with {what} instead of data: check its address.", body)


def _limits_note(exchange: str, response: aiohttp.ClientResponse, account_id: int | None) -> None:
    """Obey a ban, of the key alone where the exchange counts by key; and see how much of the limits is used."""
    limits, quirks = budget.limits_of(exchange), quirks_for(exchange.partition(":")[0])
    try:
        usages = list(quirks.usage(response.headers, limits, time.time()))
    except ValueError:  # headers that are no numbers
        usages = []
    budget.usage_seen(exchange, usages, account_id=account_id)
    if response.status not in (*quirks.bans_s, 503):
        return
    stated = _seconds(response.headers.get("Retry-After"))
    if stated is None and response.status == 503:
        return
    resets = max((usage.resets_s for usage in usages), default=0.0)
    of_key = response.status == 429 and limits.key is not None and not limits.keys_count
    seconds = stated if stated is not None else resets or quirks.bans_s[response.status]
    budget.ban_set(exchange, seconds, account_id=account_id if of_key else None)


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None
