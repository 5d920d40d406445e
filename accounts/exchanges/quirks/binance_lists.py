"""How Binance's list of an account's executions goes on: by their numbers, upwards."""

from collections.abc import Sequence
from typing import Any

from accounts.exchanges.pages import DAY_MS, Pages, Params, raw_number

MOST = {"limit": 1000}


def _more(rows: Sequence[Any], params: Params) -> list[Params]:
    """A full page of an order is of its latest ("Otherwise most recent trades are returned"); one of a time may be."""
    onwards = {**MOST, "fromId": max(raw_number(row, "id") for row in rows) + 1}
    if "since" in params:
        return [onwards, {**params, "until": min(int(row["timestamp"]) for row in rows)}]
    return [onwards if "fromId" in params else {**MOST, "fromId": 0}]


# "The time between startTime and endTime can't be longer than 24 hours." (Account trade list)
TRADES = Pages(1000, _more, lambda _client: dict(MOST), DAY_MS)
