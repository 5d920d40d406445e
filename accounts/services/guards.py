"""What other rooms know of an account (why it must stay, what it can trade in), without accounts importing them."""

from collections.abc import Callable

from accounts.models import ExchangeAccount

Guard = Callable[[ExchangeAccount], str]
Currencies = Callable[[str], list[str]]
Listener = Callable[[ExchangeAccount], None]
_guards: list[Guard] = []
_keepers: list[Guard] = []
_traded: list[Currencies] = []
_replaced: list[Listener] = []


def on_account_remove(guard: Guard) -> None:
    """Register `guard(account) -> reason`: an empty reason lets the account go, words keep it."""
    if guard not in _guards:
        _guards.append(guard)


def account_removal_reasons(account: ExchangeAccount) -> list[str]:
    """Every reason why the account must stay."""
    return [reason for guard in _guards if (reason := guard(account))]


def on_keys_delete(keeper: Guard) -> None:
    """Register `keeper(account) -> reason`: words keep the keys for now (something is open that they must close)."""
    if keeper not in _keepers:
        _keepers.append(keeper)


def keys_kept_reasons(account: ExchangeAccount) -> list[str]:
    """Every reason why the keys are still needed."""
    return [reason for keeper in _keepers if (reason := keeper(account))]


def on_keys_replace(listener: Listener) -> None:
    """Register what is called, in the same transaction, when an account gets other keys."""
    if listener not in _replaced:
        _replaced.append(listener)


def keys_replaced(account: ExchangeAccount) -> None:
    """Tell the rooms above: other keys may open another account at the exchange."""
    for listener in _replaced:
        listener(account)


def on_currencies_ask(traded: Currencies) -> None:
    """Register `traded(exchange) -> currencies`: what the exchange's pairs are priced in, empty when not known."""
    if traded not in _traded:
        _traded.append(traded)


def currencies_traded(exchange: str) -> list[str]:
    """What pairs of an exchange are priced in, the most usual first; empty when nobody knows."""
    return [code for traded in _traded for code in traded(exchange)]
