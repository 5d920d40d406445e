"""The shape of an exchange's quirks file."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from accounts.exchanges.endpoints import Endpoints


@dataclass(frozen=True, slots=True)
class KeyPermissions:
    """What an API key may do, as far as the exchange says so; None where it does not say."""

    may_read: bool | None = None
    may_trade: bool | None = None
    may_withdraw: bool | None = None
    ip_restricted: bool | None = None


async def permissions_unknown(_client: Any) -> KeyPermissions:
    """For exchanges that do not tell a key what it may do."""
    return KeyPermissions()


def nothing_to_prepare(_client: Any) -> None:
    """For exchanges whose ccxt client is right as it is."""


@dataclass(frozen=True, slots=True)
class Quirks:
    """One exchange.

    `urls(endpoints)` is the part of ccxt's `urls['api']` that is in use, laid over an all-closed copy of it;
    `permissions(client)` reads what the key may do; `prepare(client)` adjusts a fresh client; `socket_hosts` are the
    endings of host names that the exchange's own answers may name for sockets; `stop_marks` are pieces of answers
    that mean a dead key whatever ccxt makes of them; `duplicate_marks` mean that the order id is already there;
    `fee_coin` is the exchange's own coin, which pays the fees of an account that holds it (and agreed to that).
    """

    name: str
    title: str
    urls: Callable[[Endpoints], dict[str, Any]]
    options: dict[str, Any] = field(default_factory=dict)
    needs_passphrase: bool = False
    has_testnet: bool = True
    permissions: Callable[[Any], Awaitable[KeyPermissions]] = permissions_unknown
    prepare: Callable[[Any], None] = nothing_to_prepare
    socket_hosts: tuple[str, ...] = ()
    stop_marks: tuple[str, ...] = ()
    duplicate_marks: tuple[str, ...] = ()
    fee_coin: str = ""
