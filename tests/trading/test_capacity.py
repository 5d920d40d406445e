"""All bots together take only so much of a pair: taken once, given back once, and the last of it by one worker only."""

import threading
from datetime import timedelta
from decimal import Decimal as D
from uuid import UUID, uuid4

import pytest
from django.db import connection

from accounts.clock import clock_set
from signals.models import Instrument
from tests.trading.worlds import World, account_make, bot_make, instrument_make, intent_make, quote_make
from trading.models import CapacityHold, PairCapacity, RiskEvent
from trading.services.execution import account_execute
from trading.services.sweep import capacity_tidy
from trading.store.capacity import capacity_release, capacity_take

pytestmark = pytest.mark.django_db(transaction=True)


def take(instrument, cost, intent=None, volume=100_000.0, mode="live", share="0.01"):
    """Of 1,000: a hundredth of the volume."""
    wanted = {"instrument_id": instrument.pk, "mode": mode, "cost": D(cost), "volume": volume, "share": D(share)}
    return capacity_take(intent=intent or uuid4(), **wanted)


def taken():
    return [row.taken for row in PairCapacity.objects.order_by("id")]


def test_it_is_taken_to_the_last_digit_and_not_beyond():
    btc = instrument_make()
    assert take(btc, "999.99999999") == D("999.99999999")
    assert take(btc, "0.00000002") == D("0.00000001"), "what is left is told"
    assert take(btc, "0.00000001") == D("0.00000001")
    assert take(btc, "0.00000001") < D("0.00000001")
    assert taken() == [100_000_000_000]


def test_an_intent_takes_once_and_gives_back_once():
    btc, intent = instrument_make(), UUID(int=5)
    for _ in range(2):
        assert take(btc, 600, intent) == 600
    assert taken() == [60_000_000_000] and CapacityHold.objects.count() == 1
    assert [capacity_release([intent]), capacity_release([intent])] == [1, 0]
    assert taken() == [0]


def test_modes_do_not_share_and_an_unknown_volume_or_a_share_of_one_is_no_limit():
    btc = instrument_make()
    assert take(btc, 1000) == take(btc, 1000, mode="paper") == 1000
    assert take(btc, 1, volume=0.0) is None
    assert take(btc, 10**9, share="1") is None
    assert taken() == [10**11, 10**11]


def test_many_workers_at_once_never_take_more_than_there_is():
    btc, start, got, errors = instrument_make(), threading.Barrier(8), [], []

    def work() -> None:
        try:
            start.wait()
            for _ in range(5):
                got.append(take(btc, 70))
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sum(1 for found in got if found == 70) == 14, "14 of 70 fit into 1,000"
    assert taken() == [98_000_000_000] and CapacityHold.objects.count() == 14


def test_bots_of_two_accounts_share_what_a_pair_has_and_a_closed_trade_gives_it_back():
    world = World()
    Instrument.objects.update(volume_quote_24h=30_000.0)  # 300 for all
    other = account_make("other@example.com", name="Other")
    late = intent_make(bot_make(other), world.btc)
    world.entry()
    world.run(100)
    assert 19_900_000_000 < taken()[0] <= 20_000_000_000
    with clock_set(lambda: world.at):
        account_execute(account_id=other.pk, quotes=[quote_make(at=world.at)], at=world.at)
    late.refresh_from_db()
    assert late.status == "denied"
    event = RiskEvent.objects.get()
    assert event.rule == "capacity" and event.reason.startswith(
        "The bots of this platform may together take 100 USDT more of BTC"
    )
    assert D(event.snapshot["left"]) < D(event.snapshot["needed"])
    world.run(90)
    world.run(90)
    assert world.position().status == "closed"
    assert taken() == [0] and not CapacityHold.objects.exists()


def test_what_a_killed_run_took_is_given_back_by_the_sweep():
    world = World()
    waiting, gone = world.entry(), world.entry(status="failed")
    with clock_set(lambda: world.at):
        for intent in (waiting, gone):
            take(world.btc, 100, intent.public_id)
    with clock_set(lambda: world.at + timedelta(seconds=30)):
        assert capacity_tidy() == 0
    with clock_set(lambda: world.at + timedelta(seconds=90)):
        assert capacity_tidy() == 1
    assert [hold.intent_id for hold in CapacityHold.objects.all()] == [waiting.public_id]
