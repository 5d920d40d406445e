"""What the aggregate can be told: the parameters of a Strategy version of kind "aggregate", edited by staff."""

from collections.abc import Mapping
from typing import Any

from signals.domain.strategies.base import Parameter, ParameterError

KIND = "aggregate"
NAME = "Aggregate"
Settings = Mapping[str, float]

PARAMETERS = (
    Parameter("base_threshold", 0.3, 0.01, 0.99, "Confidence needed at usual volatility and a hit rate of a half."),
    Parameter("low_threshold", 0.15, 0.0, 0.99, "The threshold never falls below."),
    Parameter("high_threshold", 0.6, 0.01, 0.99, "The threshold never rises above."),
    Parameter("volatility_power", 0.5, 0.0, 2.0, "Threshold grows with (recent / usual volatility) ** this; 0: not."),
    Parameter("hit_rate_pull", 0.5, 0.0, 2.0, "How far recent losses on the symbol raise its threshold; 0: not."),
    Parameter("short", 20, 2, 200, "Candles of recent volatility; fewer than long."),
    Parameter("long", 100, 3, 900, "Candles of usual volatility."),
    Parameter("vote_candles", 3, 1, 20, "Candles for which a vote counts; 1: its own candle only."),
    Parameter("vote_decay", 0.6, 0.0, 1.0, "What is left of a vote one candle later, a fraction."),
    Parameter("low_weight", 0.5, 0.0, 1.0, "No source that is not locked weighs less."),
    Parameter("high_weight", 1.5, 1.0, 5.0, "No source that is not locked weighs more."),
    Parameter("weight_scale", 0.01, 0.0001, 1.0, "Mean net return, a fraction, that moves a weight by 1."),
    Parameter("prior", 10, 0, 1000, "Outcomes of return 0 that are taken for granted: few real ones move little."),
    Parameter("least_outcomes", 10, 1, 1000, "Closed outcomes below which a weight is left as it is."),
    Parameter("half_life", 50, 1, 10000, "An outcome counts half as much after so many newer ones."),
    Parameter("cooldown_candles", 3, 0, 1000, "Candles in which the aggregate does not say the same side again."),
    Parameter("source_cooldown_candles", 0, 0, 1000, "The same for each strategy and model."),
)


def settings_validate(given: Mapping[str, Any]) -> dict[str, float]:
    """All parameters, defaults filled in; ParameterError with what is allowed otherwise."""
    known = {parameter.name: parameter for parameter in PARAMETERS}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ParameterError(f"The aggregate has no parameter {unknown[0]!r}. It has: {', '.join(known)}.")
    values = {name: parameter.checked(given.get(name, parameter.default)) for name, parameter in known.items()}
    if not values["low_threshold"] <= values["base_threshold"] <= values["high_threshold"]:
        raise ParameterError("base_threshold must lie from low_threshold to high_threshold.")
    if values["short"] >= values["long"]:
        raise ParameterError(f"short must be smaller than long, not {values['short']} and {values['long']}.")
    return values
