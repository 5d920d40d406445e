"""Stablecoins, leveraged tokens and wrapped copies: no market of their own, left out by rule."""

import re

from signals.domain.selection.base import Candidate, Market, PlainFilter, Values
from signals.domain.selection.parameters import Choice, Names

YES, NO = "yes", "no"
ASK = (YES, NO)
STABLE = (
    "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI", "USDP", "USDD", "USDE", "SUSDE", "PYUSD", "GUSD", "LUSD", "FRAX",
    "USD1", "RLUSD", "USDG", "XUSD", "BFUSD", "USDS", "UST", "USTC", "EUR", "EURI", "AEUR", "EURC", "EURT", "GBP",
    "AUD", "BRL", "TRY", "PAXG", "XAUT",
)  # fmt: skip
WRAPPED = (
    "WBTC", "BTCB", "TBTC", "CBBTC", "RENBTC", "SOLVBTC", "WETH", "STETH", "WSTETH", "BETH", "WBETH", "RETH", "CBETH",
    "EZETH", "WEETH", "METH", "WBNB", "BNSOL", "JITOSOL", "MSOL", "WAVAX",
)  # fmt: skip
LEVERAGED = re.compile(r"(?P<coin>[A-Z0-9]{3,}?)(?:UP|DOWN|BULL|BEAR|[2345][LS])")
NEAR = 0.02  # prices closer than this are the same thing


class Copies(PlainFilter):
    """Pegged by name or by its price near 1; leveraged by a listed coin's name and an ending; wrapped by name."""

    kind = "copies"
    title = "Stable, leveraged and wrapped coins"
    help = "Leaves out stablecoins (and gold or money on chain), leveraged tokens, and wrapped or staked copies."
    missing = "a coin without a price is judged by its name alone"
    parameters = (
        Choice("stable", YES, ASK, "Leave out the pegged: named, or with USD in the name and a price within 2% of 1."),
        Choice("leveraged", YES, ASK, "Leave out a listed coin with UP, DOWN, BULL, BEAR, 2L-5L or 2S-5S behind."),
        Choice("wrapped", YES, ASK, "Leave out the wrapped: named, or a W before a listed coin of the same price."),
        Names("stable_names", STABLE, "Coins that count as pegged."),
        Names("wrapped_names", WRAPPED, "Coins that count as wrapped."),
    )

    def refusal(self, candidate: Candidate, values: Values, market: Market) -> str:
        """Which of the three it is."""
        base = candidate.base.upper()
        if values["stable"] == YES and (base in values["stable_names"] or _pegged(base, candidate.last)):
            return f"{base} is pegged to something else."
        if values["leveraged"] == YES and (coin := _leveraged(base, market)):
            return f"{base} is a leveraged token of {coin}."
        if values["wrapped"] == YES and (base in values["wrapped_names"] or _wrapped(candidate, market)):
            return f"{base} is a wrapped or staked copy."
        return ""


def _pegged(base: str, price: float) -> bool:
    return "USD" in base and abs(price - 1.0) <= NEAR


def _leveraged(base: str, market: Market) -> str:
    """The coin it multiplies, or nothing."""
    found = LEVERAGED.fullmatch(base)
    coin = found["coin"] if found else ""
    return coin if any(one.base.upper() == coin for one in market.listed) else ""


def _wrapped(candidate: Candidate, market: Market) -> bool:
    """A W before a coin that is listed in the same currency at the same price."""
    coin = candidate.base.upper().removeprefix("W")
    if coin == candidate.base.upper() or not coin:
        return False
    prices = [one.last for one in market.listed if (one.base.upper(), one.quote) == (coin, candidate.quote)]
    return any(abs(price / candidate.last - 1.0) <= NEAR for price in prices if candidate.last > 0.0)
