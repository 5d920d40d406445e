"""KuCoin, spot of a high-frequency account: signed by base64 HMAC, the passphrase too; codes of six digits."""

import base64
import hashlib
import hmac
from typing import Any

from tests.exchange.wires.base import KEY, OPEN, PASSPHRASE, SECRET, Answer, Asked, Wire

CODES = {-2010: ("200004", "Balance insufficient!"), -1013: ("400100", "The order funds should more then 10."),
         -1121: ("900001", "symbol not exists"), -2011: ("400100", "order cannot be canceled.")}  # fmt: skip


class Kucoin(Wire):
    exchange, has_passphrase = "kucoin", True
    public = ("/api/v2/symbols", "/api/v1/timestamp", "/api/v1/market/allTickers")
    order_route = "POST /api/v1/hf/orders"

    def __init__(self, core: Any) -> None:
        super().__init__(core)
        v1 = "/api/v1"
        self.routes = {
            "GET /api/v2/symbols": self.symbols,
            f"GET {v1}/market/allTickers": lambda _: _ok({"time": core.ms(), "ticker": []}),
            f"GET {v1}/timestamp": lambda _: _ok(core.ms()),
            "GET /api/ua/v1/account/mode": lambda _: _ok({"selfAccountMode": "CLASSIC"}),
            f"GET {v1}/hf/accounts/opened": lambda _: _ok(True),
            f"GET {v1}/user/api-key": lambda _: _ok({"permission": "General,Spot", "ipWhitelist": "", "apiVersion": 3}),
            f"GET {v1}/accounts": self.accounts,
            f"POST {v1}/hf/orders": self.order_new,
            f"GET {v1}/hf/orders/*": self.order,
            f"GET {v1}/hf/orders/active": lambda asked: _ok(self._rows(asked, OPEN)),
            f"GET {v1}/hf/orders/done": self.done,
            f"GET {v1}/hf/orders/client-order/*": self.order_by_client,
            f"DELETE {v1}/hf/orders/*": self.cancel,
            f"DELETE {v1}/hf/orders/client-order/*": self.cancel_by_client,
            f"GET {v1}/hf/fills": self.hf_fills,
        }

    def check(self, asked: Asked) -> None:
        head, stamp = asked.headers, asked.headers.get("KC-API-TIMESTAMP", "0")
        if head.get("KC-API-KEY") != KEY:
            raise _no("400003", "KC-API-KEY not exists", 401)
        if head.get("KC-API-PASSPHRASE") != _mac(PASSPHRASE):
            raise _no("400004", "KC-API-PASSPHRASE invalid", 401)
        if head.get("KC-API-SIGN") != _mac(f"{stamp}{asked.method}{asked.target}{asked.body}"):
            raise _no("400005", "Signature is not valid", 401)
        if abs(self.core.ms() - int(stamp)) > 5000:
            raise _no("400002", "KC-API-TIMESTAMP Invalid", 401)

    def refusal(self, code: int, message: str) -> Answer:
        return _no("400100", "clientOid already exists") if "Duplicate" in message else _no(*CODES.get(code, ("1", "")))

    def symbol(self, market: Any) -> str:
        return f"{market.base}-{market.quote}"

    def symbols(self, _asked: Asked) -> Any:
        return _ok([
            {"symbol": self.symbol(m), "name": self.symbol(m), "baseCurrency": m.base, "quoteCurrency": m.quote,
             "feeCurrency": m.quote, "market": m.quote, "baseMinSize": f"{m.lot:f}", "quoteMinSize": "0.01",
             "baseMaxSize": "90000000", "quoteMaxSize": "90000000", "baseIncrement": f"{m.lot:f}",
             "quoteIncrement": "0.00000001", "priceIncrement": f"{m.tick:f}", "minFunds": f"{m.smallest:f}",
             "enableTrading": m.status == "TRADING", "isMarginEnabled": False, "priceLimitRate": "0.1",
             "feeCategory": 1, "makerFeeCoefficient": "1.00", "takerFeeCoefficient": "1.00", "st": False}
            for m in self.core.markets.values()
        ])  # fmt: skip

    def accounts(self, asked: Asked) -> Any:
        if asked.p.get("type") not in ("trade_hf", "trade"):
            return _ok([])
        return _ok([
            {"id": str(n), "currency": row["asset"], "type": asked.p["type"], "available": row["free"],
             "holds": row["locked"],
             "balance": f"{float(row['free']) + float(row['locked']):.8f}"}
            for n, row in enumerate(self.core.balances(KEY))
        ])  # fmt: skip

    def order_new(self, asked: Asked) -> Any:
        p = asked.p
        order = self.place(
            symbol=self.market(p["symbol"]).id, side=p["side"].upper(), quantity=p["size"], price=p.get("price", "0"),
            type="LIMIT_MAKER" if p.get("postOnly") else p["type"].upper(), newClientOrderId=p["clientOid"],
        )  # fmt: skip
        return _ok({"orderId": str(order["id"]), "clientOid": order["client"]})

    def _known(self, asked: Asked, **ids: str) -> Any:
        order = self.found(**ids)
        if order is None or self.symbol(order["market"]) != asked.p.get("symbol"):
            raise _no("400100", "order_not_exist_or_not_allow_to_be_cancelled" if asked.method == "DELETE" else
                      "The order does not exist.")  # fmt: skip
        return order

    def order(self, asked: Asked, id: str) -> Any:
        return _ok(self._row(self._known(asked, id=id)))

    def order_by_client(self, asked: Asked, client: str) -> Any:
        return _ok(self._row(self._known(asked, client=client)))

    def cancel(self, asked: Asked, id: str) -> Any:
        return _ok({"orderId": str(self.cancelled(self._known(asked, id=id))["id"])})

    def cancel_by_client(self, asked: Asked, client: str) -> Any:
        return _ok({"clientOid": self.cancelled(self._known(asked, client=client))["client"]})

    def _rows(self, asked: Asked, states: tuple[str, ...]) -> list[Any]:
        rows = [o for o in self.mine() if o["status"] in states and self.symbol(o["market"]) == asked.p.get("symbol")]
        return [self._row(order) for order in rows]

    def done(self, asked: Asked) -> Any:
        return _ok({"lastId": 0, "items": self._rows(asked, ("FILLED", "CANCELED"))})

    def hf_fills(self, asked: Asked) -> Any:
        rows = [f for f in self.fills() if self.symbol(f["order"]["market"]) == asked.p.get("symbol")]
        rows = [f for f in rows if asked.p.get("orderId") in (None, str(f["order"]["id"]))]
        begin, last = int(asked.p.get("startAt", 0)), int(asked.p.get("lastId", 10**15))
        rows = [f for f in rows if begin <= f["at"] <= int(asked.p.get("endAt", 10**15)) and f["id"] < last]
        rows = rows[-min(int(asked.p.get("limit", 20)), 100) :]
        return _ok({"lastId": rows[0]["id"] if rows else 0, "items": [
            {"id": f["id"], "symbol": asked.p["symbol"], "tradeId": f["id"], "orderId": str(f["order"]["id"]),
             "counterOrderId": "1", "side": f["order"]["side"].lower(), "liquidity": "maker" if f["maker"] else "taker",
             "forceTaker": False, "price": f"{f['price']:f}", "size": f"{f['amount']:f}", "type": "limit",
             "funds": f"{f['price'] * f['amount']:f}", "fee": f"{f['fee']:f}", "feeRate": "0.00075", "stop": "",
             "feeCurrency": f["fee_coin"], "tradeType": "TRADE", "createdAt": f["at"]}
            for f in reversed(rows)
        ]})  # fmt: skip

    def _row(self, order: Any) -> dict[str, Any]:
        fee, coin = self.fee(order)
        left = order["amount"] - order["filled"] if order["status"] == "CANCELED" else 0
        return {
            "id": str(order["id"]), "clientOid": order["client"], "symbol": self.symbol(order["market"]),
            "opType": "DEAL", "type": "market" if order["kind"] == "MARKET" else "limit", "funds": "",
            "side": order["side"].lower(), "size": f"{order['amount']:f}", "price": f"{order['price']:f}",
            "dealSize": f"{order['filled']:f}",
            "dealFunds": f"{order['cost']:f}", "fee": f"{fee:f}", "feeCurrency": coin, "stp": "", "timeInForce": "GTC",
            "postOnly": order["kind"] == "LIMIT_MAKER", "hidden": False, "iceberg": False, "visibleSize": "0",
            "cancelAfter": 0, "channel": "API", "remark": None, "tags": None, "active": order["status"] in OPEN,
            "inOrderBook": order["status"] in OPEN, "cancelExist": order["status"] == "CANCELED",
            "cancelledSize": f"{left:f}", "cancelledFunds": "0", "remainSize": f"{order['amount'] - order['filled']:f}",
            "createdAt": order["at"], "lastUpdatedAt": order["updated"], "tradeType": "TRADE",
        }  # fmt: skip


def _mac(text: str) -> str:
    return base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _ok(data: Any) -> dict[str, Any]:
    return {"code": "200000", "data": data}


def _no(code: str, message: str, status: int = 200) -> Answer:
    return Answer({"code": code, "msg": message}, status)
