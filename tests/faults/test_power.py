"""The process ends in the middle, and tasks are delivered several times: still one order for one intent.

Here the end is an exception that nothing catches; `tests/trading/test_kill.py` does the same with SIGKILL.
"""

import threading
from contextlib import suppress

import pytest
from django.db import connection

from accounts.exchanges.errors import ExchangeError
from trading.brokers import live_calls
from trading.leases import LeaseBusy, LeaseLost
from trading.models import AccountLease
from trading.services.work import account_work
from trading.turn.execution import Execution


class PowerCut(BaseException):
    """The process is gone: no handler of ours sees it."""


def cut_at(monkeypatch, point: str) -> None:
    """Let the next order's request be where the power goes off."""
    send = live_calls.order_create

    async def dying(*given):
        monkeypatch.setattr(live_calls, "order_create", send)
        if point == "after_request":
            await send(*given)
        raise PowerCut

    monkeypatch.setattr(live_calls, "order_create", dying)


def die(laboratory) -> None:
    with pytest.raises(PowerCut):
        laboratory.turn()
    AccountLease.objects.update(owner="", expires_at=laboratory.clock())  # the sweeper frees what the dead one held


@pytest.mark.parametrize("point", ["before_request", "after_request"])
def test_one_order_after_the_power_went_off(laboratory, monkeypatch, point):
    for ask, held in ((laboratory.buy, 1), (laboratory.sell, 0)):
        ask()
        cut_at(monkeypatch, point)
        die(laboratory)
        laboratory.settle()
        if laboratory.held() != held:
            ask()
            laboratory.settle(lambda held=held: laboratory.held() == held)
        laboratory.check()


def test_sending_before_the_commit_is_caught(laboratory, monkeypatch):
    monkeypatch.setattr(Execution, "before_send", lambda self: None)
    laboratory.buy()
    cut_at(monkeypatch, "after_request")
    die(laboratory)
    laboratory.settle()
    with pytest.raises(AssertionError, match=r"sent twice|do not know|executed twice"):
        laboratory.check()


@pytest.mark.parametrize("times", [2, 5])
def test_a_task_that_is_delivered_several_times(laboratory, times):
    for ask, held in ((laboratory.buy, 1), (laboratory.sell, 0)):
        ask()
        laboratory._quote()
        errors = deliver(laboratory.account.pk, times)
        assert errors == []
        laboratory.settle(lambda held=held: laboratory.held() == held)
        laboratory.check()


def deliver(account_id: int, times: int) -> list[BaseException]:
    """The same work in so many threads at once; what was raised that should not be."""
    errors: list[BaseException] = []
    start = threading.Barrier(times)

    def work() -> None:
        try:
            start.wait()
            with suppress(LeaseBusy, LeaseLost, ExchangeError):
                account_work(account_id=account_id)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors
