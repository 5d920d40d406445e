"""Order lists (OCO, selling) of `OtherBinance`: a LIMIT_MAKER above the market and a STOP_LOSS below it."""

from decimal import Decimal

from tests.exchange.refusals import Refusal

D = Decimal
OPEN = ("NEW", "PARTIALLY_FILLED")


def list_new(other, key, p):
    market, amount = other._market(p), D(p["quantity"])
    if (p["side"], p["aboveType"], p["belowType"]) != ("SELL", "LIMIT_MAKER", "STOP_LOSS"):
        raise Refusal(-1013, "Only a target and a stop that sell are known here.")
    above, below = D(p["abovePrice"]), D(p["belowStopPrice"])
    other._filters(market, "LIMIT", amount, above, below)
    if below % market.tick or not below < market.bid < above:
        raise Refusal(-2010, "The relationship of the prices for the orders is not correct.")
    names = (p["aboveClientOrderId"], p["belowClientOrderId"], p["listClientOrderId"])
    taken = {name for o in other.orders if o["status"] in OPEN for name in (o["client"], o.get("list_client"))}
    if len(set(names)) < 3 or taken & set(names):
        raise Refusal(-2010, "Duplicate order sent.")
    if other.accounts[key]["free"][market.base] < amount:
        raise Refusal(-2010, "Account has insufficient balance for requested action.")
    number = 41 + len(other.orders)
    legs = [("LIMIT_MAKER", names[0], above, D(0)), ("STOP_LOSS", names[1], D(0), below)]
    for kind, client, price, stop in legs:
        other.orders.append({
            "id": 7_000_001 + 13 * len(other.orders), "client": client, "key": key, "market": market, "side": "SELL",
            "kind": kind, "tif": "GTC", "amount": amount, "price": price, "stop": stop, "filled": D(0), "cost": D(0),
            "status": "NEW", "at": other.ms(), "updated": other.ms(), "list": number, "list_client": names[2],
        })  # fmt: skip
    other._lock(other.orders[-1], amount)  # once for both
    for order in other.orders[-2:]:
        other._tell(order)
    return _told(other, other.orders[-2:])


def list_cancel(other, key, p):
    named = ("list", p["orderListId"]) if "orderListId" in p else ("list_client", p["listClientOrderId"])
    legs = [o for o in other.orders if o["key"] == key and str(o.get(named[0])) == named[1]]
    live = [o for o in legs if o["status"] in OPEN]
    if not live or live[0]["market"].id != p["symbol"]:
        raise Refusal(-2011, "Unknown order sent.")
    other.order_cancel(key, {"symbol": p["symbol"], "orderId": str(live[0]["id"])})
    return _told(other, legs)


def begins(other, order, status="EXPIRED"):
    """One leg executes, or is cancelled: the other ends."""
    for leg in other.orders:
        if leg is not order and leg.get("list", -1) == order.get("list") and leg["status"] in OPEN:
            leg["status"], leg["updated"] = status, other.ms()
            other._tell(leg)


def stop_fires(other, order):
    begins(other, order)
    other._lock(order, -order["amount"])
    other._take(order)


def _told(other, legs):
    brief = [{"symbol": o["market"].id, "orderId": o["id"], "clientOrderId": o["client"]} for o in legs]
    done = all(o["status"] not in OPEN for o in legs)
    first = legs[0]
    return {
        "orderListId": first["list"], "contingencyType": "OCO", "listClientOrderId": first["list_client"],
        "listStatusType": "ALL_DONE" if done else "EXEC_STARTED",
        "listOrderStatus": "ALL_DONE" if done else "EXECUTING", "transactionTime": other.ms(),
        "symbol": first["market"].id, "orders": brief, "orderReports": [other.order_json(o) for o in legs],
    }  # fmt: skip
