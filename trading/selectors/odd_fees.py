"""Fees above a tenth of their trade that somebody has to look at."""

from django.db.models import Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Concat

from trading.models import Fill, LedgerEntry, OddFee


def fees_open() -> QuerySet[OddFee]:
    """Odd fees whose trade is not booked yet, accepted or not."""
    fills = Fill.objects.filter(
        account=OuterRef("account"), instrument__symbol=OuterRef("symbol"), trade_id=OuterRef("trade_id")
    )
    by_hand = LedgerEntry.objects.filter(
        account=OuterRef("account"),
        reference=Concat(Value("outside:"), OuterRef("symbol"), Value(":"), OuterRef("trade_id")),
    )
    return OddFee.objects.filter(~Exists(fills), ~Exists(by_hand))
