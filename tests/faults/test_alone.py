"""Each kind of fault alone, on the request that opens a position and on the one that closes it."""

import pytest

from trading.practice.faults import KINDS


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_one_order_for_one_intent_whatever_is_answered(laboratory, kind):
    laboratory.round_trip(kind)
