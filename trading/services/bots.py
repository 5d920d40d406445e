"""A bot's life: created, configured in immutable versions, started, paused, stopped, deleted; every step is audited."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from accounts.clock import now
from accounts.models import User
from accounts.services.audit import audit_record
from trading import live
from trading.domain.orders import OPEN
from trading.domain.position import OPEN_STATES
from trading.models import Bot, BotConfig, Intent, Order, Position
from trading.selectors.standing import account_problem
from trading.services.bot_validation import CONFIG_FIELDS, bot_config_validate
from trading.services.open_positions import config_apply_to_open
from trading.services.wakes import accounts_wake, trades_changed

Status = Bot.Status


def bot_create(*, user: User, data: Mapping[str, Any], actor: User | None = None, ip: str | None = None) -> Bot:
    """A stopped bot with version 1 of its configuration. Raises ValidationError with messages per field."""
    clean, errors = bot_config_validate(data, user=user)
    if errors:
        raise ValidationError(errors)
    with transaction.atomic():
        bot = Bot.objects.create(user=user, account=clean["account"], name=clean["name"])
        bot.config = _config_store(bot, clean, 1, actor or user)
        bot.save(update_fields=["config"])
        audit_record(actor=actor or user, action="bot.created", obj=bot, detail={"name": bot.name}, ip=ip)
        _changed(bot)
    return bot


def bot_configure(
    *, bot: Bot, data: Mapping[str, Any], actor: User, apply_to_open: bool = False, ip: str | None = None
) -> BotConfig:
    """The next version of a bot's configuration, in force from the next time its account is executed.

    Fields not in `data` keep their values; when nothing differs no version is made. Open positions keep the version
    they were opened under unless `apply_to_open`, which also moves their stops and targets.

    Raises:
        ValidationError: messages per field; the last good version stays in force.
        PermissionDenied: the bot is somebody else's.
    """
    _may(bot, actor)
    with transaction.atomic():
        bot = Bot.objects.select_for_update(of=("self",)).select_related("config", "account", "user").get(pk=bot.pk)
        clean, errors = bot_config_validate(data, user=actor, bot=bot)
        if errors:
            raise ValidationError(errors)
        config = bot.config
        if config is None or any(getattr(config, name) != clean[name] for name in CONFIG_FIELDS):
            config = _config_store(bot, clean, config.version + 1 if config else 1, actor)
        before, bot.config, bot.name = bot.config, config, clean["name"]
        bot.save(update_fields=["config", "name"])
        moved = config_apply_to_open(bot=bot, config=config) if apply_to_open else 0
        audit_record(actor=actor, action="bot.configured", obj=bot, detail=_difference(before, config, moved), ip=ip)
        _changed(bot)
    return config


def bot_start(*, bot: Bot, actor: User | None, ip: str | None = None) -> Bot:
    """Let the bot decide. Raises ValidationError when its account cannot trade, saying why."""
    _may(bot, actor)
    if problem := account_problem(bot.account):
        raise ValidationError({"account": [problem]})
    if bot.deleted_at or bot.config is None:
        raise ValidationError({"bot": ["This bot was deleted."]})
    return _move(bot, Status.RUNNING, actor, "bot.started", ip=ip, consecutive_errors=0, started_at=now())


def bot_stop(*, bot: Bot, actor: User | None, reason: str = "", ip: str | None = None) -> Bot:
    """No more decisions; open positions keep their stops, targets and holding times."""
    _may(bot, actor)
    return _move(bot, Status.STOPPED, actor, "bot.stopped", reason, ip=ip)


def bot_pause(*, bot: Bot, actor: User | None, reason: str = "", ip: str | None = None) -> Bot:
    """No new entries until it is resumed; a stopped bot stays stopped."""
    _may(bot, actor)
    if bot.status == Status.STOPPED:
        raise ValidationError({"bot": ["A stopped bot cannot be paused; it already does nothing."]})
    return _move(bot, Status.PAUSED, actor, "bot.paused", reason, ip=ip)


def bot_resume(*, bot: Bot, actor: User | None, ip: str | None = None) -> Bot:
    """A paused bot decides again."""
    _may(bot, actor)
    if bot.status != Status.PAUSED:
        raise ValidationError({"bot": ["Only a paused bot can be resumed; start a stopped one."]})
    return bot_start(bot=bot, actor=actor, ip=ip)


def bot_delete(*, bot: Bot, actor: User, ip: str | None = None) -> None:
    """Stop and hide the bot for good; its trades stay in the pool. Refused while it holds or orders anything."""
    _may(bot, actor)
    with transaction.atomic():
        if Position.objects.filter(bot=bot, status__in=OPEN_STATES).exists():
            raise ValidationError({"bot": ["It has an open position: close it first."]})
        if Order.objects.filter(bot=bot, status__in=OPEN).exists():
            raise ValidationError({"bot": ["It has an open order: cancel it first."]})
        _move(bot, Status.STOPPED, actor, "bot.deleted", "Deleted", ip=ip, deleted_at=now())


def _move(
    bot: Bot, status: str, actor: User | None, action: str, reason: str = "", *, ip: str | None, **changes: Any
) -> Bot:
    with transaction.atomic():
        values = {"status": status, "status_reason": reason[:400], **changes}
        Bot.objects.filter(pk=bot.pk, deleted_at=None).update(**values)
        if status != Status.RUNNING:
            _entries_drop(bot)
        audit_record(actor=actor, action=action, obj=bot, detail={"reason": reason} if reason else {}, ip=ip)
        bot.refresh_from_db()
        _changed(bot)
    return bot


def _entries_drop(bot: Bot) -> None:
    """Entries that wait in the queue must not be taken when the bot is started again."""
    Intent.objects.filter(bot=bot, status=Intent.Status.PENDING, purpose=Intent.Purpose.ENTRY).update(
        status=Intent.Status.EXPIRED, reason="The bot does not run.", decided_at=now()
    )


def _config_store(bot: Bot, clean: Mapping[str, Any], version: int, actor: User) -> BotConfig:
    values = {name: clean[name] for name in CONFIG_FIELDS}
    return BotConfig.objects.create(bot=bot, version=version, created_by=actor if actor.pk else None, **values)


def _difference(before: BotConfig | None, after: BotConfig, moved: int) -> dict[str, Any]:
    changes = {
        name: [live.plain(_word(getattr(before, name, None))), live.plain(_word(getattr(after, name)))]
        for name in CONFIG_FIELDS
        if getattr(before, name, None) != getattr(after, name)
    }
    return {"version": after.version, "changes": changes, "positions_moved": moved}


def _word(value: Any) -> Any:
    return str(value) if hasattr(value, "pk") else value


def _may(bot: Bot, actor: User | None) -> None:
    if actor is not None and not actor.is_staff and bot.user_id != actor.pk:
        raise PermissionDenied("This bot is not yours.")


def _changed(bot: Bot) -> None:
    accounts_wake([bot.account_id])
    trades_changed()
    payload = {
        "id": bot.public_id,
        "name": bot.name,
        "status": bot.status,
        "status_reason": bot.status_reason,
        "config_version": bot.config.version if bot.config else None,
        "deleted": bot.deleted_at is not None,
    }
    transaction.on_commit(lambda: live.push(bot.user_id, live.Kind.BOT, payload), robust=True)
