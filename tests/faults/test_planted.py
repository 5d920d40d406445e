"""The laboratory is worth something: mistakes that others have made are planted, and it catches every one."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.exchanges.errors import ExchangeAmbiguous
from trading.brokers import live, live_calls
from trading.domain.types import OrderAnswered, OrderStatus
from trading.store import load


def blind_resend(monkeypatch) -> None:
    """An order whose answer was lost is sent again."""
    send = live_calls.order_create

    async def twice(*given):
        try:
            return await send(*given)
        except ExchangeAmbiguous:
            return await send(*given)

    monkeypatch.setattr(live_calls, "order_create", twice)


def unclear_is_refused(monkeypatch) -> None:
    """An order whose answer was lost counts as rejected."""
    submit = live.LiveBroker.submit

    def hasty(self, order, instrument):
        events = submit(self, order, instrument)
        unknown = [one for one in events if isinstance(one, OrderAnswered) and one.status is OrderStatus.UNKNOWN]
        return [replace(one, status=OrderStatus.REJECTED) for one in unknown] or events

    monkeypatch.setattr(live.LiveBroker, "submit", hasty)


def fills_count_again(monkeypatch) -> None:
    """Which fills are accounted is forgotten from turn to turn."""
    monkeypatch.setattr(load, "_fills", lambda *given: None)


def absent_too_early(monkeypatch) -> None:
    """One look that does not find an order proves that it never got there."""
    monkeypatch.setattr(live, "EXPIRY", timedelta(0))
    monkeypatch.setattr(live, "CLOCK_ERROR", timedelta(0))


def never_absent(monkeypatch) -> None:
    """An order that never got there is looked for until the end of days."""
    monkeypatch.setattr(live.LiveBroker, "_absent", lambda self, order: [])


def fees_left_out(monkeypatch) -> None:
    """Fills are accounted without what they cost."""
    told = live.fill_seen
    monkeypatch.setattr(live, "fill_seen", lambda *given: replace(told(*given), fee=Decimal(0)))


BUGS = [
    (blind_resend, "reset_after"), (blind_resend, "timeout_after"), (unclear_is_refused, "timeout_after"),
    (fills_count_again, "reset_after"), (absent_too_early, "slow_before"), (never_absent, "reset_before"),
    (fees_left_out, "http_500_before"),
]  # fmt: skip


@pytest.mark.parametrize(("bug", "kind"), BUGS, ids=lambda one: getattr(one, "__name__", one))
def test_it_is_caught(laboratory, monkeypatch, bug, kind):
    bug(monkeypatch)
    with pytest.raises(Exception) as caught:
        laboratory.round_trip(kind)
    assert "the fault did not strike" not in str(caught.value)
