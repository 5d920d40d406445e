"""An explanation as lines for a person: the command's and the admin's."""

from collections.abc import Iterator

from signals.services.explain import Explanation


def explanation_lines(told: Explanation) -> Iterator[str]:
    """What was said, from what, with which numbers, and whether it comes out again."""
    facts = told.signal
    yield f"{told.stored['side']} {facts['symbol']} on {facts['exchange']} {facts['timeframe']}, {facts['strategy']}"
    yield f"candle        {facts['candle_open_time']} (made on {facts['backend']})"
    yield f"reason        {facts['reason']}"
    if facts["threshold"] is not None:
        yield f"threshold     {facts['threshold']!r}"
    yield from _candles(told)
    yield from (f"parameter     {name} = {value!r}" for name, value in facts["parameters"].items())
    yield from (f"indicator     {name} = {value!r}" for name, value in told.values.items())
    for vote in told.votes:
        said = f"{vote['name']} {vote['side']} {vote['confidence']!r}"
        yield f"vote          {said} x {vote['weight']!r}, {vote['age']} candles ago"
    for name, value in told.stored.items():
        yield f"stored        {name} = {value!r}"
    yield from (f"DIFFERS       {line}" for line in told.differences)
    yield told.verdict


def _candles(told: Explanation) -> Iterator[str]:
    for name in ("then", "now"):
        if row := told.candles.get(name):
            yield f"candles {name:<5} {row['candles_hash']}, {row['candles']} rows, revision {row['revision']}"
