"""Bybit spot (unified account, v5 API)."""

from typing import Any

from accounts.exchanges.endpoints import Endpoints
from accounts.exchanges.quirks.base import KeyPermissions, Quirks


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
)
