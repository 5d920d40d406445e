"""What the bot form asks under its fold 'Limits' (see `trading.forms`)."""

from dataclasses import dataclass

SIZE, EXITS, LIMITS = 2, 3, 4
FOLDED = 3  # sections from here on are folded away


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """How one field is asked for. `kind` is number, text, select, switch or steps (typed as pairs of percentages).

    `percent` fields are typed in percent.
    """

    name: str
    label: str
    section: int
    kind: str = "number"
    suffix: str = ""
    help: str = ""
    percent: bool = False
    words: str = ""


def _share(name: str, label: str, suffix: str, help: str, words: str) -> FieldSpec:
    return FieldSpec(name, label, LIMITS, suffix=suffix, help=help, percent=True, words=words)


def _number(name: str, label: str, suffix: str, help: str) -> FieldSpec:
    return FieldSpec(name, label, LIMITS, suffix=suffix, help=help)


LIMIT_SPECS = (
    FieldSpec("sizing", "Size of a trade", LIMITS, "select", help="By volatility: less of what moves more."),
    _share(
        "equity_share",
        "Share of the account a trade",
        "% of equity",
        "For a share of the account; by volatility the most a trade takes.",
        "From 0.01 to 100 %: 2 spends 2 % of the account.",
    ),
    _share(
        "risk_per_trade",
        "Risk a trade",
        "% of equity",
        "By volatility: what a fall to the stop, or by a usual range, may cost.",
        "From 0.01 to 10 %: 0.5 risks half a per cent of the account.",
    ),
    _share(
        "daily_loss",
        "Stop at a day's loss of",
        "% of equity",
        "The bot's own, open positions included, until 00:00 UTC.",
        "From 0.1 to 100 %: 10 stops it when it lost 10 % of the account today. 100 means no limit.",
    ),
    FieldSpec("on_breach", "When a loss limit is reached", LIMITS, "select", help="For the day's loss and drawdown."),
    _number("loss_streak", "Pause after losses in a row", "trades", "0 means no limit."),
    _number("pause_s", "Length of a pause", "seconds", "After losses in a row, or bad slippage."),
    _number("cooldown_s", "Wait after a trade", "seconds", "Before the same symbol is bought again. 0 means none."),
    _number("stop_cooldown_s", "Wait after a stop loss", "seconds", "The same when the stop was hit."),
    _share(
        "max_slippage",
        "Most slippage",
        "% of price",
        "Expected of an entry, and the average of the last ten fills.",
        "From 0.001 to 100 %: 0.5 refuses what would be bought 0.5 % above the ask. 100 means no limit.",
    ),
    _share(
        "price_band",
        "Furthest from the candle",
        "% of price",
        "No entry when the price jumped away from the last close.",
        "From 0.01 to 100 %: 5 refuses a price 5 % from the last candle's close. 100 means no limit.",
    ),
    _number("signal_age_s", "Oldest signal", "seconds", "Since its candle closed. 0 means one candle."),
    _number("orders_per_minute", "Orders a minute", "max", "Entries wait above it, exits never do. 0: no limit."),
    _number("stale_after_s", "No prices for", "seconds", "Of a coin it holds: then no entries. 0: no limit."),
)
