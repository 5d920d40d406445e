"""Reads settings from the environment and remembers, by name, every value that cannot be used.

The settings module must not raise at its first bad value: `xray_site.checks` reports all of them at once, and nothing
starts until they are right.
"""

import secrets
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class NamedEnv(environ.Env):  # type: ignore[misc]
    """django-environ where a bad value falls back to the default and is kept in `problems`."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []

    def get_value(
        self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, parse_default: bool = False
    ) -> Any:
        """The value, or the default where it is absent, empty or (noted in `problems`) not of its type."""
        if not self.ENVIRON.get(var, "").strip() and default is not self.NOTSET:
            return default
        if cast is bool:
            return self._bool(var, default)
        try:
            return super().get_value(var, cast, default, parse_default)
        except (ValueError, TypeError):
            kind = {int: "a whole number", float: "a number"}.get(cast, "a value of another kind")
            self.problems.append(f"{var} is '{self.ENVIRON.get(var)}'; allowed: {kind}, such as {default}.")
            return default

    def _bool(self, var: str, default: bool) -> bool:
        text = self.ENVIRON[var].strip().lower()
        if text not in _TRUE + _FALSE:
            self.problems.append(f"{var} is '{text}'; allowed: {', '.join(_TRUE)}; {', '.join(_FALSE)}.")
            return default
        return text in _TRUE

    def secret(self, var: str) -> str:
        """A secret that must be set; where it is missing (noted), a random one, so that nothing weak is ever used."""
        if text := self.ENVIRON.get(var, "").strip():
            return str(text)
        self.problems.append(f"{var} is missing; any long random text (make run writes one into .env).")
        return secrets.token_urlsafe(48)

    def folder(self, var: str, default: Path) -> Path:
        """A folder that this process can write into; it is made when it is missing."""
        path = Path(self.get_value(var, default=str(default)))
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.problems.append(f"{var} is '{path}', which cannot be made ({error.strerror}); a folder to write into.")
            return Path(tempfile.gettempdir())  # never used: nothing starts, but the checks may look
        return path

    def within(self, var: str, value: float, low: float, high: float) -> None:
        """Note a number outside its range (both ends allowed)."""
        if not low <= value <= high:
            self.problems.append(f"{var} is {value:g}; allowed: {low:g} to {high:g}.")

    def url(self, var: str, schemes: tuple[str, ...], example: str) -> str:  # type: ignore[override]
        """A server's URL, or "" where it is absent or (noted) of another kind."""
        text: str = self.ENVIRON.get(var, "").strip()
        try:
            parts = urlsplit(text)
            good = parts.scheme in schemes and (parts.port or 0) >= 0
        except ValueError:
            good = False
        if text and not good:
            self.problems.append(
                f"{var} is not a URL starting with {' or '.join(f'{s}://' for s in schemes)}; such as {example}."
            )
        return text if good else ""
