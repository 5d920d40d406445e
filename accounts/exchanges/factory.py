"""Unmodified ccxt clients, sealed to the configured hosts, reused per event loop.

`public_client(exchange)` and `public_stream_client(exchange)` carry no keys; `account_client(account)` and
`account_stream_client(account)` sign. All must be used inside the event loop they were made in: call these functions
in a coroutine (synchronous code wraps the whole coroutine in `accounts.exchanges.loop.run`). Every request of every
client spends from the budget and obeys bans by itself.
"""

import asyncio
import logging
import time
import weakref
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from django.conf import settings

from accounts.crypto import SealError, sealed_mark, unseal
from accounts.exchanges import budget, clocks, sealing
from accounts.exchanges.endpoints import Endpoints, endpoints_for
from accounts.exchanges.errors import ExchangeStopped, KeysClosed
from accounts.exchanges.lean_ccxt import client_class
from accounts.exchanges.modes import mode_check
from accounts.exchanges.quirks import Quirks, quirks_for
from accounts.models import ExchangeAccount
from accounts.scrub import scrub

log = logging.getLogger(__name__)
# What a request is asked once more when its turn has come, right before it leaves; it may raise, and nothing is sent.
before_sending: ContextVar[Callable[[], Awaitable[None]] | None] = ContextVar("before_sending", default=None)
# When it was asked (ms): the request is signed as of then, so that whatever delays it afterwards counts against its
# expiry at the exchange.
_turn_ms: ContextVar[int | None] = ContextVar("turn_ms", default=None)
_Cache = dict[tuple[Any, ...], tuple[str, Any]]  # key -> (fingerprint of what it was made from, client)
_caches: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Cache]" = weakref.WeakKeyDictionary()


def public_client(exchange: str, *, testnet: bool = False) -> Any:
    """The shared ccxt client of an exchange without keys (async). `testnet` asks its test network."""
    return _cached((exchange, "public", testnet), _where(exchange), lambda: _built(exchange, testnet=testnet))


def public_stream_client(exchange: str) -> Any:
    """The shared ccxt.pro client of an exchange without keys."""
    return _cached((exchange, "public-stream"), _where(exchange), lambda: _built(exchange, pro=True))


def account_client(account: ExchangeAccount) -> Any:
    """The ccxt client that signs for this account (async).

    Raises:
        ExchangeRefused: the account's mode is not allowed here, in words.
        ExchangeStopped: it has no keys.
        KeysClosed: they cannot be decrypted with the master keys of this process.

    """
    return _for_account(account, pro=False)


def account_stream_client(account: ExchangeAccount) -> Any:
    """The ccxt.pro client that signs for this account; raises as `account_client`."""
    return _for_account(account, pro=True)


async def account_stream_close(account: ExchangeAccount) -> None:
    """Close this account's streaming client in the running loop: the next one logs in and subscribes anew.

    ccxt keeps what it waits for beyond a failure, and would wait for the answer to a login that was refused for ever.
    """
    found = _caches.get(_this_loop(), {}).pop((account.exchange, "account", account.pk, True), None)
    if found is not None:
        await _close(found[1])


def logging_in(client: Any) -> bool:
    """Whether a socket of this client still waits for the answer to its login."""
    return _awaits(client, "authenticat")


def orders_watched(client: Any) -> bool:
    """Whether a socket of this client waits for news of orders: nothing stands before that any more."""
    return _awaits(client, "order")


def _awaits(client: Any, beginning: str) -> bool:
    waiting = (pair for socket in client.clients.values() for pair in socket.futures.items())
    return any(str(name).startswith(beginning) and not future.done() for name, future in waiting)


def client_forget(account: ExchangeAccount) -> None:
    """Close this account's clients in every loop of this process (its keys were replaced or removed)."""
    for loop, cache in list(_caches.items()):
        for key in [key for key in cache if key[1] == "account" and key[2] == account.pk]:
            _, client = cache.pop(key)
            if not loop.is_closed():
                asyncio.run_coroutine_threadsafe(_close(client), loop)


async def clients_close() -> None:
    """Close every client of the running loop (call before a loop of your own ends)."""
    cache = _caches.pop(asyncio.get_running_loop(), {})
    await asyncio.gather(*(_close(client) for _, client in cache.values()), return_exceptions=True)
    await sealing.connections_close()


def _for_account(account: ExchangeAccount, *, pro: bool) -> Any:
    mode_check(exchange=account.exchange, mode=account.mode, live_enabled=account.live_enabled)
    if account.status == ExchangeAccount.Status.REMOVED or not account.sealed_credentials:
        client_forget(account)
        raise ExchangeStopped("This account has no API keys: add them first.")
    return _cached(
        (account.exchange, "account", account.pk, pro),
        f"{account.mode} {sealed_mark(account.sealed_credentials)}",
        lambda: _built(account.exchange, account=account, pro=pro),
    )


def _where(exchange: str) -> str:
    """What a client without keys is made from: the servers it asks."""
    return repr(endpoints_for(exchange))


def _cached(key: tuple[Any, ...], made_of: str, build: Callable[[], Any]) -> Any:
    loop = _this_loop()
    cache = _caches.setdefault(loop, {})
    fingerprint, client = cache.get(key, ("", None))
    if client is not None and fingerprint == made_of and not client.closed_by_user:
        return client
    if client is not None:
        loop.create_task(_close(client))
    cache[key] = (made_of, build())
    return cache[key][1]


def _this_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "Exchange clients are made inside an event loop: wrap the whole coroutine in accounts.exchanges.loop.run()."
        ) from None


def _built(exchange: str, *, testnet: bool = False, account: ExchangeAccount | None = None, pro: bool = False) -> Any:
    quirks, endpoints = quirks_for(exchange), endpoints_for(exchange)
    client = client_class(exchange, pro=pro)(_config(quirks, account))
    if testnet or (account is not None and account.mode == ExchangeAccount.Mode.TESTNET):
        client.set_sandbox_mode(True)
    quirks.prepare(client)
    place = f"{exchange}:testnet" if client.isSandboxModeEnabled else exchange  # a testnet has limits of its own
    _sealed(client, quirks, endpoints, account, place)
    client.throttler = _throttler(place, account.pk if account else None)
    client.log = _log
    if account is not None:
        client.nonce = _nonce(client, exchange, testnet=bool(client.isSandboxModeEnabled))
    if account is not None or pro:
        _share_markets(client, exchange, testnet=bool(client.isSandboxModeEnabled), signs=account is not None)
    else:
        _limits_learn(client, quirks, place)
    return client


def _log(*words: Any) -> None:
    """What ccxt would print when it is made verbose goes to the log, scrubbed whoever writes it."""
    log.debug(scrub(" ".join(str(word) for word in words)))


def _config(quirks: Quirks, account: ExchangeAccount | None) -> dict[str, Any]:
    config: dict[str, Any] = {
        "enableRateLimit": True,
        "timeout": int(settings.XRAY_EXCHANGE_TIMEOUT_S * 1000),
        "asyncio_loop": asyncio.get_running_loop(),
        "aiohttp_trust_env": False,
        "options": {**quirks.options, "maxRetriesOnFailure": 0},
        # Currencies are asked with keys, or cost a request of their own, and nothing needs them.
        "has": {"fetchCurrencies": False},
        "session": None,
    }
    return config | (_credentials(account) if account is not None else {})


def _credentials(account: ExchangeAccount) -> dict[str, str]:
    try:
        values = unseal(account.sealed_credentials)
    except SealError as error:
        raise KeysClosed(f"The keys of this account cannot be decrypted: {error}") from error
    return {
        "apiKey": values.get("api_key", ""),
        "secret": values.get("api_secret", ""),
        "password": values.get("passphrase", ""),
    }


def _sealed(
    client: Any, quirks: Quirks, endpoints: Endpoints | None, account: ExchangeAccount | None, place: str
) -> None:
    if endpoints is not None:
        sealing.urls_override(client, quirks, endpoints)
    client.session = sealing.session_for(
        place,
        client.cafile,
        allowed=sealing.addresses_of(client),
        suffixes=() if endpoints is not None else quirks.socket_hosts,
        account_id=account.pk if account else None,
    )
    client.own_session, client.ssl_context = False, sealing.ssl_context(client.cafile)


def _throttler(place: str, account_id: int | None) -> Callable[..., Any]:
    async def throttle(cost: float | None = None) -> None:
        if account_id is not None and clocks.due(place):
            await _clock_measure(place)
        await budget.spend(place, 1.0 if cost is None else cost, account_id=account_id)
        if account_id is not None and (check := before_sending.get()) is not None:
            _turn_ms.set(time.time_ns() // 1_000_000)
            await check()

    return throttle


async def _clock_measure(place: str) -> None:
    """How far the exchange's clock is from ours, once for all its clients (they look when they sign)."""
    clocks.measured(place)
    exchange, _, network = place.partition(":")
    try:
        await public_client(exchange, testnet=bool(network)).load_time_difference()
    except Exception as error:
        log.warning("the clock of %s could not be measured: %s", place, scrub(str(error)))


def _nonce(client: Any, exchange: str, *, testnet: bool) -> Callable[[], int]:
    """ccxt's own time stamp for a request, by the shared measure of the exchange's clock, and never younger than what
    was checked before sending it."""
    own = client.nonce

    def nonce() -> int:
        difference = public_client(exchange, testnet=testnet).options.get("timeDifference", 0)
        client.options["timeDifference"] = difference
        turn, stamp = _turn_ms.get(), int(own())
        return stamp if turn is None else stamp - max(int(client.milliseconds()) - turn, 0)

    return nonce


def _limits_learn(client: Any, quirks: Quirks, place: str) -> None:
    """Before its markets an exchange is asked for its limits, where it states them."""
    own, asked = client.load_markets, False

    async def load_markets(reload: bool = False, params: dict[str, Any] | None = None) -> Any:
        nonlocal asked
        if reload or not asked:
            asked = True
            await _limits_ask(client, quirks, place)
            clocks.measured(place)  # ccxt does it with the markets
        return await own(reload, params or {})

    client.load_markets = load_markets


async def _limits_ask(client: Any, quirks: Quirks, place: str) -> None:
    token = budget.purpose.set(budget.Purpose.URGENT)  # what is held may be held for want of this answer
    try:
        budget.limits_set(place, await quirks.limits_stated(client))
    except Exception as error:
        log.warning("%s does not state its limits (%s); the documented ones hold.", place, scrub(str(error)))
    finally:
        budget.purpose.reset(token)


def _share_markets(client: Any, exchange: str, *, testnet: bool, signs: bool) -> None:
    """One market load per exchange: signing and streaming clients take the markets of the public one."""
    ready = False

    async def load_markets(reload: bool = False, params: dict[str, Any] | None = None) -> Any:
        nonlocal ready
        if not client.markets or reload:
            source = public_client(exchange, testnet=testnet)
            await source.load_markets(reload, params or {})
            client.set_markets_from_exchange(source)
        if signs and not ready:
            await quirks_for(exchange).account_ready(client)
            ready = True
        return client.markets

    client.load_markets = load_markets


async def _close(client: Any) -> None:
    session = client.session
    await client.close()
    if session is not None:
        await session.close()
