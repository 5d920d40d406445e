"""What all bots of the platform together may take of a pair: taken in one conditional statement, given back once.

Two workers cannot both take the last of it: the statement that takes looks at what is taken. What an entry took is
held until it is denied or its trade is closed; accounts of one mode share a pair (paper takes nothing from a market).
"""

from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F

from trading.models import CapacityHold, PairCapacity

UNIT = Decimal("1e-8")


def capacity_take(
    *, intent: UUID, instrument_id: int, mode: str, cost: Decimal, volume: float, share: Decimal
) -> Decimal | None:
    """Take `cost` for an intent; asked again for the same intent it is taken once.

    `volume` is the pair's of 24 hours, quote currency; `share` (1 or more: no limit) is the part of it that all bots
    together may take. Returns `cost` when it was taken, what is left when that is
    less, None where there is no limit: the platform has none, or the volume is not known.
    """
    if share >= 1 or volume <= 0:
        return None
    limit, units = int(Decimal(repr(volume)) * share / UNIT), _units(cost)
    with transaction.atomic():
        if CapacityHold.objects.filter(intent_id=intent).exists():
            return cost
        pair, _ = PairCapacity.objects.get_or_create(instrument_id=instrument_id, mode=mode)
        rows = PairCapacity.objects.filter(pk=pair.pk, taken__lte=limit - units)
        if rows.update(taken=F("taken") + units) == 1:
            CapacityHold.objects.create(pair=pair, intent_id=intent, units=units)
            return cost
        pair.refresh_from_db(fields=["taken"])
    return min(max(limit - pair.taken, 0) * UNIT, cost - UNIT)


def capacity_release(intents: Iterable[UUID]) -> int:
    """Give back what these intents hold; returns how many held anything. Safe to repeat."""
    released = 0
    for hold in CapacityHold.objects.filter(intent_id__in=list(intents)).order_by("pair_id"):
        with transaction.atomic():
            if CapacityHold.objects.filter(pk=hold.pk).delete()[0]:
                PairCapacity.objects.filter(pk=hold.pair_id).update(taken=F("taken") - hold.units)
                released += 1
    return released


def _units(cost: Decimal) -> int:
    return int((cost / UNIT).to_integral_value(ROUND_CEILING))
