"""OKX spot (v5 API)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.exchanges.endpoints import Endpoints
from accounts.exchanges.quirks import okx_stops
from accounts.exchanges.quirks.base import Allowed, KeyPermissions, Limits, Quirks
from accounts.exchanges.quirks.okx_lists import OPEN_ORDERS, TRADES

EXPIRY_MS = 10_000


def _urls(at: Endpoints) -> dict[str, Any]:
    return {"rest": at.rest, "ws": f"{at.ws}/ws/v5"}


async def _permissions(client: Any) -> KeyPermissions:
    rows = (await client.privateGetAccountConfig()).get("data") or [{}]
    text = str(rows[0].get("perm") or "").lower()
    if not text:
        return KeyPermissions()
    return KeyPermissions(
        may_read=True,
        may_trade="trade" in text,
        may_withdraw="withdraw" in text,
        ip_restricted=bool(rows[0].get("ip")),
    )


def _expiry(path: str, headers: Mapping[str, str]) -> dict[str, str]:
    """A signed time holds for 30 s here; orders take a header of their own (it is not signed)."""
    stamp = headers.get("OK-ACCESS-TIMESTAMP")
    if not stamp or not path.startswith("/api/v5/trade/"):
        return {}
    return {"expTime": str(int(datetime.fromisoformat(stamp).timestamp() * 1000) + EXPIRY_MS)}


QUIRKS = Quirks(
    name="okx",
    title="OKX",
    urls=_urls,
    fee_field="fee",
    options={
        "defaultType": "spot",
        "fetchMarkets": {"types": ["spot"]},
        "adjustForTimeDifference": True,
    },
    needs_passphrase=True,
    permissions=_permissions,
    stop_marks=('"code":"50111"', '"code":"50113"', '"code":"50105"'),
    duplicate_marks=('"sCode":"51016"', "Client order ID already exists"),
    unclear_codes=("51011", "51016"),  # "Duplicated order ID", "Duplicated client order ID"
    stop_create=okx_stops.create,
    stops_apart=okx_stops.STOPS,
    pair_create=okx_stops.create_pair,
    pairs_apart=okx_stops.STOPS,
    target_words="at the market, when touched",
    expiry=_expiry,
    trades=TRADES,
    open_orders=OPEN_ORDERS,
    # Signed endpoints count by account: 20 units in 2 s as ccxt reckons them, and 60 orders in 2 s.
    limits=Limits(Allowed(18.0, 2.0), key=Allowed(18.0, 2.0), orders=Allowed(60.0, 2.0), keys_count=False),
)
