from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from signals.custom.client import Child, StrategyFailure
from signals.custom.pool import warm_keep
from tests.signals.custom.files import text

TIME_S = 20.0


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    yield
    warm_keep(set())


class Closing(Child):
    close = Child.stop


def arrays(lanes: int = 3, length: int = 60) -> dict[str, np.ndarray]:
    close = 100.0 + np.cumsum(np.random.default_rng(1).normal(size=(lanes, length)), axis=1)
    return dict.fromkeys(("open", "high", "low", "close", "volume", "sma_20"), close)


@pytest.fixture
def decide():
    """Run lines inside `decide` in a sandbox, the static check left out; gives the answer or the failure."""

    def run(body: str, seconds: float = TIME_S, memory_mb: int = 256, top: str = ""):
        try:
            with closing(Closing(file="mine.py", source=text(body, top), memory_mb=memory_mb)) as child:
                return child.ask("decide", seconds, arrays(), 1 << 20, values={"period": 20})
        except StrategyFailure as failure:
            return failure

    return run
