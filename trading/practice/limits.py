"""Request weights per address and order counts per account, as Binance keeps them."""

from collections import defaultdict, deque

from trading.practice import errors

MINUTE, TEN_SECONDS, DAY = 60_000, 10_000, 86_400_000  # ms
WEIGHT_LIMIT, ORDER_LIMIT, ORDER_LIMIT_DAY = 6_000, 100, 200_000
PATIENCE = 20  # refused requests in one minute before the address is banned
BAN_MS = 120_000


class WeightMeter:
    """Weight used in the running minute by each address; over the limit comes 429, for the stubborn 418."""

    def __init__(self, limit: int = WEIGHT_LIMIT) -> None:
        self.limit = limit
        self._minute = -1
        self._used: defaultdict[str, int] = defaultdict(int)
        self._refused: defaultdict[str, int] = defaultdict(int)
        self._banned: dict[str, tuple[int, int]] = {}  # from when, until when
        self.during_ban = 0  # requests that came from a banned address; not those under way when its ban began

    def used(self, address: str) -> int:
        """Weight used in this minute."""
        return self._used[address]

    def add(self, address: str, weight: int, now: int, came: int | None = None) -> None:
        """Count a request at ``now`` (real ms; it may have come earlier) or raise 429 / 418; what weighs nothing always
        passes."""
        if not weight:
            return
        if now // MINUTE != self._minute:
            self._minute = now // MINUTE
            self._used.clear()
            self._refused.clear()
        began, until = self._banned.get(address, (0, 0))
        if now < until:
            self.during_ban += (now if came is None else came) >= began
            raise errors.banned(until, -(-(until - now) // 1000))
        self._used[address] += weight
        if self._used[address] > self.limit:
            self._refuse(address, now)

    def ban(self, address: str, now: int, until: int) -> None:
        """Refuse every request of an address up to a moment (real ms)."""
        self._banned[address] = now, until

    def _refuse(self, address: str, now: int) -> None:
        self._refused[address] += 1
        if self._refused[address] > PATIENCE:
            self.ban(address, now, now + BAN_MS)
            raise errors.banned(now + BAN_MS, BAN_MS // 1000)
        raise errors.too_much_weight(self.limit, -(-(MINUTE - now % MINUTE) // 1000))


class OrderMeter:
    """Orders placed by each account in the last ten seconds and this day."""

    def __init__(self, limit: int = ORDER_LIMIT) -> None:
        self.limit = limit
        self._recent: defaultdict[int, deque[int]] = defaultdict(deque)
        self._today: dict[int, tuple[int, int]] = {}

    def add(self, account: int, now: int) -> dict[str, str]:
        """Count an order or raise -1015; returns the headers that tell the counts."""
        recent = self._recent[account]
        while recent and recent[0] <= now - TEN_SECONDS:
            recent.popleft()
        if len(recent) >= self.limit:
            raise errors.too_many_orders(self.limit)
        recent.append(now)
        day, count = self._today.get(account, (now // DAY, 0))
        count = count + 1 if day == now // DAY else 1
        self._today[account] = now // DAY, count
        return {"X-MBX-ORDER-COUNT-10S": str(len(recent)), "X-MBX-ORDER-COUNT-1D": str(count)}
