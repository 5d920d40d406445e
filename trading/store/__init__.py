"""The engine's state in the database: loaded with few queries, saved in one short transaction a step.

`on_saved(callback)` has `callback(batch: Sequence[Saved])` called after commits, `on_closed(callback)` has
`callback(position: Position)` called for each trade that closed in them. A listener that raises is logged.
"""

from trading.store.account import AccountStore
from trading.store.listeners import Saved, on_closed, on_saved, telling_begin, telling_end

__all__ = ["AccountStore", "Saved", "on_closed", "on_saved", "telling_begin", "telling_end"]
