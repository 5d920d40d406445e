"""Bybit, API v5 (unified account): signed by hex HMAC of time, key, window and query or body; retCode and result."""

import hashlib
import hmac
from typing import Any

from tests.exchange.wires.base import KEY, OPEN, SECRET, Answer, Asked, Wire

CODES = {-2010: (170131, "Balance insufficient."), -1013: (170140, "Order value exceeded lower limit."),
         -1121: (170121, "Invalid symbol."), -2011: (170213, "Order does not exist.")}  # fmt: skip
TIMES = {"LIMIT_MAKER": "PostOnly", "STOP": "IOC"}
STATES = {"NEW": "New", "PARTIALLY_FILLED": "PartiallyFilled", "FILLED": "Filled", "WAITING": "Untriggered"}


class Bybit(Wire):
    exchange = "bybit"
    public = ("/v5/market/instruments-info", "/v5/market/time")
    order_route = stop_route = "POST /v5/order/create"

    def __init__(self, core: Any) -> None:
        super().__init__(core)
        self.routes = {
            "GET /v5/market/instruments-info": self.instruments,
            "GET /v5/market/time": self.time,
            "GET /v5/user/query-api": self.api_key,
            "GET /v5/account/info": lambda _: _ok({"unifiedMarginStatus": 4, "marginMode": "REGULAR_MARGIN"}),
            "GET /v5/account/wallet-balance": self.balance,
            "POST /v5/order/create": self.order_new,
            "POST /v5/order/cancel": self.order_cancel,
            "GET /v5/order/realtime": lambda asked: self.orders(asked, recent=True),
            "GET /v5/order/history": lambda asked: self.orders(asked, recent=False),
            "GET /v5/execution/list": self.executions,
        }

    def check(self, asked: Asked) -> None:
        head = asked.headers
        stamp, window = head.get("X-BAPI-TIMESTAMP", "0"), head.get("X-BAPI-RECV-WINDOW", "5000")
        if head.get("X-BAPI-API-KEY") != KEY:
            raise _no(10003, "API key is invalid.")
        text = f"{stamp}{KEY}{window}{asked.body or asked.query}"
        if head.get("X-BAPI-SIGN") != hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest():
            raise _no(10004, "error sign! please check your signature generation algorithm.")
        if not self.core.ms() - int(window) <= int(stamp) < self.core.ms() + 1000:
            raise _no(10002, "invalid request, please check your server timestamp or recv_window param.")

    def refusal(self, code: int, message: str) -> Answer:
        return _no(170141, "Duplicate clientOrderId") if "Duplicate" in message else _no(*CODES.get(code, (10001, "")))

    def time(self, _asked: Asked) -> Any:
        now = self.core.ms()
        return _ok({"timeSecond": str(now // 1000), "timeNano": str(now * 1_000_000)}) | {"time": now}

    def api_key(self, _asked: Asked) -> Any:
        permissions = {"Spot": ["SpotTrade"], "Wallet": [], "ContractTrade": []}
        return _ok({"readOnly": 0, "permissions": permissions, "ips": ["*"], "uta": 1, "unified": 0, "userID": 7})

    def instruments(self, _asked: Asked) -> Any:
        return _ok({"category": "spot", "list": [
            {"symbol": m.id, "baseCoin": m.base, "quoteCoin": m.quote, "innovation": "0", "marginTrading": "none",
             "status": "Trading" if m.status == "TRADING" else "Closed",
             "lotSizeFilter": {"basePrecision": f"{m.lot:f}", "quotePrecision": "0.00000001",
                               "minOrderQty": f"{m.lot:f}", "maxOrderQty": "90000000",
                               "minOrderAmt": f"{m.smallest:f}", "maxOrderAmt": "9000000"},
             "priceFilter": {"tickSize": f"{m.tick:f}"}}
            for m in self.core.markets.values()
        ]})  # fmt: skip

    def balance(self, _asked: Asked) -> Any:
        coins = [
            {"coin": row["asset"], "walletBalance": f"{float(row['free']) + float(row['locked']):.8f}",
             "equity": f"{float(row['free']) + float(row['locked']):.8f}", "locked": row["locked"], "free": "",
             "availableToWithdraw": "", "totalOrderIM": "0", "borrowAmount": "0"}
            for row in self.core.balances(KEY)
        ]  # fmt: skip
        return _ok({"list": [{"accountType": "UNIFIED", "totalEquity": "1", "coin": coins}]})

    def order_new(self, asked: Asked) -> Any:
        p = asked.p
        if p.get("orderFilter", "Order") != "Order" or "triggerPrice" in p:
            return self.stop_new(p)
        if p["category"] != "spot" or (p["orderType"] == "Market" and p.get("marketUnit", "") != "baseCoin"):
            raise _no(170130, "a market order of ours whose amount is not in base coin")
        maker = p.get("timeInForce") == "PostOnly"
        order = self.place(
            symbol=p["symbol"], side=p["side"].upper(), quantity=p["qty"], newClientOrderId=p["orderLinkId"],
            type="LIMIT_MAKER" if maker else p["orderType"].upper(), price=p.get("price", "0"),
        )  # fmt: skip
        return _ok({"orderId": str(order["id"]), "orderLinkId": order["client"]})

    def is_stop(self, name: str, asked: Asked) -> bool:
        return name == self.stop_route and "triggerPrice" in asked.p

    def stop_new(self, p: Any) -> Any:
        """A conditional order: one order for life, which takes no coins before it is triggered."""
        ours = {"category": "spot", "side": "Sell", "orderType": "Market", "marketUnit": "baseCoin",
                "orderFilter": "StopOrder"}  # fmt: skip
        if not ours.items() <= p.items() or {"triggerDirection", "reduceOnly", "price"} & p.keys():
            raise _no(170130, "no stop of ours")
        if self.found(client=p["orderLinkId"]) is not None:
            raise self.refusal(-2010, "Duplicate")
        order = self.core.order_waits(
            KEY, self.market(p["symbol"]), side="SELL", amount=p["qty"], client=p["orderLinkId"], stop=p["triggerPrice"]
        )
        return _ok({"orderId": str(order["id"]), "orderLinkId": order["client"]})

    def order_cancel(self, asked: Asked) -> Any:
        order = self.found(id=asked.p.get("orderId", ""), client=asked.p.get("orderLinkId", ""))
        kind = "Order" if order is None or order["status"] != "WAITING" else "StopOrder"
        if order is None or kind != asked.p.get("orderFilter", "Order"):
            raise _no(170213, "Order does not exist.")
        if kind == "Order":
            self.cancelled(order)
        else:
            order["status"], order["updated"] = "CANCELED", self.core.ms()
        return _ok({"orderId": str(order["id"]), "orderLinkId": order["client"]})

    def orders(self, asked: Asked, *, recent: bool) -> Any:
        """`realtime` has what is open, and by id what closed lately; `history` has what is closed: all kinds of both,
        unless one is named."""
        p, one = asked.p, asked.p.keys() & {"orderId", "orderLinkId"}
        rows = [o for o in self.mine() if p.get("symbol") in (None, o["market"].id)]
        if one:
            rows = [self.found(id=p.get("orderId", ""), client=p.get("orderLinkId", ""))]
        states = (*OPEN, "WAITING")
        rows = [o for o in rows if o is not None and ((o["status"] in states) == recent or (recent and one))]
        if self.unlisted:
            rows = [o for o in rows if o["status"] in states or "stop" not in o]
        rows = [o for o in rows if p.get("orderFilter") in (None, "StopOrder" if "stop" in o else "Order")]
        rows = [o for o in rows if p.get("orderStatus") in (None, self._status(o))]
        page, cursor = self._page(asked, [self._row(order) for order in rows], 20, 50)
        return _ok({"category": "spot", "nextPageCursor": cursor, "list": page})

    def _page(self, asked: Asked, rows: list[Any], few: int, most: int) -> tuple[list[Any], str]:
        """So many rows as are asked for, and the cursor of the next ones: as it is told, it is sent back."""
        size, begin = min(int(asked.p.get("limit", few)), most), int(asked.p.get("cursor", "0:").split(":")[0])
        end = begin + size
        cursor = f"{end}%3A1%2C{end}%3A1" if end < len(rows) else ""
        return rows[begin:end], cursor

    def executions(self, asked: Asked) -> Any:
        p = asked.p
        rows = [f for f in self.fills() if p.get("orderId") in (None, str(f["order"]["id"]))]
        rows = [f for f in rows if p.get("orderLinkId") in (None, f["order"]["client"])]
        rows = [f for f in rows if p.get("symbol") in (None, f["order"]["market"].id)]
        begin = int(p.get("startTime", 0))
        rows = [f for f in rows if not begin or begin <= f["at"] <= int(p.get("endTime", begin + 7 * 86_400_000))]
        page, cursor = self._page(asked, list(reversed(rows)), 50, 100)
        return _ok({"category": "spot", "nextPageCursor": cursor, "list": [
            {"symbol": f["order"]["market"].id, "execId": str(f["id"]), "execPrice": f"{f['price']:f}",
             "execQty": f"{f['amount']:f}", "execFee": f"{f['fee']:f}", "feeCurrency": f["fee_coin"],
             "execValue": f"{f['price'] * f['amount']:f}", "isMaker": f["maker"], "execTime": str(f["at"]),
             "orderId": str(f["order"]["id"]), "orderLinkId": f["order"]["client"], "execType": "Trade",
             "side": f["order"]["side"].title(), "orderType": "Market", "leavesQty": "0", "feeRate": "0.00075"}
            for f in page
        ]})  # fmt: skip

    @staticmethod
    def _status(order: Any) -> str:
        if order["status"] == "CANCELED":
            untriggered = "Deactivated" if order["kind"] == "STOP" else "Cancelled"
            return "PartiallyFilledCanceled" if order["filled"] else untriggered
        return STATES[str(order["status"])]

    def _row(self, order: Any) -> dict[str, Any]:
        return {
            "orderId": str(order["id"]), "orderLinkId": order["client"], "symbol": order["market"].id,
            "side": order["side"].title(),
            "orderType": "Market" if order["kind"] in ("MARKET", "STOP") else "Limit",
            "stopOrderType": "Stop" if "stop" in order else "", "triggerPrice": f"{order.get('stop', 0):f}",
            "price": f"{order['price']:f}", "qty": f"{order['amount']:f}", "orderStatus": self._status(order),
            "timeInForce": TIMES.get(order["kind"], "GTC"), "avgPrice": self.average(order),
            "cumExecQty": f"{order['filled']:f}", "cumExecValue": f"{order['cost']:f}", "rejectReason": "EC_NoError",
            "leavesQty": f"{order['amount'] - order['filled']:f}", "createdTime": str(order["at"]),
            "updatedTime": str(order["updated"]), "marketUnit": "baseCoin", "cumExecFee": f"{self.fee(order)[0]:f}",
        }  # fmt: skip


def _ok(result: Any) -> dict[str, Any]:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 0}


def _no(code: int, message: str) -> Answer:
    return Answer({"retCode": code, "retMsg": message, "result": {}, "retExtInfo": {}, "time": 0})
