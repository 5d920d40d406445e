"""Texts of custom strategies for tests: one that is fine, and the same with lines put in."""

TEMPLATE = '''import numpy as np

from signals.domain.indicators.catalog import Indicator
from signals.domain.strategies.base import Decisions, Parameter, Strategy, before, crossed_above, saturating
{top}

class LineCross(Strategy):
    """Long when the close crosses above its average."""

    kind = "{kind}"
    name = "{name}"
    title = "Close crosses its average"
    parameters = (Parameter("period", 20, 5, 60, "Candles in the average."),)

    def indicators(self, values):
        return (Indicator("sma", (values["period"],)),)

    def decide(self, lanes, values):
        line, close = lanes[f"sma_{{values['period']}}"], lanes.close
        up, down = crossed_above(close, line), crossed_above(line, close)
        confidence = np.where(up | down, 0.5, 0.0)
{body}
        return Decisions.of(up, down, confidence, line=line)

    def reason(self, side, values, details):
        return f"Closed {{'above' if side > 0 else 'below'}} its average {{details['line']:.4f}}"
'''


def text(body: str = "", top: str = "", kind: str = "line_cross", name: str = "LineCross") -> str:
    """A strategy's file; `body` are lines of `decide`, `top` of the module."""
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    return TEMPLATE.format(body=lines, top=top, kind=kind, name=name)
