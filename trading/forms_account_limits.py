"""What the form of an account's limits asks for (see `trading.services.limits`, which decides what is right)."""

from decimal import Decimal

from trading.forms_limits import FieldSpec

PERCENT = "From 0.1 to 100 %: 25 is a quarter of the account. 100 means no limit."
SPECS = (
    FieldSpec("coin_exposure", "Most in one coin", 1, suffix="% of equity", percent=True, words=PERCENT,
              help="Of all bots together. 100 means no limit."),
    FieldSpec("group_exposure", "Most in coins that move together", 1, suffix="% of equity", percent=True,
              words=PERCENT, help="Coins whose prices were correlated in the last weeks. 100 means no limit."),
    FieldSpec("daily_loss", "Stop all bots at a day's loss of", 1, suffix="% of equity", percent=True, words=PERCENT,
              help="Open positions included, until 00:00 UTC. 100 means no limit."),
    FieldSpec("on_breach", "When it is reached", 1, "select", help="For every bot that holds something."),
    FieldSpec("orders_per_minute", "Orders a minute", 1, suffix="max",
              help="Of all bots; exits are never held back. 0: no limit."),
)  # fmt: skip


def as_fraction(text: str) -> Decimal | str:
    """Typed per cent as a fraction; what is no number is left for the service to refuse."""
    try:
        number = Decimal(text.replace("\N{NO-BREAK SPACE}", ""))
        return number / 100 if number.is_finite() else text
    except ArithmeticError:  # no number, or 1e999999999
        return text
