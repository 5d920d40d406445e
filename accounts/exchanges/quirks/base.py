"""The shape of an exchange's quirks file."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.exchanges.endpoints import Endpoints
from accounts.exchanges.pages import WHOLE, Pages


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
class Allowed:
    """So many units in any `window_s` seconds."""

    amount: float
    window_s: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What an exchange allows, in ccxt's cost units: from one `address`, by one `key`, and new `orders` of one key
    (counted). `keys_count`: requests with a key count against the address, too."""

    address: Allowed
    key: Allowed | None = None
    orders: Allowed | None = None
    keys_count: bool = True


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer says of a limit: the share of it that is used, and when it begins anew."""

    share: float
    resets_s: float
    of_key: bool = False


UNSTATED = Limits(Allowed(20.0, 10.0))  # two units a second where an exchange states nothing


async def limits_unstated(_client: Any) -> Limits | None:
    """For exchanges that cannot be asked for their limits."""
    return None


def usage_untold(_headers: Mapping[str, str], _limits: Limits, _now_s: float) -> Iterable[Usage]:
    """For exchanges whose answers say nothing of it."""
    return ()


async def account_ready(_client: Any) -> None:
    """For exchanges whose signing clients need to know nothing of their account first."""


async def order_look(client: Any, order_id: str, client_order_id: str, symbol: str) -> Any:
    """One order by the exchange's id, or else by ours, open or closed, as ccxt reads it; it raises OrderNotFound."""
    return await client.fetch_order(order_id or None, symbol, {} if order_id else {"clientOrderId": client_order_id})


async def stop_create(client: Any, symbol: str, amount: str, stop_price: str, client_order_id: str) -> Any:
    """A stop that rests until the market falls to its price and sells at the market then, in ccxt's words."""
    params = {"stopLossPrice": stop_price, "clientOrderId": client_order_id}
    return await client.create_order(symbol, "market", "sell", amount, None, params)


def trade_as_read(trade: Any) -> Any:
    """For exchanges whose executions ccxt reads right."""
    return trade


def expiry_of_signature(_path: str, _headers: Mapping[str, str]) -> dict[str, str]:
    """For exchanges that refuse a request whose signed time is too old."""
    return {}


BANS_S = {429: 10.0, 418: 120.0}


@dataclass(frozen=True, slots=True)
class StopsApart:
    """Stops that an exchange keeps apart from its orders, or tells as several.

    `look(client, order_id, client_order_id, symbol)` finds one wherever it rests or ended, as the one order that was
    placed: under its own ids, with the sales of the orders that it sent and their trades; None when it is in no list.
    `open_too(client, symbol, rows)` makes of the open orders all that is open, such stops as one row each; `cancel`
    takes the same as `look`; `trades_told(client, symbol, rows)` are these trades under the ids of what was placed.
    `expires_s`: how long after it was signed such a request may still arrive.
    """

    look: Callable[[Any, str, str, str], Awaitable[Any]]
    open_too: Callable[[Any, str, list[Any]], Awaitable[list[Any]]]
    cancel: Callable[[Any, str, str, str], Awaitable[None]]
    trades_told: Callable[[Any, str, list[Any]], Awaitable[list[Any]]]
    expires_s: float


@dataclass(frozen=True, slots=True)
class Quirks:
    """One exchange.

    `urls(endpoints)` is the part of ccxt's `urls['api']` that is in use, laid over an all-closed copy of it;
    `permissions(client)` reads what the key may do; `prepare(client)` adjusts a fresh client; `socket_hosts` are the
    endings of host names that the exchange's own answers may name for sockets; `stop_marks` are pieces of answers
    that mean a dead key whatever ccxt makes of them; `duplicate_marks` mean that the order id is already there, and
    `unclear_codes` that the order may have been accepted, though ccxt takes them for refusals;
    `balance_mark` is the field of an answer about balances that holds them: without it nothing is known of them;
    `fee_coin` is the exchange's own coin, which pays the fees of an account that holds it (and agreed to that).
    `limits` are the documented ones, `limits_stated(client)` asks the exchange for them, and `usage(headers, limits,
    now_s)` reads what an answer says of their use (`now_s`: Unix time in seconds). `account_ready(client)` learns
    what a signing client must know of its account; `order_look(client, order_id, client_order_id, symbol)` finds one
    order, open or closed, or raises (or answers None) when it is not there; `client_id_param` names our id in a
    cancel; `trades` and `open_orders` are how the lists of executions and of open orders go on after a page;
    `trade_read(trade)` mends what ccxt misreads of one, and every trade says in its raw `fee_field` what its
    fee was, if only nothing; `expiry(path, headers)` are headers that have the exchange refuse the request later than
    `trading.brokers.live.EXPIRY` after it was signed, where the signed time does not.
    `stop_create(client, symbol, amount, stop_price, client_order_id)` places a stop that is looked up and
    cancelled like any other order, or as `stops_apart` says; None: `no_stop` says why, and the platform holds it.
    `pair_create(client, symbol, amount, stop_price, target_price, client_order_id)` places a stop and a target of
    which one sells, looked up and cancelled as `pairs_apart` says; it counts as `pair_orders` new orders, and
    `target_words` are how the target sells there.
    `bans_s`: which HTTP statuses ask us to wait, and for how many seconds where an answer does not say.
    `topics_at_once` is how many topics one request of a market socket may name (0: any),
    `quotes_asked` that quotes are asked for by REST instead: all in one light request.
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
    unclear_codes: tuple[str, ...] = ()
    fee_coin: str = ""
    balance_mark: str = "data"
    account_ready: Callable[[Any], Awaitable[None]] = account_ready
    order_look: Callable[[Any, str, str, str], Awaitable[Any]] = order_look
    client_id_param: str = "clientOrderId"
    trades: Pages = WHOLE
    open_orders: Pages = WHOLE
    trade_read: Callable[[Any], Any] = trade_as_read
    fee_field: str = ""
    stop_create: Callable[[Any, str, str, str, str], Awaitable[Any]] | None = None
    stops_apart: StopsApart | None = None
    no_stop: str = ""
    pair_create: Callable[[Any, str, str, str, str, str], Awaitable[Any]] | None = None
    pairs_apart: StopsApart | None = None
    pair_orders: int = 1
    target_words: str = ""
    expiry: Callable[[str, Mapping[str, str]], dict[str, str]] = expiry_of_signature
    topics_at_once: int = 0
    quotes_asked: bool = False
    limits: Limits = UNSTATED
    limits_stated: Callable[[Any], Awaitable[Limits | None]] = limits_unstated
    usage: Callable[[Mapping[str, str], Limits, float], Iterable[Usage]] = usage_untold
    bans_s: Mapping[int, float] = field(default_factory=lambda: BANS_S)

    @property
    def all_apart(self) -> tuple[StopsApart, ...]:
        """Whatever is kept apart, each once."""
        found = (self.stops_apart, self.pairs_apart)
        return tuple(dict.fromkeys(apart for apart in found if apart is not None))
