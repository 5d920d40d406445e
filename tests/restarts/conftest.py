"""One world for the tests of this folder: they leave it settled, with nothing open."""

import pytest

from tests.restarts.world import World

KEYS = [f"restart-test-{number}" for number in range(4)]
BOTS = 3


def world_make(folder):
    made = World(folder, ("execution", "beat", "streams"), "-I tests.restarts.hooks")
    try:
        for key in KEYS:
            made.exchange.account(key, USDT="100000")
        made.do("setup", keys=KEYS, bots=BOTS)
    except BaseException:
        made.end()
        raise
    return made


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    made = world_make(tmp_path_factory.mktemp("restarts"))
    yield made
    made.end()
