"""The catalog as a Markdown table, for the documentation."""

from signals.domain.indicators.catalog import KINDS, Indicator, Kind

HEAD = "| kind and arguments, with defaults | columns | missing at first | reads | from |"
GROUPS = ("trend", "momentum", "volatility", "volume", "strategy")


def catalog_table() -> str:
    """One table a group; the columns and how many values are missing are those of the default arguments."""
    parts = []
    for group in GROUPS:
        rows = [_row(kind) for kind in KINDS.values() if kind.group == group]
        parts.append("\n".join((f"### {group.capitalize()}", "", HEAD, "|---|---|---|---|---|", *rows)))
    return "\n\n".join(parts)


def _row(kind: Kind) -> str:
    one = Indicator(kind.name, kind.default)
    told = ", ".join(f"{name} {value:g}" for name, value in zip(kind.arguments, kind.default, strict=True))
    missing = dict.fromkeys(one.warm_ups) if len(set(one.warm_ups)) == 1 else one.warm_ups
    cells = (
        f"`{kind.name}`" + (f" ({told})" if told else ""),
        ", ".join(f"`{name}`" for name in one.columns),
        ", ".join(str(number) for number in missing),
        ", ".join(kind.inputs),
        kind.source + (" **Anchored.**" if kind.anchored else ""),
    )
    return f"| {' | '.join(cells)} |"
