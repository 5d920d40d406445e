"""MEXC spot (v3 API)."""

from collections.abc import Sequence
from typing import Any

from accounts.exchanges.endpoints import Endpoints
from accounts.exchanges.errors import AnswerUnreadable
from accounts.exchanges.pages import Pages, Params
from accounts.exchanges.quirks.base import Allowed, Limits, Quirks

MOST = 100  # executions of an answer


def _urls(at: Endpoints) -> dict[str, Any]:
    return {"spot": {"public": at.rest, "private": at.rest}, "ws": {"spot": f"{at.ws}/ws"}}


def _prepare(client: Any) -> None:
    """ccxt always asks for the futures markets too, and no option turns that off.

    It does not know MEXC's code for an order that is not there, either ("Order does not exist.", told in its own issue
    21614): what never arrived would stay unclear for ever.
    """
    from ccxt.base.errors import OrderNotFound  # late, as all of ccxt

    client.exceptions["exact"]["-2013"] = OrderNotFound

    async def no_swap_markets(_params: dict[str, Any] | None = None) -> list[Any]:
        return []

    client.fetch_swap_markets = no_swap_markets


def _more(rows: Sequence[Any], params: Params) -> list[Params]:
    """Pages can be told apart by time alone: what is before the oldest row, and what is after the newest."""
    stamps = [int(row["timestamp"]) for row in rows]
    oldest, newest = min(stamps), max(stamps)
    if oldest == newest:
        raise AnswerUnreadable("MEXC lists a hundred executions of one millisecond, and may have more.")
    return [{**params, "endTime": oldest}, {**params, "startTime": newest}]


# MEXC tells what the account may do (canWithdraw), not what the key may do, so permissions stay unproven.
QUIRKS = Quirks(
    name="mexc",
    title="MEXC",
    urls=_urls,
    fee_field="commission",
    options={"defaultType": "spot", "adjustForTimeDifference": True},
    has_testnet=False,
    prepare=_prepare,
    stop_marks=('"code":10072', '"code":730001'),
    duplicate_marks=("Duplicate clientOrderId", '"code":30026'),
    # Among the kinds of orders a stop is "Query only" (Public API Definitions, Order type).
    unclear_codes=("513",),  # "Invalid request, please try again later"
    no_stop="Its spot API takes no stop orders: it only lists those that were placed on its website.",
    fee_coin="MX",
    trades=Pages(MOST, _more, lambda _client: {"limit": MOST}),
    balance_mark="balances",
    # One socket tells of 30 symbols at most, and ccxt takes its best bids and asks for something else.
    quotes_asked=True,
    # 500 weights in 10 s by address and by account, of which ccxt reckons 200 units; five orders a second.
    limits=Limits(Allowed(200.0, 10.0), key=Allowed(200.0, 10.0), orders=Allowed(5.0, 1.0)),
)
