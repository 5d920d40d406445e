"""Keeps secrets out of logs and stored texts.

What looks like a credential (`secret=...`) is masked by its name, and the values that this process has opened are
masked wherever they stand, also as base64, hex or in a URL: an exchange may put a key into its error message.
"""

import base64
import logging
import re
import threading
from collections.abc import Iterable
from urllib.parse import quote

MASKED = "***"
SHORTEST = 6  # shorter values would mask ordinary words
MOST = 20_000  # forms that are remembered; a process signs for some thousand accounts
_PATTERN = re.compile(
    r"(?i)((?:api[_-]?key|secret|passphrase|password|signature|authorization|token)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,}]+"
)
_known: dict[str, None] = {}
_lock = threading.Lock()


def scrub(text: str) -> str:
    """The text with every known secret, and the values of anything that looks like a credential, replaced by ***."""
    for form in tuple(_known):
        if form in text:
            text = text.replace(form, MASKED)
    return _PATTERN.sub(rf"\1{MASKED}", text)


def secrets_remember(values: Iterable[str]) -> None:
    """Mask these values from now on; the oldest are forgotten when there are very many."""
    forms = {form: None for value in values if len(value) >= SHORTEST for form in _forms(str(value))}
    with _lock:
        for form in forms:
            _known.pop(form, None)
        _known.update(forms)
        for form in list(_known)[: max(len(_known) - MOST, 0)]:
            del _known[form]


def _forms(value: str) -> Iterable[str]:
    raw = value.encode("utf-8", "replace")
    yield from (value, quote(value, safe=""), raw.hex(), base64.b64encode(raw).decode().rstrip("="))


class ScrubFormatter(logging.Formatter):
    """Scrubs what is written, the text of an exception included."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, scrubbed."""
        return scrub(super().format(record))
