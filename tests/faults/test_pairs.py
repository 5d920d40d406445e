"""Two faults, one after the other: some pairs in every run, FAULTS=200 of them or FAULTS=all (`make faults`)."""

from itertools import product

import pytest

from tests.faults.laboratory import some
from trading.practice.faults import KINDS

ALL = sorted(product(KINDS, KINDS))


@pytest.mark.embedded  # each kind alone is tried on PostgreSQL, too
@pytest.mark.parametrize(("first", "then"), some(ALL, 12))
def test_one_order_for_one_intent_through_two_faults(laboratory, first, then):
    laboratory.round_trip(first, then)
