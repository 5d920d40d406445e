"""Why an exchange account must stay: something of it is still open, or a bot needs it."""

from accounts.models import ExchangeAccount
from trading.domain.orders import OPEN
from trading.domain.position import OPEN_STATES
from trading.models import Bot, Order, Position


def account_needed(account: ExchangeAccount) -> str:
    """The reasons in words, empty when the account may go (registered with `accounts.services.guards`)."""
    found = []
    if positions := Position.objects.filter(account=account, status__in=OPEN_STATES).count():
        found.append(f"It holds {positions} open position(s): close them first.")
    if orders := Order.objects.filter(account=account, status__in=OPEN).count():
        found.append(f"It has {orders} open order(s): cancel them first.")
    bots = Bot.objects.filter(account=account, deleted_at=None)
    if names := ", ".join(bots.values_list("name", flat=True)[:5]):
        found.append(f"Bots still use it: delete {names} first.")
    return " ".join(found)
