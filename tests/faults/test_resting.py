"""An order that rests, and its cancel through each kind of fault: it ends cancelled, and both sides know it."""

import time

import pytest

from accounts.clock import clock_set
from signals.quotes import latest
from tests.faults.laboratory import BANS, SLOW, SYMBOL, fault_on, some
from trading.brokers import live
from trading.domain.types import OrderStatus
from trading.models import Order
from trading.practice.faults import KINDS
from trading.services.intents import orders_cancel_request

CANCEL = {"path": "order$", "method": "DELETE"}


def resting(laboratory) -> Order:
    """A limit order a tenth below the market."""
    intent = laboratory.buy()
    price = (latest("binance", SYMBOL).bid * 9 / 10).quantize(intent.instrument.tick_size)
    type(intent).objects.filter(pk=intent.pk).update(limit_price=price)
    laboratory.turn()
    return Order.objects.get(status="active")


def cancelled_through(laboratory, kind: str) -> Order:
    """A resting order, cancelled by hand while its request meets a fault."""
    order = resting(laboratory)
    laboratory.script(fault_on(kind, **CANCEL))
    moment = laboratory.clock()
    with clock_set(lambda: moment):
        orders_cancel_request(orders=[order], actor=laboratory.account.user)
    laboratory.turn()
    if kind in SLOW | BANS:
        time.sleep(1.2)
    assert laboratory.told()["faults"][0]["hits"] == 1
    laboratory.recover()
    laboratory.settle(lambda: not Order.objects.filter(status="active").exists())
    order.refresh_from_db()
    return order


@pytest.mark.parametrize("kind", some(sorted(KINDS), 10))
def test_a_cancel_ends_clearly_whatever_is_answered(laboratory, kind):
    order = cancelled_through(laboratory, kind)
    assert (order.status, order.filled) == ("cancelled", 0)
    laboratory.check()


def test_a_cancel_that_is_taken_for_done_is_caught(laboratory, monkeypatch):
    def believed(self, order, instrument):
        cancel(self, order, instrument)
        return [live._answered(order, OrderStatus.CANCELLED)]

    cancel = live.LiveBroker.cancel
    monkeypatch.setattr(live.LiveBroker, "cancel", believed)
    cancelled_through(laboratory, "http_500_before")  # after a reset, aiohttp itself asks for a DELETE once more
    with pytest.raises(AssertionError):
        laboratory.check()
