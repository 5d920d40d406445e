"""The tests of this folder are worth something: planted mistakes are noticed, each by the way that it needs."""

import time

import pytest

from tests.restarts.conftest import KEYS, world_make
from tests.restarts.test_restarts import LOST, SEEDS, SLOW

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("restarts"),
    pytest.mark.skipif(not SEEDS, reason="needs RESTART_SEEDS: make faults"),
]
NOTICED = "we do not know|executed twice|differences|unknown"


@pytest.fixture
def spoiled(tmp_path):
    """A world that may be left in any state."""
    made = world_make(tmp_path)
    yield made
    made.end()


def entries_in_flight(world):
    world.faults(0, *SLOW, LOST)
    world.do("enter", amounts=["100"], resting=False)
    world.until("the exchange has an order", lambda: any(world.ledger(key)["orders"] for key in KEYS), 30, every_s=0.05)


def test_commits_that_a_crash_of_postgresql_loses_are_noticed(spoiled):
    spoiled.postgres.more = "-c synchronous_commit=off -c wal_writer_delay=10000ms"
    spoiled.postgres.stop("fast")
    spoiled.postgres.start()
    entries_in_flight(spoiled)
    spoiled.postgres.stop("immediate")
    spoiled.postgres.start()
    spoiled.settled()
    with pytest.raises(AssertionError, match=NOTICED):
        spoiled.books_agree(KEYS)


def test_without_leases_a_second_delivery_that_sends_again_is_noticed(spoiled):
    spoiled.switch("resend")
    spoiled.switch("copies")
    entries_in_flight(spoiled)
    time.sleep(5)
    spoiled.switch("resend", False)
    spoiled.switch("copies", False)
    spoiled.settled()
    with pytest.raises(AssertionError, match=NOTICED):
        spoiled.books_agree(KEYS)
