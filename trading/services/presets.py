"""Ready-made configurations, offered by the bot form and used by the demo. The first one is the defaults themselves.

All of them say the same fields, so that going from one to another leaves nothing of the one before.
"""

from decimal import Decimal
from typing import Any

from trading.services.bot_validation import config_defaults

DEFAULT_PRESET = "demo"
_SCALPER: dict[str, Any] = {
    "confidence_threshold": Decimal("0.40"),
    "capital_per_trade": Decimal(200),
    "profit_target": Decimal("0.00015"),
    "stop_loss": Decimal("0.009"),
    "holding_time_s": 2000,
    "entry_type": "maker",
    "maker_timeout_s": 60,
    "on_maker_timeout": "cancel",
    "max_positions": 2,
    "max_drawdown": Decimal("0.20"),
    "max_spread": Decimal("0.01"),
}
_CAREFUL: dict[str, Any] = {
    "confidence_threshold": Decimal("0.55"),
    "sizing": "volatility",
    "equity_share": Decimal("0.05"),
    "risk_per_trade": Decimal("0.001"),
    "daily_loss": Decimal("0.02"),
    "max_drawdown": Decimal("0.08"),
    "on_breach": "flatten",
    "loss_streak": 3,
    "pause_s": 3600,
    "cooldown_s": 300,
    "stop_cooldown_s": 1800,
    "max_spread": Decimal("0.002"),
    "max_slippage": Decimal("0.001"),
    "price_band": Decimal("0.01"),
}


def _values(changes: dict[str, Any]) -> dict[str, Any]:
    names = _SCALPER.keys() | _CAREFUL.keys()
    return {name: value for name, value in (config_defaults() | changes).items() if name in names}


PRESETS: dict[str, dict[str, Any]] = {
    DEFAULT_PRESET: {"label": "Balanced: the target covers the fees several times over", "values": _values({})},
    "careful": {"label": "Careful: small trades by volatility, tight limits, sells out when they are reached",
                "values": _values(_CAREFUL)},
    "zero_fee_maker": {"label": "Scalper: only for pairs without maker fees", "values": _values(_SCALPER)},
}  # fmt: skip
