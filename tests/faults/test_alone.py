"""Each kind of fault alone, on the request that opens a position and on the one that closes it.

All of them on SQLite; on PostgreSQL those after which the platform has to look up what became of its order.
"""

import pytest

from trading.practice.faults import KINDS

LOOKED_UP = {"timeout_after", "reset_after", "truncated_after", "braces_after", "slow_after", "unknown_1000_before"}
EVERY = [kind if kind in LOOKED_UP else pytest.param(kind, marks=pytest.mark.embedded) for kind in sorted(KINDS)]


@pytest.mark.parametrize("kind", EVERY)
def test_one_order_for_one_intent_whatever_is_answered(laboratory, kind):
    laboratory.round_trip(kind)
