"""An answer of an exchange that nobody can act on, and what it means for the account."""

from dataclasses import dataclass
from decimal import Decimal

ADVICE_UNREADABLE = (
    "It was not acted on and is asked for again; nothing is bought or sold twice. If this goes on, look whether the "
    "exchange reports trouble."
)
ADVICE_IMPOSSIBLE = (
    "It was not acted on, and nothing new is ordered until you have looked: compare orders and balances at the "
    "exchange, press 'Compare now', and resume the account when they agree."
)
ADVICE_FEE = (
    "The trade is not booked, and nothing new is ordered until you have looked: compare the fee with the exchange's "
    "own pages. If it really took it, accept the fee beside the account; if not, ask the exchange, and resume the "
    "account once it tells another one."
)


@dataclass(frozen=True, slots=True)
class TradeFee:
    """A trade whose fee is more than anybody takes and less than the trade is worth. Numbers as the exchange told them.

    `fee` is in `currency`, the pair's base or quote; `price` in quote, `amount` in base currency.
    """

    symbol: str
    trade_id: str
    side: str
    price: Decimal
    amount: Decimal
    fee: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class OddAnswer:
    """What was asked about, what is wrong with the answer, and the answer itself (scrubbed, shortened).

    `impossible`: it says what cannot be, so that money is unclear; else it only could not be read. `fee`: the trade
    whose fee is all that is wrong, which its owner may accept.
    """

    about: str
    text: str
    raw: str
    impossible: bool
    fee: TradeFee | None = None

    @property
    def advice(self) -> str:
        """What follows, and what its owner can do."""
        if self.fee is not None:
            return ADVICE_FEE
        return ADVICE_IMPOSSIBLE if self.impossible else ADVICE_UNREADABLE
