"""Exact money: every amount in matching and ledger is a Decimal; this is where floats and texts become one."""

from decimal import ROUND_DOWN, Decimal, getcontext

# quantities and prices may have 18 significant digits each; their products must stay exact
getcontext().prec = 60

ZERO = Decimal(0)
ASSET_UNIT = Decimal("0.00000001")  # the exchange keeps eight decimals of every asset when it takes a fee


def plain(value: Decimal) -> str:
    """Write a Decimal without exponent and with at least eight decimals, as Binance does."""
    places = -int(value.normalize().as_tuple().exponent)
    return f"{value:.{max(8, places)}f}"


def power_of_ten(exponent: int) -> Decimal:
    """Return 10**exponent exactly."""
    return Decimal(1).scaleb(exponent)


def floor_to(value: Decimal, unit: Decimal) -> Decimal:
    """Round a non-negative value down to a whole number of units."""
    return (value / unit).to_integral_value(ROUND_DOWN) * unit


def truncate_asset(value: Decimal) -> Decimal:
    """Cut an amount to the eight decimals the exchange books."""
    return value.quantize(ASSET_UNIT, ROUND_DOWN)
