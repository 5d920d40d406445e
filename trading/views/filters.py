"""Filters of the lists on pages. A value that a list does not know filters nothing, and the page says so."""

from collections.abc import Iterable

from django.http import HttpRequest

from accounts.fields import storable

SHOWN = 40  # characters of what was asked for
NAMED = 12  # choices that a message names


class Filters:
    """The filters of one request: `chosen` values by name, and `wrong`, one sentence a value that is no choice."""

    def __init__(self, request: HttpRequest) -> None:
        self._asked = request.GET
        self.chosen: dict[str, str] = {}
        self.wrong: list[str] = []

    def text(self, name: str) -> str:
        """What was typed; nothing of what no database could keep."""
        asked = self._asked.get(name, "").strip()
        self.chosen[name] = asked if storable(asked) else ""
        if asked != self.chosen[name]:
            self.wrong.append(f"The {name} holds characters that cannot be looked for: nothing is filtered by it.")
        return self.chosen[name]

    def choice(self, name: str, what: str, known: Iterable[str], names: Iterable[str] | None = None) -> str:
        """One of `known`, or nothing. `what` is the filter in a word, `names` how people know the choices."""
        asked, values = self._asked.get(name, ""), list(known)
        self.chosen[name] = asked if asked in values else ""
        if asked and not self.chosen[name]:
            shown = asked if len(asked) <= SHOWN else f"{asked[:SHOWN]}..."
            allowed = ", ".join(list(values if names is None else names)[:NAMED])
            self.wrong.append(
                f"There is no {what} “{shown}”: nothing is filtered by it. "
                + (f"Choose from: {allowed}." if allowed else "")
            )
        return self.chosen[name]
