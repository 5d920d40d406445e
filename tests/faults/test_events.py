"""Events of the user-data stream that are lost, told twice, late or out of order, while a stop sells by itself."""

import asyncio

import pytest

from accounts.exchanges.loop import background_loop
from tests.exchange.desk import until
from tests.faults.test_protection import opened, protected, set_off
from trading import user_streams
from trading.models import Order, Position
from trading.practice.faults import EVENTS
from trading.services.reconciliation import stream_delivered
from trading.turn import catch_up


@pytest.fixture
def streamed(laboratory, monkeypatch):
    """The trader's user stream, as the streams' process keeps it; its wakes are this test's own turns."""
    monkeypatch.setattr(user_streams, "BACKOFF_S", (0.1, 0.2))
    monkeypatch.setattr(user_streams, "account_wake_now", lambda _account_id: True)
    monkeypatch.setattr(catch_up, "QUIET_STOP_S", (1, 1))
    stream = asyncio.run_coroutine_threadsafe(user_streams._account_stream(laboratory.account), background_loop())
    yield laboratory
    stream.cancel()


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_what_a_stop_sold_is_booked_once_whatever_the_stream_tells(streamed, kind):
    protected(streamed)
    streamed.script({"kind": kind, "count": None, "seconds": 0.5})
    stop = opened(streamed)
    set_off(streamed, stop)
    streamed.settle(lambda: streamed.held() == 0)
    stop.refresh_from_db()
    assert (stop.status, Position.objects.get().close_reason) == ("filled", "stop_loss")
    assert Order.objects.filter(side="sell").count() == 1
    hits = streamed.told()["faults"][0]["hits"]
    assert hits > 0, "no event was told"
    if kind != "event_lost":
        until(lambda: stream_delivered(streamed.account.pk))
    streamed.check()
    streamed.restart()
    streamed.check()
