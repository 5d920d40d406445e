"""OKX, API v5: signed by base64 HMAC of time, method, target and body; a list of orders; answers of code and data."""

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Any

from tests.exchange.wires.base import KEY, OPEN, PASSPHRASE, SECRET, Answer, Asked, Wire

STATES = {"NEW": "live", "PARTIALLY_FILLED": "partially_filled", "FILLED": "filled", "CANCELED": "canceled"}
KINDS = {"market": "MARKET", "limit": "LIMIT", "post_only": "LIMIT_MAKER"}
CODES = {-2010: ("51008", "Order failed. Insufficient balance."), -1013: ("51020", "Order amount too small."),
         -1121: ("51001", "Instrument ID does not exist.")}  # fmt: skip


class Okx(Wire):
    exchange, has_passphrase = "okx", True
    public = ("/api/v5/public/instruments", "/api/v5/public/time")
    order_route, stop_route = "POST /api/v5/trade/batch-orders", "POST /api/v5/trade/order-algo"

    def __init__(self, core: Any) -> None:
        super().__init__(core)
        v5 = "/api/v5"
        self.routes = {
            f"GET {v5}/public/instruments": self.instruments,
            f"GET {v5}/public/time": lambda _: _data([{"ts": str(core.ms())}]),
            f"GET {v5}/account/config": lambda _: _data([{"perm": "read_only,trade", "ip": "", "acctLv": "1"}]),
            f"GET {v5}/account/balance": self.balance,
            f"POST {v5}/trade/batch-orders": self.orders_new,
            f"POST {v5}/trade/cancel-order": self.order_cancel,
            f"POST {v5}/trade/order-algo": self.stop_new,
            f"GET {v5}/trade/order-algo": self.stop,
            f"POST {v5}/trade/cancel-algos": self.stop_cancel,
            f"GET {v5}/trade/orders-algo-pending": lambda asked: self.stops(asked, ("live",)),
            f"GET {v5}/trade/orders-algo-history": lambda asked: self.stops(asked, (asked.p["state"],)),
            f"GET {v5}/trade/order": self.order,
            f"GET {v5}/trade/orders-pending": lambda asked: self.orders(asked, OPEN),
            f"GET {v5}/trade/orders-history": self.history,
            f"GET {v5}/trade/fills-history": self.fills_history,
        }

    def check(self, asked: Asked) -> None:
        stamp, head = asked.headers.get("OK-ACCESS-TIMESTAMP", ""), asked.headers
        if head.get("OK-ACCESS-KEY") != KEY:
            raise Answer({"code": "50111", "data": [], "msg": "Invalid OK-ACCESS-KEY"}, 401)
        if head.get("OK-ACCESS-PASSPHRASE") != PASSPHRASE:
            raise Answer({"code": "50105", "data": [], "msg": "Request header OK-ACCESS-PASSPHRASE incorrect."}, 401)
        text = f"{stamp}{asked.method}{asked.target}{asked.body}"
        signed = base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()).decode()
        if head.get("OK-ACCESS-SIGN") != signed:
            raise Answer({"code": "50113", "data": [], "msg": "Invalid Sign"}, 401)
        at = datetime.fromisoformat(stamp).timestamp() * 1000
        if abs(self.core.ms() - at) > 30_000:
            raise Answer({"code": "50102", "data": [], "msg": "Timestamp request expired"}, 401)
        if asked.path.startswith("/api/v5/trade/") and asked.method == "POST":
            if not head.get("expTime", "").isdigit():
                raise Answer({"code": "50000", "data": [], "msg": "a request of ours that does not expire"}, 400)
            placing = f"{asked.method} {asked.path}" == self.order_route  # neither cancels nor algo orders heed it
            if placing and self.core.ms() > int(head["expTime"]):
                raise Answer({"code": "50063", "data": [], "msg": "Request expired by expTime"}, 400)

    def refusal(self, code: int, message: str) -> Answer:
        found = ("51016", "Client order ID already exists.") if "Duplicate" in message else CODES.get(code, ("1", ""))
        return Answer({"code": "1", "data": [{"sCode": found[0], "sMsg": found[1]}], "msg": "Operation failed."})

    def symbol(self, market: Any) -> str:
        return f"{market.base}-{market.quote}"

    def instruments(self, _asked: Asked) -> Any:
        return _data([
            {"instType": "SPOT", "instId": self.symbol(m), "baseCcy": m.base, "quoteCcy": m.quote, "settleCcy": "",
             "tickSz": f"{m.tick:f}", "lotSz": f"{m.lot:f}", "minSz": f"{m.lot:f}", "ctVal": "", "maxLmtSz": "90000000",
             "maxMktSz": "90000000", "state": "live" if m.status == "TRADING" else "suspend", "instFamily": ""}
            for m in self.core.markets.values()
        ])  # fmt: skip

    def balance(self, _asked: Asked) -> Any:
        details = [
            {"ccy": row["asset"], "availBal": row["free"], "frozenBal": row["locked"], "availEq": "",
             "cashBal": f"{float(row['free']) + float(row['locked']):.8f}",
             "eq": f"{float(row['free']) + float(row['locked']):.8f}"}
            for row in self.core.balances(KEY)
        ]  # fmt: skip
        return _data([{"uTime": str(self.core.ms()), "totalEq": "1", "details": details}])

    def orders_new(self, asked: Asked) -> Any:
        (one,) = asked.json
        if one.get("tdMode") != "cash" or (one["ordType"] == "market" and one.get("tgtCcy") != "base_ccy"):
            raise self.refusal(-1013, "not spot, or not an amount of base currency")
        order = self.place(
            symbol=self.market(one["instId"]).id, side=one["side"].upper(), type=KINDS[one["ordType"]],
            quantity=one["sz"], newClientOrderId=one["clOrdId"], price=one.get("px", "0"),
        )  # fmt: skip
        return _data([{"clOrdId": order["client"], "ordId": str(order["id"]), "tag": "", "sCode": "0", "sMsg": ""}])

    # -- stops: in the core one order each, told here as two

    def stop_new(self, asked: Asked) -> Any:
        p = asked.json
        pair = {"tpTriggerPx", "tpOrdPx"} <= p.keys()
        good = p.get("ordType") == ("oco" if pair else "conditional") and p.get("tpOrdPx", "-1") == "-1"
        if not good or p.get("tdMode") != "cash" or p.get("slOrdPx") != "-1":
            raise self.refusal(-1013, "no stop of ours")
        if any(o["client"] == p["algoClOrdId"] for o in self.mine()):
            raise self.refusal(-2010, "Duplicate")
        order = self.core.order_waits(
            KEY, self.market(p["instId"]), side=p["side"].upper(), amount=p["sz"], client=p["algoClOrdId"],
            stop=p["slTriggerPx"], target=p.get("tpTriggerPx"),
        )  # fmt: skip
        return _data([{"algoId": str(order["id"]), "algoClOrdId": order["client"], "sCode": "0", "sMsg": ""}])

    def _stops(self, p: dict[str, str]) -> list[Any]:
        named = {"algoId": lambda o: str(o["id"]), "algoClOrdId": lambda o: o["client"]}
        rows = [o for o in self.mine() if "stop" in o and not self.unlisted]
        return [o for o in rows if any(read(o) == p.get(name) for name, read in named.items())]

    def stop(self, asked: Asked) -> Any:
        found = self._stops(asked.p)
        if not found:
            raise Answer({"code": "51603", "data": [], "msg": "Order does not exist"})
        return _data([self._stop_row(found[0])])

    def stops(self, asked: Asked, states: tuple[str, ...]) -> Any:
        """Of both kinds together only where they wait."""
        kinds = asked.p["ordType"].split(",")
        if len(kinds) > 1 and states != ("live",):
            raise Answer({"code": "51000", "data": [], "msg": "Parameter ordType error"})
        rows = [self._stop_row(o) for o in self.mine() if "stop" in o]
        rows = [r for r in rows if r["state"] in states and r["ordType"] in kinds]
        return _data([r for r in rows if r["instId"] == asked.p["instId"]])

    def stop_cancel(self, asked: Asked) -> Any:
        (one,) = asked.json
        found = [o for o in self._stops(one) if o["status"] == "WAITING"]
        if not found:
            why = {"sCode": "51400", "sMsg": "Cancellation failed as the order does not exist."}
            raise Answer({"code": "1", "data": [{"algoId": "", **why}], "msg": ""})
        found[0]["status"], found[0]["updated"] = "CANCELED", self.core.ms()
        return _data([{"algoId": str(found[0]["id"]), "sCode": "0", "sMsg": ""}])

    def _stop_row(self, order: Any) -> dict[str, Any]:
        child = [] if order["status"] == "WAITING" or order["kind"] == "STOP" else [_id(order)]
        state = "effective" if child else {"WAITING": "live", "CANCELED": "canceled"}[order["status"]]
        return {
            "instType": "SPOT", "instId": self.symbol(order["market"]), "algoId": str(order["id"]),
            "algoClOrdId": order["client"], "clOrdId": "", "ordId": "".join(child), "ordIdList": child,
            "sz": f"{order['amount']:f}", "side": order["side"].lower(), "state": state,
            "ordType": "oco" if order["target"] else "conditional",
            "tpTriggerPx": f"{order['target']:f}" if order["target"] else "",
            "tpOrdPx": "-1" if order["target"] else "",
            "slTriggerPx": f"{order['stop']:f}", "slOrdPx": "-1", "slTriggerPxType": "last", "tdMode": "cash",
            "cTime": str(order["at"]), "uTime": str(order["updated"]), "actualSz": "0", "tgtCcy": "",
        }  # fmt: skip

    def _one(self, p: dict[str, str]) -> Any:
        shown = [o for o in self.mine() if "stop" not in o or o["kind"] != "STOP"]
        id, client = p.get("ordId", ""), p.get("clOrdId", "")
        order = next((o for o in shown if _id(o) == id or (client and _client(o) == client)), None)
        if order is None:
            raise Answer({"code": "51603", "data": [], "msg": "Order does not exist"})
        return order

    def order_cancel(self, asked: Asked) -> Any:
        order = self.found(id=asked.p.get("ordId", ""), client=asked.p.get("clOrdId", ""))
        if order is None or order["status"] not in OPEN:
            why = {"sCode": "51400", "sMsg": "Cancellation failed as the order does not exist."}
            raise Answer({"code": "1", "data": [{"ordId": "", "clOrdId": "", **why}], "msg": ""})
        self.cancelled(order)
        return _data([{"clOrdId": order["client"], "ordId": str(order["id"]), "sCode": "0", "sMsg": ""}])

    def order(self, asked: Asked) -> Any:
        return _data([self._row(self._one(asked.p))])

    def orders(self, asked: Asked, states: tuple[str, ...]) -> Any:
        wanted = asked.p.get("instId")
        rows = [o for o in self.mine() if o["status"] in states and wanted in (None, self.symbol(o["market"]))]
        rows = [o for o in rows if o["kind"] != "STOP" and int(_id(o)) < int(asked.p.get("after", 10**15))]
        return _data([self._row(order) for order in rows[: min(int(asked.p.get("limit", 100)), 100)]])

    def history(self, asked: Asked) -> Any:
        """Without `state` everything that is closed."""
        state = {"filled": ("FILLED",), "canceled": ("CANCELED",)}.get(asked.p.get("state", ""))
        return self.orders(asked, state or ("FILLED", "CANCELED"))

    def fills_history(self, asked: Asked) -> Any:
        rows = [f for f in self.fills() if asked.p.get("ordId") in (None, _id(f["order"]))]
        rows = [f for f in rows if asked.p.get("instId") in (None, self.symbol(f["order"]["market"]))]
        begin, end = int(asked.p.get("begin", 0)), int(asked.p.get("end", 10**15))
        rows = [f for f in rows if begin <= f["at"] <= end and f["id"] < int(asked.p.get("after", 10**15))]
        rows = rows[-min(int(asked.p.get("limit", 100)), 100) :]
        return _data([
            {"instType": "SPOT", "instId": self.symbol(f["order"]["market"]), "tradeId": str(f["id"]),
             "ordId": _id(f["order"]), "clOrdId": _client(f["order"]), "billId": str(f["id"]),
             "fillPx": f"{f['price']:f}", "fillSz": f"{f['amount']:f}", "side": f["order"]["side"].lower(),
             "execType": "M" if f["maker"] else "T", "fee": f"{-f['fee']:f}", "feeCcy": f["fee_coin"],
             "ts": str(f["at"])}
            for f in reversed(rows)
        ])  # fmt: skip

    def _row(self, order: Any) -> dict[str, Any]:
        fee, coin = self.fee(order)
        kind = next(name for name, one in KINDS.items() if one == order["kind"])
        return {
            "instType": "SPOT", "instId": self.symbol(order["market"]), "ordId": _id(order),
            "algoId": str(order["id"]) if "stop" in order else "",
            "algoClOrdId": order["client"] if "stop" in order else "",
            "clOrdId": _client(order), "tag": "", "px": f"{order['price']:f}" if kind != "market" else "",
            "sz": f"{order['amount']:f}", "tgtCcy": "base_ccy" if kind == "market" else "", "ordType": kind,
            "side": order["side"].lower(), "tdMode": "cash", "accFillSz": f"{order['filled']:f}",
            "avgPx": self.average(order), "state": STATES[order["status"]], "fee": f"{-fee:f}", "feeCcy": coin,
            "rebate": "0", "rebateCcy": "", "cTime": str(order["at"]), "uTime": str(order["updated"]), "lever": "",
            "fillPx": "", "fillSz": "", "fillTime": "", "category": "normal", "reduceOnly": "false",
        }  # fmt: skip


def _id(order: Any) -> str:
    """What a stop sells is told under an id of its own."""
    return f"8{order['id']}" if "stop" in order else str(order["id"])


def _client(order: Any) -> str:
    return "" if "stop" in order else str(order["client"])


def _data(rows: list[Any]) -> dict[str, Any]:
    return {"code": "0", "msg": "", "data": rows}
