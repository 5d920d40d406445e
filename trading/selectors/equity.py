"""The equity curve and its drawdown, thinned to what a chart can show."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import F, Window
from django.db.models.functions import Mod, RowNumber

from accounts.clock import now
from trading.models import BalanceSnapshot

MAX_POINTS = 720
RANGES: dict[str, timedelta | None] = {
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "1w": timedelta(weeks=1),
    "1m": timedelta(days=30),
    "all": None,
}


@dataclass(frozen=True, slots=True)
class Curve:
    """Points [seconds since 1970, value, drawdown in percent]; drawdown facts as fractions to a hundredth of a
    percent, deposits taken out.
    """

    points: list[list[float]]
    drawdown: Decimal
    deepest: Decimal
    peak: Decimal
    under_since: datetime | None


def curve_read(account: Any, name: str = "all") -> Curve:
    """The curve of a range ('1h', '1d', '1w', '1m', 'all'); unknown names mean all.

    It ends with the value of now where the account was read by `accounts_read`.
    """
    rows = BalanceSnapshot.objects.filter(account=account)
    length = RANGES.get(name)
    if length is not None:
        rows = rows.filter(at__gte=now() - length)
    points = thinned(rows)
    if points and getattr(account, "equity_now", None) is not None:
        points.append((max(now(), points[-1][0]), account.equity_now, account.deposits_now))
    return _curve(points)


def thinned(rows: Any) -> list[tuple[datetime, Decimal, Decimal]]:
    """(at, value, net deposits) in order, at most `MAX_POINTS` of them and always the newest."""
    count = rows.count()
    fields = ("at", "equity", "net_deposits")
    if count > MAX_POINTS:
        step = count // MAX_POINTS + 1
        numbered = rows.annotate(number=Window(RowNumber(), order_by=[F("at").desc(), F("id").desc()]))
        rows = numbered.annotate(rest=Mod(F("number") - 1, step)).filter(rest=0)
    return sorted(rows.values_list(*fields))


def _curve(rows: list[tuple[datetime, Decimal, Decimal]]) -> Curve:
    zero = Decimal(0)
    points: list[list[float]] = []
    peak, deepest, drawdown, under_since = zero, zero, zero, None
    peak_equity = zero
    for at, equity, deposits in rows:
        result = equity - deposits + rows[0][2]
        if result >= peak:
            peak, peak_equity, under_since = result, equity, None
        elif under_since is None:
            under_since = at
        drawdown = result / peak - 1 if peak > 0 else zero
        deepest = min(deepest, drawdown)
        points.append([int(at.timestamp()), float(equity), round(float(drawdown) * 100, 4)])
    hundredth = Decimal("0.0001")
    return Curve(_distinct(points), drawdown.quantize(hundredth), deepest.quantize(hundredth), peak_equity, under_since)


def _distinct(points: list[list[float]]) -> list[list[float]]:
    """One point a second at most: a chart refuses two values at one time."""
    return list({point[0]: point for point in points}.values())
