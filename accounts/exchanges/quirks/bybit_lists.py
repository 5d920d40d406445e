"""How Bybit's lists go on: each answer says by which cursor."""

from collections.abc import Sequence
from typing import Any

from accounts.exchanges.pages import DAY_MS, Pages, Params


def _more(rows: Sequence[Any], params: Params) -> list[Params]:
    """ccxt keeps the cursor in the first raw row of a page; the last page has none, or an empty one."""
    cursors = [cursor for row in rows if (cursor := (row.get("info") or {}).get("nextPageCursor"))]
    return [{**params, "cursor": cursors[0]}] if cursors else []


# Documented for both: the default is fewer. A page that is not full may have a cursor, too, so any row may go on.
TRADES = Pages(1, _more, lambda _client: {"limit": 100}, 7 * DAY_MS)
OPEN_ORDERS = Pages(1, _more, lambda _client: {"limit": 50})
