"""Binance spot."""

from typing import Any

from accounts.exchanges.endpoints import Endpoints
from accounts.exchanges.quirks.base import KeyPermissions, Quirks


def _urls(at: Endpoints) -> dict[str, Any]:
    rest = {"public": f"{at.rest}/api/v3", "private": f"{at.rest}/api/v3", "v1": f"{at.rest}/api/v1"}
    sapi = {"sapi": f"{at.sapi}/sapi/v1", "sapiV2": f"{at.sapi}/sapi/v2", "sapiV3": f"{at.sapi}/sapi/v3"}
    return rest | sapi | {"ws": {"spot": f"{at.ws}/ws", "ws-api": {"spot": f"{at.ws_api}/ws-api/v3"}}}


def _prepare(client: Any) -> None:
    """Binance's spot error table is chosen by host name in ccxt, so behind another host it would not apply."""
    client.exceptions["exact"].update(client.exceptions.get("spot", {}).get("exact", {}))


async def _permissions(client: Any) -> KeyPermissions:
    answer = await client.sapiGetAccountApiRestrictions()
    return KeyPermissions(
        may_read=answer.get("enableReading"),
        may_trade=answer.get("enableSpotAndMarginTrading"),
        may_withdraw=answer.get("enableWithdrawals"),
        ip_restricted=answer.get("ipRestrict"),
    )


QUIRKS = Quirks(
    name="binance",
    title="Binance",
    urls=_urls,
    options={
        "defaultType": "spot",
        "fetchMarkets": {"types": ["spot"]},
        "fetchCurrencies": False,
        "fetchMargins": False,
        "adjustForTimeDifference": True,
        "warnOnFetchOpenOrdersWithoutSymbol": False,
    },
    permissions=_permissions,
    prepare=_prepare,
    # ccxt calls a key that worked before and does not now a passing ban; a dead key must stop its account.
    stop_marks=('"code":-2015', '"code": -2015'),
    duplicate_marks=("Duplicate order sent",),
    fee_coin="BNB",
)
