from pathlib import Path

from signals.domain.indicators import KINDS
from signals.domain.indicators.table import GROUPS, catalog_table

PAGE = Path(__file__).resolve().parents[4] / "docs" / "indicators.md"


def test_the_documentation_has_the_catalog_as_it_is():
    assert {kind.group for kind in KINDS.values()} == set(GROUPS)
    assert catalog_table() in PAGE.read_text(), "write the output of `manage.py indicators --markdown` into the page"
