"""A configuration version in domain terms."""

from datetime import timedelta
from decimal import Decimal

from trading.domain.types import AddStep, OrderType, Plan, PlanLevels, ProfitStep
from trading.models import BotConfig

_plans: dict[int, Plan] = {}


def plan_of(config: BotConfig) -> Plan:
    """A configuration version in domain terms (kept: versions are immutable)."""
    if config.pk not in _plans or _plans[config.pk].config_id != config.public_id:
        _plans[config.pk] = Plan(
            config_id=config.public_id,
            confidence_threshold=config.confidence_threshold,
            capital_per_trade=config.capital_per_trade,
            profit_target=config.profit_target,
            stop_loss=config.stop_loss,
            holding_time=timedelta(seconds=config.holding_time_s),
            entry_type=OrderType.LIMIT_MAKER if config.entry_type == BotConfig.Entry.MAKER else OrderType.MARKET,
            maker_timeout=timedelta(seconds=config.maker_timeout_s),
            taker_after_timeout=config.on_maker_timeout == BotConfig.OnMakerTimeout.TAKER,
            max_positions=config.max_positions,
            max_drawdown=config.max_drawdown,
            max_spread=config.max_spread,
            levels=levels_of(config),
        )
    return _plans[config.pk]


def levels_of(config: BotConfig) -> PlanLevels:
    """What the plan asks beside one stop and one target."""
    return PlanLevels(
        trailing=Decimal(config.trailing),
        trailing_after=Decimal(config.trailing_after),
        breakeven_after=Decimal(config.breakeven_after),
        profit_steps=tuple(ProfitStep(Decimal(s["gain"]), Decimal(s["share"])) for s in config.profit_steps),
        add_steps=tuple(AddStep(Decimal(s["fall"]), Decimal(s["share"])) for s in config.add_steps),
        maker_exit=config.exit_type == BotConfig.Exit.MAKER,
        at_exchange=config.protection == BotConfig.Protection.EXCHANGE,
    )
