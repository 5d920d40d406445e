"""What other rooms may say against removing an account or deleting its keys, without accounts importing them."""

from collections.abc import Callable

from accounts.models import ExchangeAccount

Guard = Callable[[ExchangeAccount], str]
_guards: list[Guard] = []
_keepers: list[Guard] = []


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
