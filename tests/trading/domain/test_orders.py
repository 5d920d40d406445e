import pytest

from trading.domain import orders
from trading.domain.orders import CLOSED, OPEN, TRANSITIONS, IllegalTransition, Trigger, after
from trading.domain.types import OrderStatus


def test_every_status_is_reached_and_left_by_the_table():
    assert {status for status, _ in TRANSITIONS} == set(OrderStatus)
    assert set(TRANSITIONS.values()) | {OrderStatus.PENDING} | {OrderStatus.UNKNOWN} == set(OrderStatus)
    assert set(OrderStatus) == OPEN | CLOSED


def test_a_closed_order_opens_again_only_when_it_was_wrongly_rejected():
    reopened = {(s, t) for (s, t), result in TRANSITIONS.items() if s in CLOSED and result in OPEN}
    assert reopened == {
        (OrderStatus.REJECTED, Trigger.ACCEPTED),
        (OrderStatus.REJECTED, Trigger.FILLED_PARTLY),
    }


@pytest.mark.parametrize(
    ("status", "trigger"),
    [
        (OrderStatus.FILLED, Trigger.REJECTED),
        (OrderStatus.CANCELLED, Trigger.REJECTED),
        (OrderStatus.REJECTED, Trigger.CANCELLED),
    ],
)
def test_an_illegal_move_raises(status, trigger):
    with pytest.raises(IllegalTransition, match=str(status)):
        after(status, trigger)


def test_a_fill_after_a_cancel_completes_the_order():
    assert after(OrderStatus.CANCELLED, Trigger.FILLED_WHOLLY) is OrderStatus.FILLED
    assert after(OrderStatus.CANCELLED, Trigger.FILLED_PARTLY) is OrderStatus.CANCELLED


def test_the_table_prints_one_line_a_move(capsys):
    orders.print_table()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(TRANSITIONS)
    assert "pending    --accepted--> active" in lines
