"""A configuration version, and limits of account and platform, in domain terms."""

from datetime import timedelta
from decimal import Decimal

from accounts.models import ExchangeAccount
from trading.domain.types import (
    AccountLimits,
    AddStep,
    Limits,
    OrderType,
    Plan,
    PlanLevels,
    ProfitStep,
    Sizing,
    StopLevel,
)
from trading.models import AccountLimits as AccountRow
from trading.models import BotConfig, OnBreach, PlatformLimits
from trading.prepared import Prepared

LEVELS = {
    OnBreach.ENTRIES: StopLevel.NO_NEW_ENTRIES,
    OnBreach.REDUCE: StopLevel.REDUCE_ONLY,
    OnBreach.FLATTEN: StopLevel.FLATTEN,
}

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
            limits=limits_of(config),
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


def limits_of(config: BotConfig) -> Limits:
    """A bot's own limits; what a column says is off, is off."""
    return Limits(
        sizing=Sizing(config.sizing),
        equity_share=Decimal(config.equity_share),
        risk_per_trade=Decimal(config.risk_per_trade),
        daily_loss=Decimal(config.daily_loss),
        on_breach=LEVELS[OnBreach(config.on_breach)],
        loss_streak=config.loss_streak,
        pause=timedelta(seconds=config.pause_s),
        cooldown=timedelta(seconds=config.cooldown_s),
        stop_cooldown=timedelta(seconds=config.stop_cooldown_s),
        max_slippage=_fraction(config.max_slippage),
        price_band=_fraction(config.price_band),
        signal_age=_span(config.signal_age_s),
        orders_per_minute=config.orders_per_minute,
        stale_after=_span(config.stale_after_s),
    )


def account_limits_of(account: ExchangeAccount, wide: PlatformLimits) -> AccountLimits:
    """Those of an account and the platform, with one query; the defaults where there is no row."""
    own = next(iter(_account_limits(account.pk)), None) or AccountRow(account=account)
    return AccountLimits(
        minimum_deposit=Decimal(wide.minimum_deposit),
        quote_age=timedelta(seconds=wide.quote_age_s),
        coin_exposure=Decimal(own.coin_exposure),
        group_exposure=Decimal(own.group_exposure),
        daily_loss=Decimal(own.daily_loss),
        on_breach=LEVELS[OnBreach(own.on_breach)],
        orders_per_minute=own.orders_per_minute,
        counted_from=own.counted_from,
    )


def platform_limits() -> PlatformLimits:
    """The platform's limits as stored, else the defaults."""
    return next(iter(_platform_limits()), None) or PlatformLimits()


_account_limits = Prepared(lambda account: AccountRow.objects.filter(account=account))
_platform_limits = Prepared(lambda: PlatformLimits.objects.order_by("pk")[:1])


def _fraction(value: Decimal) -> Decimal | None:
    return None if Decimal(value) >= 1 else Decimal(value)


def _span(seconds: int) -> timedelta | None:
    return timedelta(seconds=seconds) if seconds else None
