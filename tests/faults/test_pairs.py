"""Two faults, one after the other: some pairs in every run, FAULTS=200 of them or FAULTS=all (`make faults`)."""

import os
import random
from itertools import product

import pytest

from trading.practice.faults import KINDS

SOME = 16
ALL = sorted(product(KINDS, KINDS))
WANTED = os.environ.get("FAULTS", "")
CHOSEN = ALL if WANTED == "all" else random.Random(20).sample(ALL, min(int(WANTED or SOME), len(ALL)))


@pytest.mark.parametrize(("first", "then"), CHOSEN)
def test_one_order_for_one_intent_through_two_faults(laboratory, first, then):
    laboratory.round_trip(first, then)
