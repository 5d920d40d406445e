"""The engine's state in the database: loaded with few queries, saved in one short transaction a step.

`on_saved(callback)` has `callback(saved: Saved)` called after each commit, `on_closed(callback)` has
`callback(position: Position)` called for each trade that closed in it. A listener that raises is logged.
"""

from trading.store.account import AccountStore
from trading.store.listeners import Saved, on_closed, on_saved

__all__ = ["AccountStore", "Saved", "on_closed", "on_saved"]
