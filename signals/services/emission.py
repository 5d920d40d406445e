"""What may be emitted: blacklists and cooldowns. Refused signals are stored with the reason."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q

from accounts.clock import now
from signals.domain.timeframes import timeframe_ms
from signals.models import Blacklist, RefusedSignal, Scan, Signal, Strategy

Key = tuple[int, int]  # instrument, strategy


@dataclass(slots=True)
class Gate:
    """Decides over the signals of one scan, in the order of their candles."""

    exchange: str
    step: timedelta
    blacklist: list[Blacklist]
    said: dict[Key, dict[datetime, str]] = field(default_factory=dict)
    refused: list[RefusedSignal] = field(default_factory=list)

    @classmethod
    def of(cls, scan: Scan, stored: list[Signal]) -> "Gate":
        """`stored` are the signals of the candles that cooldowns look back to."""
        gate = cls(scan.exchange, timedelta(milliseconds=timeframe_ms(scan.timeframe)), blacklist_active(scan.exchange))
        for row in stored:
            gate.note(row)
        return gate

    def note(self, row: Signal) -> None:
        """The signal was emitted."""
        self.said.setdefault((row.instrument_id, row.strategy_id), {})[row.candle_open_time] = row.side

    def passes(self, row: Signal, strategy: Strategy, cooldown: int) -> bool:
        """Whether it may be emitted (then it is noted); if not, the refusal is kept."""
        if words := self._blacklisted(row, strategy):
            return self.refuse(row, RefusedSignal.Rule.BLACKLIST, words)
        if words := self._cooling(row, cooldown):
            return self.refuse(row, RefusedSignal.Rule.COOLDOWN, words)
        self.note(row)
        return True

    def refuse(self, row: Signal, rule: str, words: str) -> bool:
        """Keep the refusal; False."""
        self.refused.append(
            RefusedSignal(
                instrument_id=row.instrument_id,
                timeframe=row.timeframe,
                strategy_id=row.strategy_id,
                candle_open_time=row.candle_open_time,
                side=row.side,
                confidence=row.confidence,
                rule=rule,
                reason=words[:400],
            )
        )
        return False

    def _blacklisted(self, row: Signal, strategy: Strategy) -> str:
        if row.side != "buy":  # who holds the symbol must be able to get out
            return ""
        for one in self.blacklist:
            if one.symbol in ("", row.instrument.symbol) and one.kind in ("", strategy.kind):
                until = f" until {one.expires_at:%Y-%m-%d %H:%M} UTC" if one.expires_at else ""
                return f"{one} is blacklisted{until}: {one.reason}"
        return ""

    def _cooling(self, row: Signal, cooldown: int) -> str:
        said = self.said.get((row.instrument_id, row.strategy_id), {})
        last = max((at for at in said if at < row.candle_open_time), default=None)
        if last is None or said[last] != row.side or row.candle_open_time - last > cooldown * self.step:
            return ""
        return (
            f"It said {row.side} at {last:%H:%M} already; it says so again after {cooldown} candles or a {_other(row)}."
        )


def _other(row: Signal) -> str:
    return "sell" if row.side == "buy" else "buy"


def blacklist_active(exchange: str) -> list[Blacklist]:
    """What is refused for everybody at an exchange now."""
    rows = Blacklist.objects.filter(user=None, lifted_at=None, exchange__in=("", exchange))
    return list(rows.filter(Q(expires_at=None) | Q(expires_at__gt=now())).order_by("pk"))
