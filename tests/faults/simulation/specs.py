"""The markets: walks of some ticks at a time, which levels a few thousandths away are met by."""

from decimal import Decimal as D

from trading.domain.types import InstrumentSpec

SPECS = {
    spec.symbol: spec
    for spec in (
        InstrumentSpec(
            "BTC/USDT", "BTC", "USDT", D(1), D("0.00001"), D("0.00001"), None, D(5),
            holds_stops=True, holds_pairs=True,
        ),
        InstrumentSpec(
            "DOGE/USDT", "DOGE", "USDT", D("0.00001"), D(1), D(1), D(9000), D(1), holds_stops=True, holds_pairs=True
        ),
    )
}  # fmt: skip
PRICES = {"BTC/USDT": D("60000.00"), "DOGE/USDT": D("0.12000")}
