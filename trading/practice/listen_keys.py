"""Listen keys: how a client opens its user-data stream through the market-data socket."""

import secrets

from trading.practice.errors import no_such_listen_key

LIFE_MS = 3_600_000


class ListenKeys:
    """Keys and whose they are; each lives an hour after it was last extended. Lost on a restart, as on the real one."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[int, int]] = {}  # key -> (account id, end in real ms)

    def create(self, account: int, now: int) -> str:
        """The account's key; asking again extends the one it has."""
        for key, (owner, end) in self._keys.items():
            if owner == account and now < end:
                self._keys[key] = account, now + LIFE_MS
                return key
        key = secrets.token_hex(32)
        self._keys[key] = account, now + LIFE_MS
        return key

    def account_of(self, key: str, now: int) -> int | None:
        """Whose key this is, None when unknown or expired."""
        account, end = self._keys.get(key, (None, 0))
        return account if now < end else None

    def extend(self, key: str, now: int) -> None:
        """Give a key another hour."""
        account = self.account_of(key, now)
        if account is None:
            raise no_such_listen_key()
        self._keys[key] = account, now + LIFE_MS

    def close(self, key: str) -> None:
        """Forget a key."""
        if self._keys.pop(key, None) is None:
            raise no_such_listen_key()
