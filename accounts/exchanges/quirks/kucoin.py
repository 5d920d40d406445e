"""KuCoin spot. Its sockets' host is named by the answer to a token request: refused unless it is an allowed one."""

from typing import Any

from accounts.exchanges.endpoints import Endpoints
from accounts.exchanges.quirks.base import KeyPermissions, Quirks


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


QUIRKS = Quirks(
    name="kucoin",
    title="KuCoin",
    urls=_urls,
    options={
        "defaultType": "spot",
        "uta": False,
        "fetchMarkets": {"types": ["spot"], "fetchTickersFees": False},
        "adjustForTimeDifference": True,
    },
    needs_passphrase=True,
    has_testnet=False,
    permissions=_permissions,
    socket_hosts=(".kucoin.com",),
    stop_marks=('"code":"400003"', '"code":"400004"'),
    duplicate_marks=("clientOid",),
    fee_coin="KCS",
)
