"""The bell of balances by itself: what it makes of messages, and how often it may ask."""

import asyncio
from decimal import Decimal
from types import SimpleNamespace

import pytest

from tests.trading.test_reconciliation import waiting_entry
from trading import balance_bell
from trading.balance_bell import BalanceBell
from trading.models import AccountLease, Balance, Order
from trading.services.reconciliation import balances_told
from trading.store.checks import CHANGED

D = Decimal


class Stream:
    """A client of ccxt's whose orders are watched; `say` has the balances told, as totals by currency."""

    def __init__(self) -> None:
        waiting = {"orders": asyncio.get_running_loop().create_future()}
        self.clients = {"a socket": SimpleNamespace(futures=waiting)}
        self.messages: asyncio.Queue = asyncio.Queue()
        self.asked = 0
        self.between: list = []  # done, one at a time, before the next message is waited for

    async def watch_balance(self):
        self.asked += 1
        if self.asked > 1 and self.between:
            self.between.pop(0)()
        message = await self.messages.get()
        if isinstance(message, Exception):
            raise message
        return message

    async def say(self, message) -> None:
        """Tell, and wait until the next is waited for."""
        before = self.asked
        self.messages.put_nowait(message)
        await until(lambda: self.asked > before)


async def until(what) -> None:
    async with asyncio.timeout(10):
        while not what():
            await asyncio.sleep(0.005)


@pytest.fixture
def told(monkeypatch):
    """What was held against the ledger; `answers` are what came of it, the last one again and again."""
    seen = SimpleNamespace(totals=[], rung=[], answers=[True], ahead=0.0)

    def compare(*, account_id, totals):
        seen.totals.append(totals)
        return seen.answers.pop(0) if len(seen.answers) > 1 else seen.answers[0]

    real = balance_bell.monotonic
    monkeypatch.setattr(balance_bell, "monotonic", lambda: real() + seen.ahead)
    monkeypatch.setattr(balance_bell, "balances_told", compare)
    monkeypatch.setattr(balance_bell, "SETTLE_S", 0.02)
    return seen


def heard(told, script, streams=1) -> BalanceBell:
    """Runs `script(stream)` at each of so many connections in turn; returns the bell."""

    async def run() -> BalanceBell:
        bell = BalanceBell(7, told.rung.append)
        for _ in range(streams):
            stream = Stream()
            async with bell.beside(stream):
                await until(lambda stream=stream: stream.asked)
                await script(stream)
        return bell

    return asyncio.run(run())


def usdt(total) -> dict:
    return {"USDT": {"total": total}, "total": {"USDT": total}}


def test_a_stream_that_lies_or_never_rests_costs_one_comparison_a_minute(told, monkeypatch) -> None:
    async def chatter(stream) -> None:
        for number in range(80):
            await stream.say(usdt(float(number)))
        await until(lambda: told.totals)
        assert len(told.totals) == len(told.rung) == 1
        told.ahead = balance_bell.EVERY_S + 1
        await stream.say(usdt(80.0))
        await until(lambda: len(told.totals) == 2)

    monkeypatch.setattr(balance_bell, "SETTLE_S", 0.0)  # looked at after every message
    heard(told, chatter)
    assert told.rung == [7, 7]


def test_a_stream_whose_balances_change_all_the_time_is_looked_at_when_they_rest(told, monkeypatch) -> None:
    async def change(stream) -> None:
        for number in range(80):
            await stream.say(usdt(float(number)))
        assert told.totals == []
        told.ahead = 3601.0
        await stream.say({})
        await until(lambda: told.totals)

    monkeypatch.setattr(balance_bell, "SETTLE_S", 3600.0)
    heard(told, change)
    assert told.totals == [{"USDT": D(79)}]


def test_what_a_stream_repeats_is_not_looked_at_again(told) -> None:
    async def repeat(stream) -> None:
        for _ in range(20):
            await stream.say(usdt(5.0))
        await until(lambda: told.totals)
        for _ in range(20):
            await stream.say(usdt(5.0))
        await stream.say(usdt(6.0))
        await until(lambda: len(told.totals) == 2)

    told.answers = [False]
    heard(told, repeat)
    assert (told.totals, told.rung) == ([{"USDT": D(5)}, {"USDT": D(6)}], [])


def test_what_ccxt_adds_to_its_record_while_nobody_waits_is_seen(told) -> None:
    async def grow(stream) -> None:
        record = usdt(5.0)
        stream.between.append(lambda: record["total"].update(BTC=1.0))
        await stream.say(record)
        await until(lambda: told.totals)

    heard(told, grow)
    assert told.totals == [{"USDT": D(5), "BTC": D(1)}]


def test_while_fills_are_accounted_it_is_looked_at_later(told) -> None:
    async def tell(stream) -> None:
        await stream.say(usdt(5.0))
        await until(lambda: len(told.totals) == 3)

    told.answers = [None, None, False]
    heard(told, tell)
    assert told.totals == [{"USDT": D(5)}] * 3 and told.rung == []


def test_what_is_no_total_counts_as_not_known_and_raises_nothing() -> None:
    bell = BalanceBell(1, print)
    for message in (None, [], "", 7, {}, {"total": None}, {"total": [1]}):
        bell.note(message)
    assert bell._told == {} and bell._look_at is None
    odd = {"A": "x", "B": -1.0, "C": float("nan"), "D": None, "E": [], "F": {}, "G": "sNaN", "H": 0.5}
    bell.note({"total": odd})
    assert bell._told == dict.fromkeys("ABCDEFG") | {"H": D("0.5")}
    bell._told.clear()
    bell.note({"total": {"D": None}, "D": {"free": 3.0, "total": None}})  # another amount came
    assert bell._told == {"D": None}


def test_a_refusal_leaves_balances_out_for_a_while_and_is_said_once(told, caplog) -> None:
    async def run() -> None:
        bell = BalanceBell(7, told.rung.append)
        for _ in range(2):
            stream = Stream()
            async with bell.beside(stream):
                await until(lambda stream=stream: stream.asked)
                stream.messages.put_nowait(ValueError("no such channel"))
                await until(stream.messages.empty)
            assert bell.blamed
            stream = Stream()
            async with bell.beside(stream):
                for _ in range(20):
                    await asyncio.sleep(0)
            assert (stream.asked, bell.blamed) == (0, False)
            told.ahead += balance_bell.APART_S + 1

    asyncio.run(run())
    assert caplog.text.count("does not tell balances (ValueError: no such channel)") == 1


def test_a_line_that_breaks_blames_balances_only_when_they_never_spoke(told) -> None:
    async def breaks(stream) -> None:
        stream.messages.put_nowait(ConnectionResetError())
        await until(stream.messages.empty)

    async def speaks(stream) -> None:
        await stream.say(usdt(1.0))
        await breaks(stream)

    assert not heard(told, breaks, streams=balance_bell.BREAKS - 1).blamed
    assert not heard(told, speaks, streams=balance_bell.BREAKS + 2).blamed
    assert heard(told, breaks, streams=balance_bell.BREAKS).blamed


@pytest.mark.django_db
def test_totals_are_held_against_the_ledger_once_its_orders_are_clear(make) -> None:
    account = make.account(mode="practice")
    for name, total in (("USDT", "100.5"), ("BTC", "0")):
        Balance.objects.create(account=account, currency=name, total=total)

    def told(**totals) -> bool | None:
        return balances_told(account_id=account.pk, totals=totals)

    assert told(USDT=D("100.50"), BTC=D(0), ETH=D(0)) is False
    assert not AccountLease.objects.filter(account=account).exists()
    intent = waiting_entry(make, account)
    order = Order.objects.create(
        account=account, bot=intent.bot, instrument=intent.instrument, intent=intent, client_order_id="a", side="buy",
        type="limit", amount="1",
    )  # fmt: skip
    for status, kind, answer in (
        ("pending", "limit", None),
        ("unknown", "limit", None),
        ("active", "market", None),
        ("active", "limit", True),
    ):
        Order.objects.filter(pk=order.pk).update(status=status, type=kind)
        assert told(USDT=D("100.6")) is answer
    assert AccountLease.objects.get(account=account).check_reason == CHANGED
    assert told(USDT=None) is told(ETH=D("0.1")) is True
