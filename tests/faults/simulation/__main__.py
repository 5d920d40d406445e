"""Many histories, or one again: `python -m tests.faults.simulation --seeds 20000`, `... --seed 4711`."""

import argparse
import logging
import multiprocessing
import sys
import time
from collections.abc import Iterator

from tests.faults.simulation.database import Broken
from tests.faults.simulation.world import World

PIECE = 50


def broken(seed: int) -> str:
    """What does not hold in this history; empty when all does."""
    world = World(seed)
    logging.disable(logging.CRITICAL)
    try:
        world.run()
    except Broken as error:
        return f"seed {seed}: {error}"
    except Exception as error:
        return f"seed {seed}: {type(error).__name__}: {error}"
    finally:
        logging.disable(logging.NOTSET)
    return ""


def _piece(first: int, count: int) -> list[str]:
    return [found for seed in range(first, first + count) if (found := broken(seed))]


def histories(first: int, count: int, processes: int) -> Iterator[list[str]]:
    """Failures, piece by piece."""
    pieces = [(start, min(PIECE, first + count - start)) for start in range(first, first + count, PIECE)]
    with multiprocessing.Pool(processes) as pool:
        for result in [pool.apply_async(_piece, piece) for piece in pieces]:
            yield result.get()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many histories")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this one alone, told step by step")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    args = parser.parse_args()
    if args.seed is not None:
        return _one(args.seed)
    began, done, failures = time.monotonic(), 0, 0
    for found in histories(args.first, args.seeds, args.processes):
        done, failures = min(done + PIECE, args.seeds), failures + len(found)
        for line in found:
            print(line, flush=True)
        if done % 1000 == 0 or done == args.seeds:
            print(f"{done} histories, {failures} broken, {time.monotonic() - began:.0f} s", flush=True)
    return 1 if failures else 0


def _one(seed: int) -> int:
    world = World(seed)
    try:
        world.run()
    finally:
        print("\n".join(world.log))
    return 0


if __name__ == "__main__":
    sys.exit(main())
