"""Keeps secrets out of logs, stored texts and error pages.

What looks like a credential (`secret=...`) is masked by its name. Masked wherever they stand, also as base64, hex or
in a URL, are: the values that this process has opened (an exchange may put a key into its error message), those of the
settings, and those typed into the request that is being served.
"""

import base64
import html
import json
import logging
import re
import threading
from collections.abc import Iterable
from contextvars import ContextVar
from urllib.parse import quote, quote_plus

MASKED = "***"
SHORTEST = 6  # shorter values would mask ordinary words
MOST = 40_000  # forms that are remembered; a process signs for some thousand accounts
_PATTERN = re.compile(
    r"(?i)((?:api[_-]?key|secret|passphrase|password|signature|[_-]sign|authorization|token|listen[_-]?key)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,}]+"
)
_known: dict[str, None] = {}
_always: dict[str, None] = {}
_here: ContextVar[tuple[str, ...]] = ContextVar("typed_secrets", default=())
_lock = threading.Lock()


def scrub(text: str) -> str:
    """The text with every known secret, and the values of anything that looks like a credential, replaced by ***."""
    for form in (*_here.get(), *_always, *tuple(_known)):
        if form in text:
            text = text.replace(form, MASKED)
    return _PATTERN.sub(rf"\1{MASKED}", text)


def secrets_remember(values: Iterable[str]) -> None:
    """Mask these values from now on; the oldest are forgotten when there are very many."""
    forms = _forms_of(values)
    with _lock:
        for form in forms:
            _known.pop(form, None)
        _known.update(forms)
        for form in list(_known)[: max(len(_known) - MOST, 0)]:
            del _known[form]


def secrets_remember_always(values: Iterable[str]) -> None:
    """Mask these values (of the settings) for as long as the process lives."""
    _always.update(_forms_of(values))


def secrets_remember_here(values: Iterable[str]) -> None:
    """Mask these values (typed into a request) for as long as it is served; they are kept nowhere else."""
    _here.set(tuple(_forms_of(values)))


def _forms_of(values: Iterable[str]) -> dict[str, None]:
    return {form: None for value in values if len(value) >= SHORTEST for form in _forms(str(value))}


def _forms(value: str) -> Iterable[str]:
    raw = value.encode("utf-8", "replace")
    encoded = base64.b64encode(raw).decode().rstrip("=")
    yield from (value, quote(value, safe=""), quote_plus(value), html.escape(value), json.dumps(value)[1:-1])
    yield from (raw.hex(), raw.hex().upper(), encoded, encoded.replace("+", "-").replace("/", "_"))


class ScrubFormatter(logging.Formatter):
    """Scrubs what is written, the text of an exception included."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, scrubbed."""
        return scrub(super().format(record))
