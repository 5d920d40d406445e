"""PostgreSQL and Redis are restarted while orders are in flight; the platform's processes live on and all settles."""

import os
import random
import time

import pytest

from tests.restarts.conftest import KEYS

pytestmark = [
    pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("restarts"),
]  # fmt: skip
SEEDS = int(os.environ.get("RESTART_SEEDS") or 0)  # 0: the short form
KINDS = [
    ("postgres", "immediate", True),
    ("redis", "kill", False),
    ("redis", "shutdown", True),
]
MORE = [("postgres", "fast", True), ("redis", "kill", True), ("redis", "shutdown", False)]
LATEST_MS = 1000
ORDERS = {"path": "order$", "method": "POST", "count": None}
SLOW = [{"kind": kind, "seconds": 1.5, "probability": 0.5, **ORDERS} for kind in ("slow_before", "slow_after")]
LOST = {"kind": "reset_after", "probability": 0.1, **ORDERS}


@pytest.mark.parametrize("seed", range(SEEDS or 1))
def test_all_settles_and_the_books_agree_whatever_is_restarted(world, seed):
    """Entries and exits by turns, and in the middle of each a server ends and comes back."""
    rng = random.Random(seed)
    kinds = KINDS + MORE if SEEDS else KINDS
    in_flight = 0
    for number, (server, how, kept) in enumerate(rng.sample(kinds, len(kinds))):
        world.faults(seed, *SLOW, LOST)
        world.redis.keep(kept or server == "postgres")
        before, away = world.do("sent"), getattr(world, server)
        now, late = 0, server == "redis" and rng.random() < 0.3  # people go on while Redis is away
        if late:
            away.stop(how)
        if number % 2:
            world.do("leave")
        else:
            amounts = [str(rng.choice([20, 50, 200, 1234.56])) for _ in range(3)]
            world.do("enter", amounts=amounts, resting=not late)
        if not late:
            world.until("an order is on its way", lambda before=before: world.do("sent") > before, 30, every_s=0.05)
            time.sleep(rng.uniform(0, 1))
            now = world.do("waiting")["orders"]
            away.stop(how)
            in_flight += now
        time.sleep(rng.uniform(0, 2 if SEEDS else 1))
        away.start()
        took = world.settled()
        world.books_agree(KEYS)
        what = f"{server} {how}, data {'kept' if kept else 'lost'}, {'acted meanwhile' if late else f'{now} in flight'}"
        print(f"{what}: settled {took:.1f} s later")
    assert in_flight > 0, "no order was ever on its way"
    left(world)


def left(world):
    """Close what is open; then nothing is open, on both sides."""
    world.faults(0)
    world.do("leave")
    world.settled()
    for ours in world.books_agree(KEYS):
        assert {row["status"] for row in ours["positions"]} <= {"closed", "cancelled"}
        assert {row["status"] for row in world.ledger(ours["key"])["orders"]} <= {"FILLED", "CANCELED"}


def test_entries_that_expire_meanwhile_are_dropped_and_exits_are_not(world):
    world.faults(0)
    world.do("streams_forget")
    world.do("enter", amounts=["100"], resting=False)
    world.settled()
    world.until("every account's user stream delivers", lambda: world.do("streamed") == len(KEYS), 60)
    world.do("leave")
    known = set(world.do("signals_come", lives_s=1.5))
    world.postgres.stop("fast")
    time.sleep(1.5)
    world.postgres.start()
    world.settled()
    reports = world.books_agree(KEYS)
    came = [row for ours in reports for row in ours["intents"] if row["id"] in known]
    assert {row["status"] for row in came} <= {"expired", "done"}
    assert any(row["status"] == "expired" for row in came)
    exits = [row["status"] for ours in reports for row in ours["intents"] if row["purpose"] == "force_exit"]
    assert set(exits) == {"done"}
    left(world)


def test_a_stop_holds_at_once_although_redis_came_back_empty(world):
    world.redis.keep(False)
    world.faults(0, {"kind": "slow_before", "seconds": 0.5, **ORDERS})
    before = world.do("sent")
    world.do("enter", amounts=["100"], resting=False)
    world.until("an order is on its way", lambda: world.do("sent") > before, 30, every_s=0.05)
    world.redis.stop("kill")
    late = set(world.do("signals_come", lives_s=60))
    committed_ms = world.do("stop")
    world.redis.start()
    world.settled()
    reports = world.books_agree(KEYS)
    held = [row for ours in reports for row in ours["intents"] if row["id"] in late]
    assert {row["status"] for row in held} == {"denied"} and all("stop" in row["reason"].lower() for row in held)
    times = [row["time"] for key in KEYS for row in world.ledger(key)["orders"]]
    assert max(times) <= committed_ms + LATEST_MS
    world.do("stops_lift")
    left(world)
