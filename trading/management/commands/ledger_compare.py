"""Compare a practice account with the practice exchange's own ledger: `manage.py ledger_compare --account ID`."""

import json
import time
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import ExchangeAccount
from trading.services import fields
from trading.services.ledger_comparison import Comparison, LedgerUnavailable, ledger_compare

AGAIN_S = 1.0


class Command(BaseCommand):
    help = "Compare an account's orders, fills, fees and balances with the practice exchange's ledger."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", required=True, help="Public id or number of an account of mode practice.")
        parser.add_argument(
            "--wait",
            type=float,
            default=15.0,
            help="Seconds to look again while something differs.",
        )
        parser.add_argument("--json", action="store_true", help="Print the comparison as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        account = _account(options["account"])
        found = _compared(account, options["wait"])
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found)))
        else:
            self.stdout.write("\n".join([*found.differences, _summary(account, found)]))
        if found.differences:
            raise SystemExit(1)


def _compared(account: ExchangeAccount, wait_s: float) -> Comparison:
    """The first comparison without a difference, else the last one within the time."""
    deadline = time.monotonic() + wait_s
    try:
        while (found := ledger_compare(account=account)).differences and time.monotonic() < deadline:
            time.sleep(AGAIN_S)
    except LedgerUnavailable as error:
        raise CommandError(str(error)) from None
    return found


def _account(reference: str) -> ExchangeAccount:
    rows = ExchangeAccount.objects.all()
    account: ExchangeAccount | None = fields.by_reference(rows, reference)
    if account is None:
        practice = rows.filter(mode=ExchangeAccount.Mode.PRACTICE)[:20]
        known = ", ".join(f"{row.pk} ({row.name})" for row in practice) or "none yet"
        raise CommandError(f"There is no account '{reference}'. Accounts of mode practice: {known}.")
    return account


def _summary(account: ExchangeAccount, found: Comparison) -> str:
    what = f"{found.orders} orders, {found.fills} fills, {found.currencies} balances"
    return f"{account.name}: {what}: {f'{len(found.differences)} differences' if found.differences else 'equal'}"
