"""Symbols that fail: remembered with the reason, left out, and tried again with exponential back-off and jitter.

One failure is no trouble yet: after TOLERATED tries that failed one after the other the symbol leaves the scan until
`retry_at`. Failures before that moment belong to the same try. When it has come, the next selection lets the symbol in
again: a success forgets the trouble, a failure doubles the wait.
"""

import random
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from accounts.clock import now
from signals.models import Instrument, SymbolTrouble

TOLERATED = {SymbolTrouble.Kind.CANDLES: 3, SymbolTrouble.Kind.UNSUPPORTED: 1}
FIRST_S, MOST_S = 900.0, 86_400.0
JITTER = 0.2  # a fraction, either way


def trouble_record(*, exchange: str, symbol: str, kind: str, reason: str) -> SymbolTrouble:
    """Remember a failed try. Once it is barred the symbol leaves the scan at once."""
    with transaction.atomic():
        rows = SymbolTrouble.objects.select_for_update()
        trouble, _ = rows.get_or_create(exchange=exchange, symbol=symbol[:128], kind=kind)
        _failed(trouble, reason)
        trouble.save()
    if kind == SymbolTrouble.Kind.CANDLES and trouble.retry_at is not None:
        _leave(trouble)
    return trouble


def trouble_clear(*, exchange: str, symbol: str, kind: str) -> bool:
    """The symbol is well: forget its trouble. Returns whether there was one."""
    return SymbolTrouble.objects.filter(exchange=exchange, symbol=symbol[:128], kind=kind).delete()[0] > 0


def troubles_note(*, exchange: str, failed: Mapping[str, str], well: Collection[str]) -> None:
    """What a round of candles says: reasons by symbol that failed, and the symbols that have their candle.

    When more fail than are well it is the exchange that fails, and no symbol is blamed.
    """
    kind = SymbolTrouble.Kind.CANDLES
    known = SymbolTrouble.objects.filter(exchange=exchange, kind=kind).values_list("symbol", flat=True)
    for symbol in set(known) & (set(well) - set(failed)):
        trouble_clear(exchange=exchange, symbol=symbol, kind=kind)
    if len(failed) <= len(well):
        for symbol, reason in failed.items():
            trouble_record(exchange=exchange, symbol=symbol, kind=kind, reason=reason)


def troubles_unsupported(*, exchange: str, reasons: Mapping[str, str]) -> None:
    """The markets of an exchange that are not supported, with the reason each; all others are well.

    A market that is remembered is looked at again when its `retry_at` has come.
    """
    kind = SymbolTrouble.Kind.UNSUPPORTED
    given = {symbol[:128]: reason for symbol, reason in reasons.items()}
    known = {row.symbol: row for row in SymbolTrouble.objects.filter(exchange=exchange, kind=kind)}
    well = [row.pk for symbol, row in known.items() if symbol not in given]
    due = [row for symbol, row in known.items() if symbol in given and not barred(row, now())]
    fresh = [SymbolTrouble(exchange=exchange, symbol=one, kind=kind) for one in given if one not in known]
    for row in (*due, *fresh):
        _failed(row, given[row.symbol])
    for first in range(0, len(well), 500):
        SymbolTrouble.objects.filter(pk__in=well[first : first + 500]).delete()
    SymbolTrouble.objects.bulk_update(due, ["reason", "count", "last_seen", "retry_at"], batch_size=500)
    SymbolTrouble.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=500)


def trouble_retry(*, trouble: SymbolTrouble) -> None:
    """Let the symbol be tried at the next selection; its count stays, so that one more failure doubles the wait."""
    SymbolTrouble.objects.filter(pk=trouble.pk).exclude(retry_at=None).update(retry_at=now())


def barred_reasons(*, exchange: str) -> dict[str, str]:
    """Symbols that are left out for now, with the reason in words."""
    rows = SymbolTrouble.objects.filter(Q(retry_at__gt=now()), exchange=exchange)
    return {row.symbol: _told(row) for row in rows}


def barred(trouble: SymbolTrouble, moment: datetime) -> bool:
    """Whether it is left out at this moment."""
    return trouble.retry_at is not None and moment < trouble.retry_at


def backoff_s(*, exchange: str, symbol: str, kind: str, tries: int) -> float:
    """Seconds to wait after so many barred tries (1 and up): doubled each time, at most a day, with jitter.

    The jitter is drawn from the symbol and the try, so that it can be told beforehand and no two symbols agree.
    """
    drawn = random.Random(f"{exchange} {symbol} {kind} {tries}").uniform(1.0 - JITTER, 1.0 + JITTER)
    return min(FIRST_S * 2.0 ** min(tries - 1, 30), MOST_S) * drawn


def _failed(trouble: SymbolTrouble, reason: str) -> None:
    moment = now()
    trouble.reason, trouble.last_seen = reason[:300], moment
    if not trouble.count:
        trouble.first_seen = moment
    if barred(trouble, moment):
        return
    trouble.count += 1
    tries = trouble.count - TOLERATED[SymbolTrouble.Kind(trouble.kind)] + 1
    if tries >= 1:
        wait = backoff_s(exchange=trouble.exchange, symbol=trouble.symbol, kind=trouble.kind, tries=tries)
        trouble.retry_at = moment + timedelta(seconds=wait)


def _leave(trouble: SymbolTrouble) -> None:
    scanned = Instrument.objects.filter(exchange=trouble.exchange, symbol=trouble.symbol, selected=True)
    scanned.update(selected=False, selection_reason=_told(trouble)[:160])


def _told(trouble: SymbolTrouble) -> str:
    until = f"{trouble.retry_at:%Y-%m-%d %H:%M} UTC" if trouble.retry_at else "the next scan"
    return f"In trouble, tried again after {until}: {trouble.reason}"
