"""Has the tasks of a real worker crash with keys in their hands: loaded by `celery --include` beside the platform's."""

from typing import Any

from accounts.exchanges.lean_ccxt import client_class

_binance = client_class("binance")
_fetch = _binance.fetch


async def _stumble(self: Any, *given: Any) -> Any:
    if not self.apiKey:
        return await _fetch(self, *given)
    here = {"given": given, "own": vars(self)}
    raise RuntimeError(f"a bug in the worker with {self.apiKey} and {self.secret!r}, {self.secret}, {len(here)}")


_binance.fetch = _stumble
