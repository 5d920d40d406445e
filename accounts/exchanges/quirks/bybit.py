"""Bybit spot (unified account, v5 API)."""

from collections.abc import Iterator, Mapping
from typing import Any

from accounts.exchanges.endpoints import Endpoints
from accounts.exchanges.quirks.base import Allowed, KeyPermissions, Limits, Quirks, Usage


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


QUIRKS = Quirks(
    name="bybit",
    title="Bybit",
    urls=_urls,
    options={
        "defaultType": "spot",
        "fetchMarkets": {"types": ["spot"]},
        "adjustForTimeDifference": True,
    },
    permissions=_permissions,
    stop_marks=('"retCode":10003', '"retCode":33004'),
    duplicate_marks=("OrderLinkedID is duplicate", '"retCode":170141', '"retCode":110072'),
    fee_coin="MNT",
    balance_mark="result",
    # 600 requests in 5 s from an address (each costs one unit or more); of a key what ccxt's costs are reckoned by.
    limits=Limits(Allowed(600.0, 5.0), key=Allowed(50.0, 1.0), orders=Allowed(20.0, 1.0)),
    usage=_usage,
)
