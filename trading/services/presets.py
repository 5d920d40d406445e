"""Ready-made configurations, offered by the bot form and used by the demo."""

from decimal import Decimal
from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "demo": {
        "label": "Balanced: the target covers the fees several times over",
        "values": {
            "confidence_threshold": Decimal("0.40"),
            "capital_per_trade": Decimal(200),
            "profit_target": Decimal("0.012"),
            "stop_loss": Decimal("0.009"),
            "holding_time_s": 900,
            "entry_type": "market",  # in a market sped up 60 times, most post-only orders come too late
            "maker_timeout_s": 20,
            "on_maker_timeout": "taker",
            "max_positions": 4,
            "max_drawdown": Decimal("0.20"),
            "max_spread": Decimal("0.01"),
        },
    },
    "zero_fee_maker": {
        "label": "Scalper: only for pairs without maker fees",
        "values": {
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
        },
    },
}
