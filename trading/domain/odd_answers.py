"""An answer of an exchange that nobody can act on, and what it means for the account."""

from dataclasses import dataclass

ADVICE_UNREADABLE = (
    "It was not acted on and is asked for again; nothing is bought or sold twice. If this goes on, look whether the "
    "exchange reports trouble."
)
ADVICE_IMPOSSIBLE = (
    "It was not acted on, and nothing new is ordered until you have looked: compare orders and balances at the "
    "exchange, press 'Compare now', and resume the account when they agree."
)


@dataclass(frozen=True, slots=True)
class OddAnswer:
    """What was asked about, what is wrong with the answer, and the answer itself (scrubbed, shortened).

    `impossible`: it says what cannot be, so that money is unclear; else it only could not be read.
    """

    about: str
    text: str
    raw: str
    impossible: bool

    @property
    def advice(self) -> str:
        """What follows, and what its owner can do."""
        return ADVICE_IMPOSSIBLE if self.impossible else ADVICE_UNREADABLE
