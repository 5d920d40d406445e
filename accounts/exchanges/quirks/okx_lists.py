"""How OKX's lists go on: "records earlier than" the number of the last one."""

from collections.abc import Callable, Sequence
from typing import Any

from accounts.exchanges.pages import Pages, Params, raw_number

MOST = 100  # and the default


def _earlier_than(name: str) -> Callable[[Sequence[Any], Params], list[Params]]:
    def more(rows: Sequence[Any], params: Params) -> list[Params]:
        return [{**params, "after": str(min(raw_number(row, name) for row in rows))}]

    return more


TRADES = Pages(MOST, _earlier_than("billId"))
OPEN_ORDERS = Pages(MOST, _earlier_than("ordId"))
