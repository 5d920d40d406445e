"""The page names every kind of fault, and every act."""

import re
from pathlib import Path

from trading.practice.acts import ACTS
from trading.practice.faults import EVENTS, KINDS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "faults.md").read_text()


def test_everything_is_on_the_page():
    named = set(re.findall(r"`([a-z0-9_*]+)`", PAGE))
    for kind in [*KINDS, *EVENTS, *ACTS]:
        assert kind in named or f"{kind.rsplit('_', 1)[0]}_*" in named, kind
