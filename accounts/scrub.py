"""Keeps secrets out of logs."""

import logging
import re

_PATTERN = re.compile(
    r"(?i)((?:api[_-]?key|secret|passphrase|password|signature|authorization|token)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,}]+"
)


def scrub(text: str) -> str:
    """The text with the values of anything that looks like a credential replaced by ***."""
    return _PATTERN.sub(r"\1***", text)


class ScrubFilter(logging.Filter):
    """Scrubs every record's message before it is written."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always lets the record through, scrubbed."""
        record.msg = scrub(record.getMessage())
        record.args = None
        return True
