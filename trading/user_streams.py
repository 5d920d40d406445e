"""User-data streams of accounts at an exchange: a bell, not a source of truth.

A stream's message only rings (`bell_ring`) and wakes the account, whose next turn reads its open orders and their
trades by REST under the account's lease. So a duplicated, reordered, late or lost message changes nothing, one code
path accounts every fill, and a stalled stream costs time (without it orders are looked at every ten seconds, stops
every minute), not money.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections
from django.db.models import Exists, OuterRef, Q

from accounts.crypto import sealed_mark
from accounts.exchanges.errors import (
    ExchangeError,
    ExchangeRefused,
    ExchangeRetry,
    ExchangeStopped,
    KeysClosed,
    translated,
)
from accounts.exchanges.factory import account_stream_client, account_stream_close, logging_in
from accounts.models import ExchangeAccount
from accounts.services.reverification import account_verify_soon
from trading.balance_bell import BalanceBell
from trading.models import Bot, Order, Position
from trading.services.reconciliation import bell_ring, check_want, stream_alive, stream_delivered, stream_lost
from trading.services.wakes import account_wake_now
from trading.wiring import fills_here

logger = logging.getLogger(__name__)
LOOK_S = 3.0
BACKOFF_S = (1.0, 60.0)
QUIET_S = 30.0  # without a message, a stream is looked at so often
IN_A_ROW = 3  # failures, without a message or a quiet time in between: whatever was said, the key is looked at


async def streams_watch(exchange: str, _loop: asyncio.AbstractEventLoop) -> None:
    """Keep one stream for each account of this exchange that trades there; runs inside the streams' event loop.

    With other keys it is another stream: the one of keys that were replaced or deleted ends.
    """
    running: dict[tuple[int, str], asyncio.Task[None]] = {}
    try:
        while True:
            accounts = await sync_to_async(_accounts_now)(exchange)
            if accounts is None:
                await asyncio.sleep(LOOK_S)
                continue
            wanted = {(account.pk, sealed_mark(account.sealed_credentials)): account for account in accounts}
            for key in running.keys() - wanted.keys():
                running.pop(key).cancel()
            for key, account in wanted.items():
                if key not in running or running[key].done():
                    running[key] = asyncio.create_task(_account_stream(account))
            await asyncio.sleep(LOOK_S)
    finally:
        for task in running.values():
            task.cancel()


def accounts_streamed(exchange: str) -> list[ExchangeAccount]:
    """Accounts whose orders rest at this exchange and that have a running bot, an open order or a position."""
    busy = (
        Q(Exists(Bot.objects.filter(account=OuterRef("pk"), status=Bot.Status.RUNNING, deleted_at=None)))
        | Q(Exists(Order.objects.filter(account=OuterRef("pk"), status__in=["pending", "unknown", "active"])))
        | Q(Exists(Position.objects.filter(account=OuterRef("pk"), status__in=["opening", "open", "closing"])))
    )
    rows = ExchangeAccount.objects.filter(busy, exchange=exchange, status=ExchangeAccount.Status.ACTIVE)
    return [row for row in rows if row.sealed_credentials and not fills_here(row)]


def _accounts_now(exchange: str) -> list[ExchangeAccount] | None:
    """The same; None while the database cannot be asked (it restarts): streams that run go on."""
    close_old_connections()  # this thread's own may be one to a server that is gone
    try:
        return accounts_streamed(exchange)
    except DatabaseError as error:
        logger.warning("whose user streams to keep cannot be read: %s; again in %.0f s", str(error).strip(), LOOK_S)
        return None
    finally:
        close_old_connections()


async def _account_stream(account: ExchangeAccount) -> None:
    wait, failed, balances = BACKOFF_S[0], 0, BalanceBell(account.pk, _ring)
    while True:
        try:
            async with aclosing(_messages(account, balances)) as messages:
                async for message in messages:
                    wait, failed = BACKOFF_S[0], 0
                    if message is not None:
                        await asyncio.to_thread(_ring, account.pk)
        except ExchangeRefused as error:
            wait = BACKOFF_S[1]
            logger.warning("account %s: %s Its orders are read by REST every few seconds instead.", account.pk, error)
        except ExchangeError as error:
            if isinstance(error, ExchangeStopped) and not isinstance(error, KeysClosed):
                wait = BACKOFF_S[1]
                await asyncio.to_thread(account_verify_soon, account_id=account.pk)
            failed -= isinstance(error, KeysClosed)  # our own master keys: nothing to ask the exchange about
            logger.warning("user stream of account %s: %s; again in %.0f s", account.pk, error, wait)
        except Exception as error:  # whatever a message makes ccxt stumble over: the orders are read anyway
            if isinstance(_meant(error), ExchangeStopped):
                wait = BACKOFF_S[1]
                await asyncio.to_thread(account_verify_soon, account_id=account.pk)
            logger.exception("user stream of account %s: a message does not parse; again in %.0f s", account.pk, wait)
        failed += 1
        if failed == IN_A_ROW:
            await asyncio.to_thread(account_verify_soon, account_id=account.pk)
        await account_stream_close(account)
        while not await asyncio.to_thread(_gap_told, account.pk):
            await asyncio.sleep(LOOK_S)
        await asyncio.sleep(BACKOFF_S[0] if balances.blamed else wait)
        wait = min(wait * 2, BACKOFF_S[1])


def _meant(error: BaseException) -> ExchangeError | None:
    """What the exchange said when ccxt stumbled over it: it answers a refused key with a KeyError."""
    from accounts.exchanges.error_map import translation

    return translation(error.__context__, "The user stream") if error.__context__ is not None else None


async def _messages(account: ExchangeAccount, balances: BalanceBell) -> AsyncGenerator[Any, None]:
    """What the stream says of orders; None when it said nothing for a while and is there. Balances ring beside it."""
    with translated("The user stream"):
        client = account_stream_client(account)
        await client.load_markets()
        async with balances.beside(client):
            while True:
                waiting = asyncio.ensure_future(client.watch_orders())
                try:
                    while not waiting.done():
                        await asyncio.wait({waiting}, timeout=QUIET_S)
                        if not waiting.done() and logging_in(client):
                            raise ExchangeRetry("The login was not answered.")
                        if not waiting.done() or waiting.exception() is None:
                            await asyncio.to_thread(stream_alive, account.pk)
                        if not waiting.done():
                            yield None
                finally:
                    waiting.cancel()
                yield waiting.result()


def _gap_told(account_id: int) -> bool:
    """What happened since may have been missed: look at its orders, and when it had delivered compare the account.

    False when that could not be stored, because the database or Redis is away: it must be told again.
    """
    close_old_connections()
    try:
        if stream_delivered(account_id):
            check_want(account_id, "a gap in its stream")
            stream_lost(account_id)
        _ring(account_id)
    except Exception as error:
        logger.warning("a gap in the stream of account %s could not be stored: %s", account_id, str(error).strip())
        return False
    finally:
        close_old_connections()
    return True


def _ring(account_id: int) -> None:
    bell_ring(account_id)
    account_wake_now(account_id)
