"""Bybit spot (unified account, v5 API)."""

from collections.abc import Iterator, Mapping
from typing import Any

from accounts.exchanges.endpoints import Endpoints
from accounts.exchanges.quirks import bybit_stops
from accounts.exchanges.quirks.base import BANS_S, Allowed, KeyPermissions, Limits, Quirks, Usage
from accounts.exchanges.quirks.bybit_lists import OPEN_ORDERS, TRADES


def _urls(at: Endpoints) -> dict[str, Any]:
    private = f"{at.ws}/v5/private"
    return {
        **dict.fromkeys(("spot", "v2", "public", "private"), at.rest),
        "ws": {
            "public": {"spot": f"{at.ws}/v5/public/spot"},
            "private": {"spot": {"unified": private}, "contract": private, "trade": f"{at.ws_api}/v5/trade"},
        },
    }


async def _permissions(client: Any) -> KeyPermissions:
    answer = (await client.privateGetV5UserQueryApi()).get("result") or {}
    granted = answer.get("permissions")
    if not isinstance(granted, dict):
        return KeyPermissions(may_read=True)
    read_only = str(answer.get("readOnly")) == "1"
    ips = answer.get("ips") or ["*"]
    return KeyPermissions(
        may_read=True,
        may_trade=not read_only and "SpotTrade" in (granted.get("Spot") or []),
        may_withdraw=not read_only and any("withdraw" in str(one).lower() for one in granted.get("Wallet") or []),
        ip_restricted=ips != ["*"],
    )


def _usage(headers: Mapping[str, str], _limits: Limits, now_s: float) -> Iterator[Usage]:
    """Of the endpoint that was asked, by this key."""
    limit, left = headers.get("X-Bapi-Limit"), headers.get("X-Bapi-Limit-Status")
    if limit and left and float(limit) > 0:
        resets = float(headers.get("X-Bapi-Limit-Reset-Timestamp") or 0) / 1000 - now_s
        yield Usage(1 - float(left) / float(limit), min(max(resets, 0.0), 5.0), of_key=True)


async def _ready(client: Any) -> None:
    """Which kind of account it is: ccxt asks before each order and keeps the answer."""
    await client.is_unified_enabled()


async def _look(client: Any, order_id: str, client_order_id: str, symbol: str) -> Any:
    """By id in both lists: ccxt's are by state, and leave out what was cancelled in part."""
    wanted = {"orderId": order_id} if order_id else {"orderLinkId": client_order_id}
    return await bybit_stops.listed(client, symbol, wanted)


def _trade(trade: Any) -> Any:
    """ccxt takes the coin of a fee from the side of the trade, but the answer names it: with a discount it is MNT."""
    coin = (trade.get("info") or {}).get("feeCurrency")
    return {**trade, "fee": {**(trade.get("fee") or {}), "currency": coin}} if coin else trade


QUIRKS = Quirks(
    name="bybit",
    title="Bybit",
    urls=_urls,
    fee_field="execFee",
    options={
        "defaultType": "spot",
        "fetchMarkets": {"types": ["spot"]},
        "adjustForTimeDifference": True,
    },
    permissions=_permissions,
    stop_marks=('"retCode":10003', '"retCode":33004'),
    duplicate_marks=("OrderLinkedID is duplicate", '"retCode":170141', '"retCode":110072'),
    # Duplicates, "Submitted to the system for processing!", "Order creation timeout", "... cancellation timeout".
    unclear_codes=("10014", "12141", "110030", "110072", "140030", "170035", "170141", "170146", "170147", "170191"),
    stop_create=bybit_stops.create,
    stops_apart=bybit_stops.STOPS,
    fee_coin="MNT",
    balance_mark="result",
    account_ready=_ready,
    topics_at_once=10,
    order_look=_look,
    client_id_param="orderLinkId",
    trades=TRADES,
    open_orders=OPEN_ORDERS,
    trade_read=_trade,
    # 600 requests in 5 s from an address (each costs one unit or more); of a key what ccxt's costs are reckoned by.
    limits=Limits(Allowed(600.0, 5.0), key=Allowed(50.0, 1.0), orders=Allowed(20.0, 1.0)),
    usage=_usage,
    # "403, access too frequent": an address that asked too often is let in again ten minutes after it has stopped.
    bans_s={**BANS_S, 403: 600.0},
)
