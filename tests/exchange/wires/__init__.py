"""The exchange of `other_binance` in the words of other exchanges: each speaks its own documented REST format, checks
signatures its own way, and refuses in its own codes. REST alone, over real HTTP."""

from tests.exchange.wires.base import Wire
from tests.exchange.wires.bybit import Bybit
from tests.exchange.wires.kucoin import Kucoin
from tests.exchange.wires.mexc import Mexc
from tests.exchange.wires.okx import Okx

WIRES: dict[str, type[Wire]] = {"bybit": Bybit, "kucoin": Kucoin, "mexc": Mexc, "okx": Okx}
__all__ = ["WIRES", "Wire"]
