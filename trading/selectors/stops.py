"""Which rung of the stop ladder is in force: the strictest of platform, exchange, strategy, user, account, bot."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import ExchangeAccount, User
from signals.models import Strategy
from trading.domain.types import StopLevel
from trading.models import Bot, StopSwitch
from trading.prepared import Prepared

WIDE = (StopSwitch.Scope.PLATFORM, StopSwitch.Scope.EXCHANGE, StopSwitch.Scope.STRATEGY)
Switches = dict[tuple[str, str], int]


_in_force: Prepared[StopSwitch] = Prepared(lambda: StopSwitch.objects.filter(cleared_at=None).order_by("level"))


def stops_in_force() -> QuerySet[StopSwitch]:
    """Every stop that has not been cleared, newest first."""
    return StopSwitch.objects.filter(cleared_at=None).select_related("set_by")


def stop_level_for(bot: Bot) -> int:
    """The strictest level in force for one bot (one query; the bot's account, user and config should be loaded)."""
    return stop_levels_for([bot])[bot.pk]


def stop_levels_for(bots: Iterable[Bot]) -> dict[int, int]:
    """The strictest level per bot primary key, with one query over the switches in force.

    Load the bots with `select_related("account", "user", "config__strategy")`.
    """
    switches: Switches = {(row.scope, row.target): row.level for row in _in_force()}  # the strictest comes last
    return {bot.pk: _level(bot, switches) for bot in bots}


def stops_for_user(user: User) -> list[StopSwitch]:
    """The stops in force that touch anything of this user: platform, exchanges, strategies, and their own."""
    return list(stops_in_force().filter(Q(scope__in=WIDE) | Q(target__in=_own(user))))


def stop_touches(switch: StopSwitch, user: User) -> bool:
    """Whether a stop, in force or lifted, concerns this user: it is wide, or on something of theirs."""
    return switch.scope in WIDE or switch.target in _own(user)


def _own(user: User) -> list[str]:
    """Public ids of the user, their accounts and their bots."""
    own = [user.public_id, *user.exchange_accounts.values_list("public_id", flat=True)]
    own += Bot.objects.filter(user=user, deleted_at=None).values_list("public_id", flat=True)
    return [str(key) for key in own]


def stops_on_bot(bot: Bot) -> list[StopSwitch]:
    """The stops in force that hold this bot, strictest first (load the bot as for `stop_levels_for`)."""
    keys = set(_keys(bot))
    rows = stops_in_force().filter(target__in={target for _scope, target in keys})
    held = [row for row in rows if (row.scope, row.target) in keys]
    return sorted(held, key=lambda row: -row.level)


def stop_words(switch: StopSwitch) -> str:
    """One stop in a sentence for the trader whom it holds: how far, by whom, on what and why."""
    scope = StopSwitch.Scope
    on = {
        scope.PLATFORM: "the whole platform",
        scope.EXCHANGE: f"the exchange {switch.target}",
        scope.STRATEGY: "a strategy",
        scope.USER: "all your bots",
        scope.ACCOUNT: "one of your accounts",
        scope.BOT: "this bot",
    }[scope(switch.scope)]
    by = "staff" if switch.imposed else "you"
    reason = switch.reason.rstrip(".")
    return f"{switch.get_level_display()}, set by {by} on {on}{': ' + reason if reason else ''}."


def stop_target(switch: StopSwitch) -> str:
    """What a stop is on, by name (one query for those on a row); the stored target when that row is gone."""
    scope = StopSwitch.Scope
    kinds: dict[str, Any] = {
        scope.USER: User,
        scope.ACCOUNT: ExchangeAccount,
        scope.BOT: Bot,
        scope.STRATEGY: Strategy,
    }
    if switch.scope not in kinds:
        return switch.target
    found = kinds[switch.scope].objects.filter(public_id=switch.target).first()
    return str(found or switch.target)


def _level(bot: Bot, switches: Switches) -> int:
    if not switches:
        return StopLevel.NONE
    return max((switches.get(key, StopLevel.NONE) for key in _keys(bot)), default=StopLevel.NONE)


def _keys(bot: Bot) -> list[tuple[str, str]]:
    """Scope and target of every stop that could hold this bot."""
    scope = StopSwitch.Scope
    keys = [
        (scope.PLATFORM, ""),
        (scope.EXCHANGE, bot.account.exchange),
        (scope.USER, str(bot.user.public_id)),
        (scope.ACCOUNT, str(bot.account.public_id)),
        (scope.BOT, str(bot.public_id)),
    ]
    if bot.config and bot.config.strategy:
        keys.append((scope.STRATEGY, str(bot.config.strategy.public_id)))
    return [(str(name), target) for name, target in keys]
