"""Lists that an exchange answers in pages: all of them.

No exchange tells more than a hundred to a thousand executions at once, nor always that there are more. One that is
left out is a lost fill, so every list of orders or executions is read to its end.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.exchanges.errors import AnswerUnreadable

Params = dict[str, Any]
Rows = list[Any]
DAY_MS = 86_400_000
MOST = 200  # pages of one list: more is an exchange that tells the same for ever


@dataclass(frozen=True, slots=True)
class Pages:
    """How one list of an exchange goes on.

    A page of fewer than `size` rows is the last one. `following(rows, params)` are the parameters of what comes after a
    full page that was asked for with `params`, none after the last one; `since` and `until` (ms) among them are ccxt's.
    `asked(client)` are the parameters of each request, and one request asks about `span_ms` at most (0: any time).
    """

    size: int
    following: Callable[[Sequence[Any], Params], Sequence[Params]]
    asked: Callable[[Any], Params] = lambda _client: {}
    span_ms: int = 0


def whole(_rows: Sequence[Any], _params: Params) -> Sequence[Params]:
    """For lists that come in one piece."""
    return ()


WHOLE = Pages(1, whole)


async def order_trades(client: Any, pages: Pages, order_id: str | None, symbol: str, params: Params) -> Rows:
    """All executions of one order, in ccxt's words. Raises AnswerUnreadable, and what ccxt raises."""

    async def ask(asked: Params) -> Any:
        return await client.fetch_order_trades(order_id, symbol, None, None, asked)

    return await _every(ask, pages, {**pages.asked(client), **params})


async def trades_since(client: Any, pages: Pages, symbol: str, since_ms: int, now_ms: int) -> Rows:
    """All the account's executions in one symbol from a moment on. Raises as `order_trades`."""

    async def ask(asked: Params) -> Any:
        since = asked.pop("since", None)
        return await client.fetch_my_trades(symbol, since, None, asked)

    rows: Rows = []
    while pages.span_ms and now_ms - since_ms > pages.span_ms:
        window = {"since": since_ms, "until": since_ms + pages.span_ms}
        rows += await _every(ask, pages, {**pages.asked(client), **window})
        since_ms += pages.span_ms
    return rows + await _every(ask, pages, {**pages.asked(client), "since": since_ms})


async def orders_open(client: Any, pages: Pages, symbol: str) -> Rows:
    """All orders that rest in one symbol. Raises as `order_trades`."""

    async def ask(asked: Params) -> Any:
        return await client.fetch_open_orders(symbol, None, None, asked)

    return await _every(ask, pages, pages.asked(client))


async def _every(ask: Callable[[Params], Awaitable[Any]], pages: Pages, first: Params) -> Rows:
    """Pages until one is not full or has nothing new; rows as they came, some twice."""
    rows: Rows = []
    ids: set[str] = set()
    todo = [first]
    for _ in range(MOST):
        if not todo:
            return rows
        params = todo.pop()
        page = list(await ask(dict(params)))
        rows += page
        fresh = {str(row.get("id")) for row in page} - ids
        ids |= fresh
        if fresh and len(page) >= pages.size:
            todo += pages.following(page, params)
    raise AnswerUnreadable("The exchange's list does not come to an end.")


def raw_number(row: Any, name: str) -> int:
    """A number of the raw row that pages are told apart by. Raises AnswerUnreadable."""
    text = str((row.get("info") or {}).get(name, ""))
    if not text.isdecimal():
        raise AnswerUnreadable(f"A row of a list has no {name} to go on from.")
    return int(text)
