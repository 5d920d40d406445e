"""Which symbols must keep their quotes: those with an open position or order, of anybody, at that exchange."""

import pytest

from signals import held
from tests.trading.worlds import World
from trading.models import Order, Position
from trading.selectors.positions import symbols_in_use

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_position_is_in_use_until_it_is_closed():
    assert symbols_in_use in held._holders
    world = World()
    assert symbols_in_use("binance") == set()
    world.entry()
    world.run()
    assert symbols_in_use("binance") == {world.btc.symbol} and symbols_in_use("okx") == set()
    Position.objects.update(status=Position.Status.CLOSED)
    Order.objects.update(status=Order.Status.FILLED)
    assert symbols_in_use("binance") == set()
