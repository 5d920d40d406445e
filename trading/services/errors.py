"""Consecutive exchange errors are counted per bot; the fifth pauses the bot and tells its owner."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import F

from accounts.services.notices import notice_send
from trading.models import Bot
from trading.services.bots import bot_pause

ERRORS_TO_PAUSE = 5


def bot_errors_count(*, bot_ids: Iterable[int], message: str) -> list[Bot]:
    """One more error for each of these bots; returns those that it paused.

    The increment is one conditional statement, so workers that fail at the same moment count twice, not once.
    """
    wanted = list(bot_ids)
    with transaction.atomic():
        Bot.objects.filter(pk__in=wanted).update(consecutive_errors=F("consecutive_errors") + 1)
        full = list(
            Bot.objects.filter(
                pk__in=wanted, consecutive_errors__gte=ERRORS_TO_PAUSE, status=Bot.Status.RUNNING
            ).select_related("user", "account", "config")
        )
        for bot in full:
            _pause(bot, message)
    return full


def account_errors_count(*, account_id: int, message: str) -> list[Bot]:
    """An error that concerns the whole account (a time-out): every running bot of it is charged."""
    running = Bot.objects.filter(account_id=account_id, status=Bot.Status.RUNNING, deleted_at=None)
    return bot_errors_count(bot_ids=list(running.values_list("pk", flat=True)), message=message)


def bot_errors_reset(*, bot_ids: Iterable[int]) -> None:
    """The exchange answered: the row of errors is broken."""
    Bot.objects.filter(pk__in=list(bot_ids), consecutive_errors__gt=0).update(consecutive_errors=0)


def _pause(bot: Bot, message: str) -> None:
    reason = f"Paused after {ERRORS_TO_PAUSE} errors in a row. The last one: {message}"
    bot_pause(bot=bot, actor=None, reason=reason)
    notice_send(
        user=bot.user,
        level="bad",
        title=f"{bot.name} was paused",
        text=f"{reason} Open positions keep their stops. Resume the bot when the cause is gone.",
        link=f"/bots/{bot.public_id}/",
    )
