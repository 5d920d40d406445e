"""What risk rules have refused and held back."""

from django.db.models import Count, QuerySet

from trading.models import Bot, RiskEvent


def events_of(bot: Bot, rule: str = "") -> QuerySet[RiskEvent]:
    """A bot's events, newest first, of one rule when it is given."""
    rows = RiskEvent.objects.filter(bot=bot).select_related("intent__instrument")
    return rows.filter(rule=rule) if rule else rows


def rules_of(bot: Bot) -> list[tuple[str, int]]:
    """The rules that have said something, with how often, the most frequent first."""
    rows = RiskEvent.objects.filter(bot=bot).order_by().values_list("rule").annotate(count=Count("pk"))
    return sorted(rows, key=lambda row: (-row[1], row[0]))
