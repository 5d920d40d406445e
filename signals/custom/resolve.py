"""From a name, a stored version or a file to the rules of a strategy, built-in or custom."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from signals.custom.bench import SLOW_S
from signals.custom.client import StrategyFailure
from signals.custom.pool import child_start
from signals.custom.rules import PREFIX, CustomRules, rules_of_child
from signals.custom.static import static_findings
from signals.domain.strategies import ParameterError, Strategy, strategy_of
from signals.models import CustomStrategy
from signals.models import Strategy as Version


@contextmanager
def version_rules(version: Version) -> Iterator[Strategy]:
    """The rules that a stored version runs, whatever is in force now.

    Raises:
        ParameterError: an unknown kind, or a custom strategy whose process does not do what is asked.

    """
    if version.custom is None:
        yield strategy_of(version.kind)
        return
    with source_rules(version.custom.file, version.custom.source) as rules:
        yield rules


@contextmanager
def rules_named(name: str) -> Iterator[Strategy]:
    """The rules of a built-in kind, of `custom:name` (in force, else the newest that passed its check), or of FILE.py.

    Raises ParameterError with what is wrong.
    """
    if not name.startswith(PREFIX) and not name.endswith(".py"):
        yield strategy_of(name)
        return
    file, source = _stored(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else _read(Path(name))
    with source_rules(file, source) as rules:
        yield rules


@contextmanager
def rules_checked(name: str) -> Iterator[Strategy]:
    """The rules of a built-in kind or of `custom:name`: those that have passed a check, for whoever asks them of many
    sets or symbols and does not look over their shoulder. Raises ParameterError with what is wrong.
    """
    if name.endswith(".py"):
        raise ParameterError(
            f"{name} has not been checked: `manage.py strategy install {name}` checks and keeps it; "
            "then name it custom:NAME. (`backtest` takes files as they are.)"
        )
    with rules_named(name) as rules:
        yield rules


@contextmanager
def source_rules(file: str, source: str) -> Iterator[CustomRules]:
    """The rules of a text, in a process that is gone afterwards. Raises ParameterError with file and line."""
    try:
        child = child_start(file, source)
        try:
            yield rules_of_child(lambda: child, child.described, max(SLOW_S, settings.XRAY_STRATEGY_TIMEOUT_S))
        finally:
            child.stop()
    except StrategyFailure as failure:
        raise ParameterError(place_text(file, failure)) from failure


def place_text(file: str, failure: StrategyFailure) -> str:
    """file:line: what is wrong, and the line itself."""
    place = failure.place
    if not place.line:
        return f"{file}: {failure}"
    return f"{file}:{place.line}: {failure}\n    {place.source}"


def names_checked() -> list[str]:
    """Names of the custom strategies that have passed a check."""
    return sorted(set(CustomStrategy.objects.filter(report__good=True).values_list("name", flat=True)))


def _stored(name: str) -> tuple[str, str]:
    status = CustomStrategy.Status
    rows = CustomStrategy.objects.filter(name=name)
    row = rows.filter(status=status.ENABLED).first() or rows.filter(report__good=True).first()
    if row is None:
        known = ", ".join(names_checked()) or "none"
        raise ParameterError(f"There is no checked custom strategy {name!r}. There are: {known}.")
    return row.file, row.source


def _read(path: Path) -> tuple[str, str]:
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path} cannot be read: {error}. Give the path of a Python file.") from error
    if findings := static_findings(source):
        raise ParameterError("\n".join(finding.text(path.name) for finding in findings))
    return path.name, source
