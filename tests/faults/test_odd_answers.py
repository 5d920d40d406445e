"""Whatever an exchange answers, nothing is bought twice or lost: both books are equal once it answers well again."""

import asyncio
import json
import os
from contextlib import contextmanager
from decimal import Decimal

import ccxt.pro
import pytest

from accounts.exchanges import sealing
from accounts.exchanges.loop import background_loop
from accounts.models import Notice
from tests.faults.laboratory import ORDER, STEP, fault_on
from tests.faults.spoiling import Spoiler
from tests.faults.test_protection import protected
from trading import user_streams
from trading.models import AccountCheck, Fill, Position, QuarantinedAnswer
from trading.selectors.odd_fees import fees_open
from trading.services.ledger_comparison import ledger_compare
from trading.services.odd_fees import fee_accept

SEEDS = {"all": 300}.get(os.environ.get("FAULTS", ""), 8)


@contextmanager
def spoilt(monkeypatch, spoiler):
    """While inside, answers to signed requests are spoilt before anybody has looked at them."""
    real = sealing._data_check

    async def check(exchange, response):
        body = await response.read()
        if "X-MBX-APIKEY" in response.request_info.headers and 200 <= response.status < 300:
            response._body = spoiler(body)
        await real(exchange, response)

    with monkeypatch.context() as patch:
        patch.setattr(sealing, "_data_check", check)
        yield spoiler


@pytest.mark.embedded
@pytest.mark.parametrize("pair", [False, True], ids=["alone", "pair"])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_round_trip_through_spoilt_answers(laboratory, monkeypatch, seed, pair):
    """With a stop and a target that rest at the exchange meanwhile, too."""
    if pair:
        protected(laboratory)
    spoiler = Spoiler(seed, 0.5)
    for ask, held in ((laboratory.buy, 1), (laboratory.sell, 0)):
        with spoilt(monkeypatch, spoiler):
            ask()
            for _ in range(4):
                laboratory.turn()
                laboratory.ahead += STEP
                laboratory.restart()
        laboratory.recover()
        laboratory.settle()
        if laboratory.held() != held:  # it failed cleanly: it may be asked again
            ask()
            laboratory.settle(lambda held=held: laboratory.held() == held)
        laboratory.check(spoilt=True)
        laboratory.restart()
        laboratory.check(spoilt=True)
    assert spoiler.struck


def test_lists_that_say_nothing_do_not_prove_that_an_order_is_absent(laboratory):
    """Answered with {} instead of a list for longer than an order's expiry: what was sent is found all the same."""
    silent = {"kind": "braces_before", "method": "GET", "path": "rder", "count": None}
    laboratory.script(fault_on("timeout_after", **ORDER), silent)
    laboratory.buy()
    for _ in range(8):
        laboratory.turn()
        laboratory.ahead += STEP
    assert laboratory.unclear(), "it was given up without ever having been looked up"
    laboratory.recover()
    laboratory.settle(lambda: laboratory.held() == 1)
    laboratory.check()
    assert QuarantinedAnswer.objects.filter(kind="unreadable").exists()


def test_more_filled_than_ordered_pauses_the_account_until_its_owner_has_looked(laboratory, monkeypatch):
    def more(body: bytes) -> bytes:
        answer = json.loads(body)
        if isinstance(answer, dict) and "executedQty" in answer:
            answer["executedQty"] = str(float(answer["executedQty"]) * 3)
        return json.dumps(answer).encode()

    with spoilt(monkeypatch, more):
        laboratory.buy()
        laboratory.turn()
    assert laboratory.account.status == "paused" and "More was filled" in laboratory.account.status_reason
    assert "Compare now" in Notice.objects.get(level="bad").text
    kept = QuarantinedAnswer.objects.filter(kind="impossible").first()
    assert '"executedQty"' in kept.raw and laboratory.key not in kept.raw
    laboratory.settle(lambda: laboratory.held() == 1)  # what was bought is ours, paused or not
    laboratory.check()


def test_a_real_fee_above_a_tenth_is_booked_once_accepted_and_the_account_goes_on(laboratory, monkeypatch):
    """The exchange tells a fee of 15 % of what was bought; what it has taken more is withdrawn there."""
    told = {}

    def dear(body: bytes) -> bytes:
        answer = json.loads(body)
        for row in _trades_in(answer):
            amount = Decimal(row["qty"])
            told.setdefault(row.get("id") or row["tradeId"], (amount, Decimal(row["commission"])))
            row["commission"] = str(amount * Decimal("0.15"))
        return json.dumps(answer).encode()

    with spoilt(monkeypatch, dear):
        laboratory.buy()
        for _ in range(3):
            laboratory.turn()
            laboratory.ahead += STEP
        assert laboratory.account.status == "paused" and not Fill.objects.exists()
        taken = sum(amount * Decimal("0.15") - fee for amount, fee in told.values())
        laboratory.act("withdraw", asset="BTC", amount=str(taken))
        while (fee := fees_open().filter(accepted_at=None).first()) is not None:
            assert fee.share == Decimal("0.15")
            fee_accept(fee=fee, actor=laboratory.account.user)
            for _ in range(2):
                laboratory.turn()
                laboratory.ahead += STEP
        laboratory.settle(lambda: laboratory.account.status == "active")
    fills = list(Fill.objects.all())
    assert {row.trade_id for row in fills} == {str(name) for name in told}
    assert [row.fee / row.amount for row in fills] == [Decimal("0.15")] * len(fills)
    position = Position.objects.get(status="open")
    assert position.amount == position.bought * Decimal("0.85")
    assert not AccountCheck.objects.filter(outcome="repaired").exists(), "the fee was booked as a transfer"
    differences = ledger_compare(account=laboratory.account).differences
    assert all(one.startswith("fill ") for one in differences), (
        "beside the fee that the exchange tells both books agree"
    )


def _trades_in(answer):
    """Binance's executions, in the answer to an order and in lists of trades."""
    rows = answer if isinstance(answer, list) else answer.get("fills") or []
    return [row for row in rows if isinstance(row, dict) and "commission" in row]


def test_a_user_stream_full_of_odd_messages_rings_at_most(laboratory, monkeypatch):
    spoiler, seen = Spoiler(3, 1.0), []
    real = ccxt.pro.binance.handle_message

    def spoil(self, client, message):
        if "event" in message:
            seen.append(1)
            try:
                message = json.loads(spoiler(json.dumps(message).encode()))
            except ValueError:
                message = None
        return real(self, client, message)

    monkeypatch.setattr(ccxt.pro.binance, "handle_message", spoil)
    monkeypatch.setattr(user_streams, "BACKOFF_S", (0.1, 0.2))
    monkeypatch.setattr(user_streams, "account_wake_now", lambda _account_id: True)
    stream = asyncio.run_coroutine_threadsafe(user_streams._account_stream(laboratory.account), background_loop())
    try:
        for ask, held in ((laboratory.buy, 1), (laboratory.sell, 0)):
            ask()
            laboratory.settle(lambda held=held: laboratory.held() == held)
            laboratory.check()
        assert not stream.done(), "the stream has ended for good"
    finally:
        stream.cancel()
    assert seen
