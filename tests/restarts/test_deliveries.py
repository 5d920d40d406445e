"""Task messages are delivered two to five times, to two workers, and once more when the worker that had them dies."""

import random
from collections import defaultdict

import pytest

from tests.restarts.conftest import KEYS
from tests.restarts.test_restarts import LOST, SEEDS, SLOW, left

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("restarts"),
]
VISIBILITY_S = 4  # so that a turn that takes longer is delivered again while it lasts
WORK = "trading.tasks.account_work"


@pytest.fixture(scope="module")
def second(world):
    """Another worker on the same queue, which soon takes over what nobody acknowledges."""
    world.redis.keep(False)
    world.start("execution.2", RESTARTS_VISIBILITY_S=str(VISIBILITY_S))
    pid = world.processes["execution.2"].pid

    def at_work():
        world.do("sweeps_ask", number=20)
        return any(pid in one for one in takers(world).values())

    world.until("the second worker is at work", at_work, 60, every_s=1)
    yield pid
    if "execution" not in world.processes:
        world.start("execution")
    world.kill("execution.2")


def takers(world):
    """Which processes took up each message of an account's work, a process for each time."""
    found = defaultdict(list)
    for line in (world.folder / "delivered").read_text().splitlines():
        task, name, pid = line.split()
        if name in (WORK, "trading.tasks.sweep"):
            found[task].append(int(pid))
    return found


def queued(world):
    """How many messages wait, or are being worked on."""
    return world.redis.client.llen("execution") + world.redis.client.hlen("unacked")


@pytest.mark.parametrize("seed", range(SEEDS or 1))
def test_once_is_enough_however_often_a_task_is_delivered(world, second, seed):
    rng = random.Random(seed)
    world.faults(seed, *[fault | {"seconds": 0.7} for fault in SLOW], LOST)
    known = takers(world).keys()
    world.switch("copies")
    try:
        world.do("enter", amounts=[str(rng.choice([20, 50, 200, 1234.56])) for _ in range(3)], resting=True)
        world.settled()
        world.books_agree(KEYS)
        left(world)
    finally:
        world.switch("copies", False)
    world.until("every copy is delivered", lambda: not queued(world), 120)  # while an account is busy they are many
    taken = [pids for task, pids in takers(world).items() if task not in known]
    often, both = [len(pids) for pids in taken], [pids for pids in taken if len(set(pids)) == 2]
    several = sum(number >= 2 for number in often)
    print(f"{len(often)} messages, {several} delivered 2 to {max(often)} times, {len(both)} of those to both workers")
    assert several >= 50 and both
    assert max(often) >= 4


def test_what_a_killed_worker_had_taken_is_delivered_to_another(world, second):
    world.faults(0, *SLOW)
    before, killed = world.do("sent"), world.processes["execution"].pid
    world.do("enter", amounts=["100"], resting=False)
    world.until("an order is on its way", lambda: world.do("sent") > before, 30, every_s=0.05)
    world.kill("execution")
    taken = {task for task, pids in takers(world).items() if pids == [killed]}
    again = world.until("it is delivered again", lambda: any(second in takers(world)[task] for task in taken), 60)
    print(f"delivered again {again:.1f} s later, settled {world.settled():.1f} s after that")
    world.books_agree(KEYS)
    left(world)
