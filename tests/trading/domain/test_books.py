from dataclasses import replace
from decimal import Decimal

import pytest

from trading.domain.books import Books, FillLine, OrderLine, books_differ, books_of_exchange

ORDER = OrderLine("x1", "BTCUSDT", "buy", Decimal("0.5"), Decimal("0.5"), "filled")
FILL = FillLine("BTCUSDT", "7", "buy", Decimal("100.10"), Decimal("0.5"), Decimal("0.0005"), "BTC")
BOOKS = Books((ORDER,), (FILL,), {"USDT": Decimal("49.95"), "BTC": Decimal("0.4995")})
LEDGER = {
    "orders": [
        {
            "clientOrderId": "x1",
            "symbol": "BTCUSDT",
            "side": "BUY",
            "origQty": "0.50000",
            "executedQty": "0.50000",
            "status": "FILLED",
        }
    ],
    "fills": [
        {
            "symbol": "BTCUSDT",
            "id": 7,
            "isBuyer": True,
            "price": "100.1",
            "qty": "0.5",
            "commission": "0.00050000",
            "commissionAsset": "BTC",
        }
    ],
    "balances": [
        {"asset": "USDT", "free": "40.00", "locked": "9.95"},
        {"asset": "BTC", "free": "0.4995", "locked": "0"},
    ],
}


def test_equal_books_have_no_difference():
    assert books_of_exchange(LEDGER) == BOOKS
    assert books_differ(BOOKS, books_of_exchange(LEDGER)) == []


def test_a_currency_that_is_used_up_is_none():
    assert books_differ(replace(BOOKS, balances={**BOOKS.balances, "ETH": Decimal(0)}), BOOKS) == []


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        (replace(BOOKS, orders=()), "order x1: the exchange has buy 0.5 BTCUSDT, 0.5 filled, filled, we have none"),
        (replace(BOOKS, orders=(ORDER, ORDER)), "order x1: 2 times on our side"),
        (replace(BOOKS, orders=(ORDER._replace(status="active"),)), "order x1: we have"),
        (replace(BOOKS, orders=(ORDER, ORDER._replace(client_id="x2"))), "order x2: we have .* the exchange has none"),
        (replace(BOOKS, fills=()), "fill BTCUSDT 7: the exchange has buy 0.5 at 100.1, fee 0.0005 BTC, we have none"),
        (replace(BOOKS, fills=(FILL, FILL)), "fill BTCUSDT 7: 2 times on our side"),
        (replace(BOOKS, fills=(FILL._replace(fee=Decimal("0.00050000000000000001")),)), "fee 0.00050000000000000001"),
        (replace(BOOKS, fills=(FILL, FILL._replace(symbol="ETHUSDT"))), "fill ETHUSDT 7: we have"),
        (replace(BOOKS, balances={"USDT": Decimal("49.95")}), "balance BTC: we have 0, the exchange 0.4995"),
    ],
)
def test_every_difference_is_one_line(ours, words):
    found = books_differ(ours, BOOKS)
    assert len(found) == 1
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found[0])


@pytest.mark.parametrize("status", ["pending", "unknown", "rejected"])
def test_an_order_that_never_arrived_is_no_difference(status):
    lost = ORDER._replace(client_id="x2", status=status, filled=Decimal(0))
    assert books_differ(replace(BOOKS, orders=(ORDER, lost)), BOOKS) == []
