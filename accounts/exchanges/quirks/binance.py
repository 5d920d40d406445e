"""Binance spot."""

from collections.abc import Iterator, Mapping
from typing import Any

from accounts.exchanges.endpoints import Endpoints
from accounts.exchanges.errors import AnswerUnreadable
from accounts.exchanges.quirks import binance_pairs
from accounts.exchanges.quirks.base import Allowed, KeyPermissions, Limits, Quirks, Usage, stop_create
from accounts.exchanges.quirks.binance_lists import TRADES

WEIGHTS = 5  # request weights that one of ccxt's cost units stands for
SECONDS = {"SECOND": 1, "MINUTE": 60}


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


async def _limits(client: Any) -> Limits | None:
    """`rateLimits` of exchangeInfo, asked for one symbol: the whole list is megabytes, and ccxt keeps none of it."""
    rows = (await client.publicGetExchangeInfo({"symbol": "BTCUSDT"})).get("rateLimits") or []
    found = {row["rateLimitType"]: row for row in reversed(rows) if row.get("interval") in SECONDS}
    weight, orders = found.get("REQUEST_WEIGHT"), found.get("ORDERS")
    if weight is None:
        return None
    return Limits(
        Allowed(float(weight["limit"]) / WEIGHTS, _window(weight)),
        orders=None if orders is None else Allowed(float(orders["limit"]), _window(orders)),
    )


def _window(row: Any) -> float:
    return float(SECONDS[row["interval"]] * int(row["intervalNum"]))


def _usage(headers: Mapping[str, str], limits: Limits, now_s: float) -> Iterator[Usage]:
    """Windows are the clock's own minutes and tens of seconds."""
    if weight := headers.get("X-MBX-USED-WEIGHT-1M"):
        yield Usage(float(weight) / WEIGHTS / limits.address.amount, 60 - now_s % 60)
    if (count := headers.get("X-MBX-ORDER-COUNT-10S")) and limits.orders is not None:
        yield Usage(float(count) / limits.orders.amount, 10 - now_s % 10, of_key=True)


def _trade(trade: Any) -> Any:
    """Every fee has a coin here, if only one of zero."""
    if not (trade.get("info") or {}).get("commissionAsset"):
        raise AnswerUnreadable("A trade does not say in which coin its fee was.")
    return trade


QUIRKS = Quirks(
    name="binance",
    title="Binance",
    urls=_urls,
    fee_field="commission",
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
    stop_marks=('"code":-2015',),
    duplicate_marks=("Duplicate order sent",),
    unclear_codes=("-4116",),  # DUPLICATED_CLIENT_ORDER_ID
    fee_coin="BNB",
    balance_mark="balances",
    trades=TRADES,
    trade_read=_trade,
    # STOP_LOSS: one id from placing to the last fill, in the same lists as every order.
    stop_create=stop_create,
    pair_create=binance_pairs.create,
    pairs_apart=binance_pairs.PAIRS,
    pair_orders=2,
    target_words="a limit order, maker",
    limits=Limits(Allowed(6000 / WEIGHTS, 60.0), orders=Allowed(100.0, 10.0)),
    limits_stated=_limits,
    usage=_usage,
)
