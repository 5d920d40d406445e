"""MEXC, API v3: Binance's shape with its own symbols, ids that are text, and an answer to an order without fills."""

import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qsl

from tests.exchange.wires.base import KEY, OPEN, SECRET, Answer, Asked, D, Wire

CODES = {-2010: (30004, "Insufficient position"), -1013: (30002, "The minimum transaction volume cannot be less"),
         -1121: (10007, "bad symbol"), -2011: (-2011, "Unknown order sent.")}  # fmt: skip
STATES = {"2": ("NEW",), "3": ("FILLED",), "4": ("CANCELED",)}


class Mexc(Wire):
    exchange = "mexc"
    public = ("/api/v3/exchangeInfo", "/api/v3/time")
    order_route = "POST /api/v3/order"

    def __init__(self, core: Any) -> None:
        super().__init__(core)
        for market in core.markets.values():  # steps are told as numbers of decimals
            market.lot, market.tick = (D(10) ** value.adjusted() for value in (market.lot, market.tick))
        self.routes = {
            "GET /api/v3/exchangeInfo": self.info,
            "GET /api/v3/time": lambda _: {"serverTime": core.ms()},
            "GET /api/v3/account": self.account,
            "POST /api/v3/order": self.order_new,
            "GET /api/v3/order": self.order,
            "DELETE /api/v3/order": self.order_cancel,
            "GET /api/v3/openOrders": lambda asked: self.orders(asked, OPEN),
            "GET /api/v3/allOrders": self.history,
            "GET /api/v3/myTrades": self.trades,
        }

    def check(self, asked: Asked) -> None:
        if asked.headers.get("X-MEXC-APIKEY") != KEY:
            raise Answer({"code": 10072, "msg": "Api key info invalid"}, 400)
        text, _, signature = asked.query.partition("&signature=")
        if signature != hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest():
            raise Answer({"code": 700002, "msg": "Signature for this request is not valid."}, 400)
        p = dict(parse_qsl(text))
        if not -1000 < self.core.ms() - int(p["timestamp"]) <= int(p.get("recvWindow", 5000)):
            raise Answer({"code": 700003, "msg": "Timestamp for this request is outside of the recvWindow."}, 400)

    def refusal(self, code: int, message: str) -> Answer:
        code, words = (30026, "Duplicate clientOrderId") if "Duplicate" in message else CODES.get(code, (700001, ""))
        return Answer({"code": code, "msg": words}, 400)

    def info(self, _asked: Asked) -> Any:
        return {"timezone": "CST", "serverTime": self.core.ms(), "rateLimits": [], "exchangeFilters": [], "symbols": [
            {"symbol": m.id, "status": "1" if m.status == "TRADING" else "2", "baseAsset": m.base,
             "quoteAsset": m.quote, "baseAssetPrecision": -m.lot.normalize().as_tuple().exponent,
             "baseSizePrecision": f"{m.lot:f}", "quotePrecision": -m.tick.normalize().as_tuple().exponent,
             "quoteAssetPrecision": -m.tick.normalize().as_tuple().exponent, "baseCommissionPrecision": 8,
             "quoteCommissionPrecision": 8, "orderTypes": ["LIMIT", "MARKET", "LIMIT_MAKER"],
             "isSpotTradingAllowed": m.base != "ADA", "isMarginTradingAllowed": False, "permissions": ["SPOT"],
             "quoteAmountPrecision": f"{m.smallest:f}", "maxQuoteAmount": "2000000", "makerCommission": "0",
             "takerCommission": "0.0005", "filters": []}
            for m in self.core.markets.values()
        ]}  # fmt: skip

    def account(self, _asked: Asked) -> Any:
        return {"canTrade": True, "canWithdraw": True, "canDeposit": True, "updateTime": None, "accountType": "SPOT",
                "balances": self.core.balances(KEY), "permissions": ["SPOT"]}  # fmt: skip

    def order_new(self, asked: Asked) -> Any:
        p = asked.p
        if self.market(p["symbol"]).base == "ADA":
            raise Answer({"code": 10007, "msg": "symbol not support api"}, 400)
        taken = ("symbol", "side", "type", "quantity", "price", "newClientOrderId")
        order = self.place(**{name: p[name] for name in taken if name in p})
        return {"symbol": p["symbol"], "orderId": f"C02__{order['id']}", "orderListId": -1, "stpMode": "",
                "price": p.get("price", "0"), "origQty": p["quantity"], "type": p["type"], "side": p["side"],
                "transactTime": order["at"]}  # fmt: skip

    def _one(self, p: dict[str, str], code: int, message: str) -> Any:
        found = self.found(id=p.get("orderId", "").removeprefix("C02__"), client=p.get("origClientOrderId", ""))
        if found is None:
            raise Answer({"code": code, "msg": message}, 400)
        return found

    def order(self, asked: Asked) -> Any:
        return self._row(self._one(asked.p, -2013, "Order does not exist."))

    def order_cancel(self, asked: Asked) -> Any:
        order = self._one(asked.p, -2011, "Unknown order sent.")
        return self._row(self.cancelled(order))

    def orders(self, asked: Asked, states: tuple[str, ...]) -> Any:
        rows = [o for o in self.mine() if o["status"] in states and o["market"].id == asked.p["symbol"]]
        return [self._row(order) for order in rows]

    def history(self, asked: Asked) -> Any:
        return self.orders(asked, STATES.get(asked.p.get("states", ""), (*OPEN, "FILLED", "CANCELED")))

    def trades(self, asked: Asked) -> Any:
        wanted = asked.p.get("orderId", "").removeprefix("C02__")
        rows = [f for f in self.fills() if f["order"]["market"].id == asked.p["symbol"]]
        rows = [f for f in rows if wanted in ("", str(f["order"]["id"]))]
        begin, end = int(asked.p.get("startTime", 0)), int(asked.p.get("endTime", 10**15))
        rows = [f for f in rows if begin <= f["at"] <= end][-min(int(asked.p.get("limit", 100)), 100) :]
        return [
            {"symbol": f["order"]["market"].id, "id": str(f["id"]), "orderId": f"C02__{f['order']['id']}",
             "orderListId": -1, "price": f"{f['price']:f}", "qty": f"{f['amount']:f}", "time": f["at"],
             "quoteQty": f"{f['amount'] * f['price']:f}", "commission": f"{f['fee']:f}",
             "commissionAsset": f["fee_coin"], "isBuyer": f["order"]["side"] == "BUY", "isMaker": f["maker"],
             "isBestMatch": True, "isSelfTrade": False, "clientOrderId": f["order"]["client"]}
            for f in reversed(rows)
        ]  # fmt: skip

    def _row(self, order: Any) -> dict[str, Any]:
        cancelled = "PARTIALLY_CANCELED" if order["filled"] else "CANCELED"
        return {
            "symbol": order["market"].id, "orderId": f"C02__{order['id']}", "orderListId": -1,
            "clientOrderId": order["client"], "price": f"{order['price']:f}", "origQty": f"{order['amount']:f}",
            "executedQty": f"{order['filled']:f}", "cummulativeQuoteQty": f"{order['cost']:f}",
            "status": cancelled if order["status"] == "CANCELED" else order["status"], "timeInForce": "",
            "type": order["kind"], "side": order["side"], "stopPrice": "", "icebergQty": "", "isWorking": True,
            "time": order["at"], "updateTime": order["updated"], "origQuoteOrderQty": "0",
        }  # fmt: skip
