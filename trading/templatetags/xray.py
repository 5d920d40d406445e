"""How numbers, times and icons are written on every page; `static/js/format.js` writes live values the same way."""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html

from accounts.clock import now
from accounts.fields import decimal_text

register = template.Library()

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"


def number_text(value: Decimal, places: int) -> str:
    """Grouped digits with a true minus sign; zero never has a sign."""
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    text = f"{abs(rounded):,f}"
    return f"{MINUS}{text}" if rounded < 0 else text


def _decimal(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, Decimal) else Decimal(str(value))


@register.filter
def money(value: Any, places: int = 2) -> str:
    """An amount: 1,234.50; an en dash when there is none."""
    number = _decimal(value)
    return DASH if number is None else number_text(number, int(places))


@register.filter
def exact(value: Any) -> str:
    """All digits, without exponent or grouping: for the browser to count with."""
    number = _decimal(value)
    return "" if number is None else decimal_text(number)


@register.filter
def signed(value: Any, places: int = 2) -> str:
    """An amount with its sign always written (zero has none)."""
    number = _decimal(value)
    if number is None:
        return DASH
    text = number_text(number, int(places))
    return text if text.startswith(MINUS) or not any(ch in "123456789" for ch in text) else f"+{text}"


@register.filter
def percent(fraction: Any, places: int = 2) -> str:
    """A fraction as a percentage: 0.0123 is 1.23."""
    number = _decimal(fraction)
    return DASH if number is None else number_text(number * 100, int(places))


@register.filter
def percent_signed(fraction: Any, places: int = 2) -> str:
    """A fraction as a percentage with its sign."""
    number = _decimal(fraction)
    return DASH if number is None else signed(number * 100, places)


def places_of(step: Any) -> int:
    """Digits after the point of a tick or lot size."""
    number = _decimal(step)
    if number is None or number <= 0:
        return 2
    exponent = number.normalize().as_tuple().exponent
    return max(0, -int(exponent)) if isinstance(exponent, int) else 2


@register.filter
def step_places(step: Any) -> int:
    """Digits after the point of a tick or lot size."""
    return places_of(step)


@register.filter
def at_step(value: Any, step: Any) -> str:
    """A price at its tick, or an amount at its lot."""
    return money(value, places_of(step))


@register.filter
def amount(value: Any) -> str:
    """An amount with just the digits it has (at most 8 after the point)."""
    number = _decimal(value)
    if number is None:
        return DASH
    exponent = number.normalize().as_tuple().exponent
    return number_text(number, min(8, max(0, -int(exponent)) if isinstance(exponent, int) else 0))


@register.filter
def signed_amount(value: Any) -> str:
    """An amount with just the digits it has, a plus before what came in."""
    text = amount(value)
    return text if text[:1] in (MINUS, DASH) else f"+{text}"


@register.filter
def tone(value: Any) -> str:
    """CSS class of a signed amount: gain, loss or flat."""
    number = _decimal(value)
    if number is None or number == 0:
        return "flat"
    return "gain" if number > 0 else "loss"


@register.filter
def span(delta: timedelta | None) -> str:
    """A duration in its two largest units: 3 d 16 h."""
    if delta is None:
        return DASH
    seconds = max(0, int(delta.total_seconds()))
    parts = [(seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{count} {unit}" for count, unit in parts[:2])


@register.filter
def since(moment: datetime | None) -> str:
    """How long ago a moment was, in its two largest units."""
    return DASH if moment is None else span(now() - moment)


@register.filter
def age(moment: datetime | None) -> str:
    """How long ago, as one value: '12 s ago'. The browser keeps it ticking."""
    if moment is None:
        return "no data yet"
    return " ".join(span(now() - moment).split(" ")[:2]) + " ago"


@register.filter
def iso(moment: datetime | None) -> str:
    """ISO text for `<time datetime>` and the browser's clocks."""
    return "" if moment is None else moment.isoformat()


@register.filter
def ratio(part: Any, whole: Any) -> str:
    """Part of a whole in percent for a bar's width, between 0 and 100."""
    top, bottom = _decimal(part), _decimal(whole)
    if top is None or not bottom:
        return "0"
    return f"{max(Decimal(0), min(Decimal(100), top / bottom * 100)):.1f}"


@register.simple_tag
def icon(name: str, extra: str = "") -> str:
    """One icon of the sprite; decoration only, words carry the meaning."""
    sprite = static("img/icons.svg")
    return format_html('<svg class="i {}" aria-hidden="true"><use href="{}#i-{}"/></svg>', extra, sprite, name)


@register.simple_tag(takes_context=True)
def query_with(context: dict[str, Any], **changes: Any) -> str:
    """The page's query string with some parameters changed (None removes one)."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else "?"


WORDS = {
    "take_profit": "Target",
    "stop_loss": "Stop",
    "holding_time": "Holding time",
    "force_exit": "Forced exit",
    "not_filled": "Not filled",
    "exit": "Exit signal",
    "first": "The first candles",
    "outcomes": "New closed trades",
    "schedule": "The timetable",
}


@register.filter
def words(name: str) -> str:
    """A stored reason in words."""
    return WORDS.get(name, str(name).replace("_", " ").capitalize()) if name else DASH


@register.filter
def source(strategy: Any) -> str:
    """Who made a signal, in a word: a strategy by its name, a model as such."""
    return f"Model v{strategy.version}" if strategy.kind == "model" else str(strategy.name)


@register.filter
def shadow(signal: Any) -> bool:
    """Whether a model said it while it did not serve: stored and shown, traded by nobody."""
    if signal.strategy.kind != "model":
        return False
    served_from = getattr(signal, "served_from", None)
    return served_from is None or signal.created_at < served_from


@register.filter
def share_of(part: Any, whole: Any) -> Decimal | None:
    """One number divided by another; None when there is nothing to divide by."""
    top, bottom = _decimal(part), _decimal(whole)
    return top / bottom if top is not None and bottom else None


@register.filter
def held_for(position: Any) -> str:
    """How long a position was held, or has been."""
    return span((position.closed_at or now()) - position.opened_at)


@register.filter
def took(run: Any) -> str:
    """How long something took from start to finish."""
    return span(run.finished_at - run.started_at) if run.finished_at else DASH


STATE_BADGES = {
    "running": ("ok", "play"),
    "paused": ("warn", "pause"),
    "stopped": ("", "x"),
    "open": ("ok", "play"),
    "opening": ("info", "clock"),
    "closing": ("warn", "clock"),
    "closed": ("", "check"),
    "active": ("info", "clock"),
    "pending": ("info", "clock"),
    "unknown": ("warn", "warn"),
    "filled": ("ok", "check"),
    "cancelled": ("", "x"),
    "expired": ("", "clock"),
    "rejected": ("bad", "bad"),
    "denied": ("warn", "shield"),
    "failed": ("bad", "bad"),
    "done": ("ok", "check"),
    "skipped": ("", "clock"),
    "champion": ("ok", "spark"),
    "shadow": ("info", "info"),
    "candidate": ("info", "clock"),
    "retired": ("", "x"),
    "claimed": ("info", "clock"),
    "verified": ("ok", "check"),
    "not_needed": ("", "check"),
    "unverified": ("warn", "warn"),
    "unproven": ("warn", "warn"),
    "refused": ("bad", "bad"),
    "buy": ("ok", "r_up"),
    "sell": ("warn", "r_down"),
}


@register.inclusion_tag("shell/_badge.html")
def state_badge(state: str, label: str = "") -> dict[str, str]:
    """Badge of a state: icon and word, colour last."""
    kind, icon_name = STATE_BADGES.get(str(state), ("", "info"))
    return {"kind": kind, "icon_name": icon_name, "label": label or str(state).replace("_", " ").capitalize()}
