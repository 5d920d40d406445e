"""Trouble: symbols that fail are left alone until they are tried again. Always the first step, whatever the chain."""

from signals.domain.selection.base import Candidate, Market, PlainFilter, Values


class Trouble(PlainFilter):
    """What is remembered of failing symbols (`signals.services.troubles`)."""

    kind = "trouble"
    title = "In trouble"
    help = "Leaves out symbols whose candles keep failing, until their next try. Always the first step."
    missing = "never missing"

    def refusal(self, candidate: Candidate, values: Values, market: Market) -> str:
        """Remembered as failing, and not due yet."""
        return candidate.trouble
