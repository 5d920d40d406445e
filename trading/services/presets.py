"""Ready-made configurations, offered by the bot form and used by the demo. The first one is the defaults themselves."""

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
PRESETS: dict[str, dict[str, Any]] = {
    DEFAULT_PRESET: {
        "label": "Balanced: the target covers the fees several times over",
        "values": {name: value for name, value in config_defaults().items() if name in _SCALPER},
    },
    "zero_fee_maker": {"label": "Scalper: only for pairs without maker fees", "values": _SCALPER},
}
