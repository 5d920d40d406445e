"""What a check of a custom strategy found."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    `rule`: syntax, import, contract, parameters, raises, look_ahead, needs, state, slow, memory, crash, protocol,
    sandbox. `line` 0: no line can be named. `variable`, `market` and `candle` (from 0) say where a value differs.
    """

    rule: str
    message: str
    line: int = 0
    source: str = ""
    function: str = ""
    variable: str = ""
    market: str = ""
    candle: int = -1

    def text(self, file: str) -> str:
        """For a person: file, line, message and the line itself."""
        place = f"{file}:{self.line}" if self.line else file
        quoted = f"\n    {self.source}" if self.source else ""
        return f"{place}: {self.message}{quoted}"


@dataclass(slots=True)
class Report:
    """The outcome: `findings` is empty for a strategy that may run. `facts` are measured figures."""

    file: str
    digest: str
    described: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {"good": self.good, **asdict(self)}
