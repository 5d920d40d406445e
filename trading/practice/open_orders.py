"""The open orders, found by symbol for matching and by account for their owners."""

from collections import defaultdict

from trading.practice.orders import Order


class OpenOrders:
    """Orders that may still execute."""

    def __init__(self) -> None:
        self._by_symbol: defaultdict[str, dict[int, Order]] = defaultdict(dict)
        self._by_account: defaultdict[int, dict[int, Order]] = defaultdict(dict)

    def add(self, order: Order) -> None:
        """Keep an order until it is removed."""
        self._by_symbol[order.symbol][order.id] = self._by_account[order.account][order.id] = order

    def remove(self, order: Order) -> None:
        """Forget an order; one that was never open is no error."""
        self._by_symbol[order.symbol].pop(order.id, None)
        self._by_account[order.account].pop(order.id, None)

    def find(self, account: int, id: int) -> Order | None:
        """The account's open order of that id."""
        return self._by_account[account].get(id)

    def symbols(self) -> list[str]:
        """Symbols with open orders."""
        return [symbol for symbol, orders in self._by_symbol.items() if orders]

    def of_symbol(self, symbol: str) -> list[Order]:
        """A symbol's open orders."""
        return list(self._by_symbol[symbol].values())

    def of_account(self, account: int) -> list[Order]:
        """An account's open orders by id."""
        return sorted(self._by_account[account].values(), key=lambda order: order.id)
