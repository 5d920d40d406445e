"""docs/selection.md names every filter and parameter there is, with the default and range in force."""

from pathlib import Path

from signals.domain.selection import REGISTRY
from signals.domain.selection.parameters import Names, Number, plain

PAGE = Path(__file__).resolve().parents[2] / "docs" / "selection.md"


def told(parameter) -> str:
    """A parameter as the page writes it: `name` default (what is allowed)."""
    if isinstance(parameter, Names):
        return f"`{parameter.name}` {len(parameter.default)} names" if len(parameter.default) > 3 else _names(parameter)
    if isinstance(parameter, Number):
        return f"`{parameter.name}` {plain(parameter.default)} ({plain(parameter.low)} to {plain(parameter.high)})"
    return f"`{parameter.name}` {parameter.default} ({', '.join(parameter.options)})"


def _names(parameter) -> str:
    return f"`{parameter.name}` {', '.join(parameter.default) or 'empty'}"


def table_rows() -> list[str]:
    """One row a filter: kind, what it does, parameters, without data, candles it needs."""
    cells = (
        (f"`{kind}`", rules.help, "<br>".join(told(one) for one in rules.parameters), rules.missing, _needs(rules))
        for kind, rules in REGISTRY.items()
    )
    return [f"| {' | '.join(row)} |" for row in cells]


def _needs(rules) -> str:
    want = rules.wants(rules.validate({}))
    return f"{want.count} of {want.timeframe}" if want else "none"


def test_the_table_of_filters_is_true():
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert rows == table_rows()
