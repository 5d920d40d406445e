"""Django's error pages and error mails without secrets, with DEBUG on as well."""

import re
from typing import Any

from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from accounts.scrub import scrub


class MaskingFilter(SafeExceptionReporterFilter):
    """Masks what Django masks, and settings whose addresses hold passwords, whether DEBUG is on or off."""

    hidden_settings = re.compile(
        rf"{SafeExceptionReporterFilter.hidden_settings.pattern}|_URL$|DATABASES|CACHES|CHANNEL_LAYERS", re.IGNORECASE
    )

    def is_active(self, request: Any) -> bool:
        """Always: a debug page is copied into chats and issues."""
        return True


class ScrubbedReporter(ExceptionReporter):
    """What is told of an exception, locals and request included, is scrubbed like a log."""

    def get_traceback_html(self) -> str:  # type: ignore[override]
        """The page."""
        return scrub(super().get_traceback_html())

    def get_traceback_text(self) -> str:  # type: ignore[override]
        """The text."""
        return scrub(super().get_traceback_text())
