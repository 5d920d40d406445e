"""KuCoin spot. Its sockets' host is named by the answer to a token request: refused unless it is an allowed one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from accounts.exchanges.endpoints import Endpoints
from accounts.exchanges.pages import DAY_MS, Pages, Params, raw_number
from accounts.exchanges.quirks.base import Allowed, KeyPermissions, Limits, Quirks, Usage

PUBLIC_POOL = 2000.0
MOST = 100  # rows of an answer


def _urls(at: Endpoints) -> dict[str, Any]:
    rest = dict.fromkeys(("public", "private", "uta", "utaV2", "utaPrivate"), at.rest)
    return rest | {"ws": {"spot": at.ws, "private": at.ws}}


async def _permissions(client: Any) -> KeyPermissions:
    answer = (await client.privateGetUserApiKey()).get("data") or {}
    text = str(answer.get("permission") or "").lower()
    if not text:
        return KeyPermissions()
    return KeyPermissions(
        may_read=True,
        may_trade="spot" in text or "trade" in text,
        may_withdraw="withdraw" in text,
        ip_restricted=bool(answer.get("ipWhitelist")),
    )


def _usage(headers: Mapping[str, str], limits: Limits, _now_s: float) -> Iterator[Usage]:
    """Of the pool that was asked: the public one by address, the spot one by account."""
    limit, left = headers.get("gw-ratelimit-limit"), headers.get("gw-ratelimit-remaining")
    if limit and left and float(limit) > 0:
        resets = min(max(float(headers.get("gw-ratelimit-reset") or 0) / 1000, 0.0), 30.0)
        yield Usage(1 - float(left) / float(limit), resets, of_key=float(limit) != PUBLIC_POOL)


async def _ready(client: Any) -> None:
    """Whether it trades as a high-frequency account: orders and balances are elsewhere then."""
    await client.load_migration_status()


def _fast(client: Any) -> bool:
    return bool(client.options.get("hf"))


def _asked(client: Any) -> Params:
    return {"limit": MOST} if _fast(client) else {"pageSize": MOST, "currentPage": 1}


def _open_asked(client: Any) -> Params:
    """A high-frequency account's come in one piece."""
    return {} if _fast(client) else _asked(client)


def _more(rows: Sequence[Any], params: Params) -> list[Params]:
    """Pages have numbers; a high-frequency account's go down from the last row of the one before."""
    if "currentPage" in params:
        return [{**params, "currentPage": params["currentPage"] + 1}]
    return [{**params, "lastId": min(raw_number(row, "id") for row in rows)}]


def _more_open(rows: Sequence[Any], params: Params) -> list[Params]:
    return _more(rows, params) if "currentPage" in params else []


QUIRKS = Quirks(
    name="kucoin",
    title="KuCoin",
    urls=_urls,
    fee_field="fee",
    options={
        "defaultType": "spot",
        "uta": False,
        "fetchMarkets": {"types": ["spot"], "fetchTickersFees": False},
        "watchBalance": {"fetchBalanceSnapshot": False},  # a REST request of its own; balances are read elsewhere
        "adjustForTimeDifference": True,
    },
    needs_passphrase=True,
    has_testnet=False,
    permissions=_permissions,
    socket_hosts=(".kucoin.com",),
    stop_marks=('"code":"400003"', '"code":"400004"'),
    duplicate_marks=("clientOid",),
    unclear_codes=("126033", "126044", "408000"),  # "Duplicate order", "clientOid duplicate", "Network timeout"
    # Stops are in lists of their own (`/api/v1/stop-order`, ids `vs...`). Of one that was set off the documentation
    # says the `status` TRIGGERED, and not a word about its `relatedNo`; no recorded answer tells which `id` and
    # `clientOid` its sale has in a high-frequency account (`/api/v1/hf/orders`).
    no_stop="Its documentation does not say under which id the order is found that a stop sends when it is set off.",
    fee_coin="KCS",
    account_ready=_ready,
    trades=Pages(MOST, _more, _asked, 7 * DAY_MS),
    open_orders=Pages(MOST, _more_open, _open_asked),
    topics_at_once=100,
    # 4000 of the spot pool in 30 s by an account, 2000 of the public one by an address.
    limits=Limits(Allowed(PUBLIC_POOL, 30.0), key=Allowed(4000.0, 30.0), keys_count=False),
    usage=_usage,
)
