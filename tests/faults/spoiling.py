"""Spoils what an exchange answers: a field, a record or the whole of it, drawn from a seed.

What is put in are things that no sound answer holds. A lie that fits (one fill left out of a list) cannot be told from
the truth by looking at one answer: that is what comparing balances is for.
"""

import json
import random
from collections.abc import Iterator
from typing import Any

WHOLE = (b"", b"{}", b"null", b'"ok"', b"<html><body>Welcome</body></html>", b"[[]]", b"[{}]", b'{"a": 1', b"NaN")
ANYTHING = (None, "", "abc", [], {}, "NaN", "Infinity", float("inf"), float("nan"), "1e400", "\x00", "x" * 70, "-1")
UNSOUND = {
    "status": ("ODD", "", None, 7),
    "side": ("SELL", "BUY", "ODD"),
    "symbol": ("XRPUSDT", "NOPE", "ETHBTC"),
    "clientOrderId": ("somebodyelses", "a" * 80),
    "commissionAsset": (None, "", "x" * 70, 7, "\x00"),  # another coin's name is a lie that fits
    "state": ("ODD", "", None, 7),  # as other exchanges call these
    "orderStatus": ("ODD", "", None, 7),
    "isActive": ("ODD", None, 7),
    "instId": ("XRP-USDT", "NOPE", "ETH-BTC"),
    "clOrdId": ("somebodyelses", "a" * 80),
    "clientOid": ("somebodyelses", "a" * 80),
    "orderLinkId": ("somebodyelses", "a" * 80),
    "feeCcy": (None, "", "x" * 70, 7, "\x00"),
    "feeCurrency": (None, "", "x" * 70, 7, "\x00"),
    "time": (7_258_118_400_000, 1, -5, "soon"),
    "transactTime": (7_258_118_400_000, "soon"),
}
AMOUNTS = (
    "price", "qty", "executedQty", "cummulativeQuoteQty", "commission", "free", "locked",
    "fillPx", "fillSz", "accFillSz", "fee", "cashBal", "eq",
    "execPrice", "execQty", "execFee", "cumExecQty", "walletBalance",
    "size", "dealSize", "dealFunds", "balance", "available",
)  # fmt: skip
# A wrong one of these may fit.
PLAUSIBLE = {
    "id", "orderId", "tradeId", "orderListId", "origQty", "ordId", "algoId", "billId", "sz", "execId", "counterOrderId",
}  # fmt: skip


class Spoiler:
    """Spoils a share of what it is handed; `struck` counts how many."""

    def __init__(self, seed: int, share: float) -> None:
        self.rng, self.share, self.struck = random.Random(seed), share, 0

    def __call__(self, body: bytes) -> bytes:
        if self.rng.random() >= self.share:
            return body
        self.struck += 1
        if self.rng.random() < 0.15:
            return self.rng.choice(WHOLE)
        answer = json.loads(body)
        places = list(_places(answer))
        if not places:
            return self.rng.choice(WHOLE)
        weights = [8 if name in UNSOUND or name in AMOUNTS else 1 for _, name in places]
        for record, name in self.rng.choices(places, weights, k=self.rng.randint(1, 2)):
            self._spoil(record, name)
        return json.dumps(answer).replace("Infinity", "1e400").encode()

    def _spoil(self, record: dict[str, Any], name: str) -> None:
        was = record.get(name)
        if self.rng.random() < 0.3:
            record.pop(name, None)
        elif name in AMOUNTS and self.rng.random() < 0.5:
            record[name] = self.rng.choice(["-0.5", f"{float(was or 1) * 1e6:f}", -3, "0.1.2"])
        else:
            odd = [one for one in UNSOUND.get(name, ANYTHING) if one != was and str(one) != str(was)]
            record[name] = self.rng.choice(odd)


def _places(answer: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Every (record, name) below an answer that can be spoilt."""
    items = answer.items() if isinstance(answer, dict) else enumerate(answer) if isinstance(answer, list) else ()
    for name, value in list(items):
        if isinstance(answer, dict) and name not in PLAUSIBLE:
            yield answer, name
        yield from _places(value)
