"""Put all stored API keys under the current master key: `manage.py keys_rotate [--to ID] [--dry-run]`."""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.crypto import SealError, master_key_ids
from accounts.models import ExchangeAccount
from accounts.selectors import KeyCensus, keys_census, keys_held
from accounts.services.key_rotation import account_keys_rotate, rotation_check

EVERY = 100


class Command(BaseCommand):
    help = "Put all stored API keys under the current (first) master key. It may be stopped at any time, and goes on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", help="Id of the new master key; refused unless it is the one that encrypts.")
        parser.add_argument("--dry-run", action="store_true", help="Only say how many keys are under which master key.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rotation_check(target=master_key_ids()[0] if options["to"] is None else options["to"])
        except SealError as error:
            raise CommandError(str(error)) from None
        self._report(keys_census())
        if options["dry_run"]:
            return
        self.stopped = False
        old = signal.signal(signal.SIGTERM, self._stop), signal.signal(signal.SIGINT, self._stop)
        try:
            failed = self._rotate()
        finally:
            signal.signal(signal.SIGTERM, old[0])
            signal.signal(signal.SIGINT, old[1])
        self._finish(failed)

    def _stop(self, *_: Any) -> None:
        """The row at work is finished, the rest stays for the next time."""
        self.stopped = True

    def _rotate(self) -> int:
        current = master_key_ids()[0]
        waiting = [pk for pk, key_id in keys_held() if key_id != current]
        failed = 0
        for number, account_id in enumerate(waiting, start=1):
            if self.stopped:
                break
            failed += not self._one(account_id)
            if number % EVERY == 0:
                self.stdout.write(f"{number} of {len(waiting)}")
        return failed

    def _one(self, account_id: int) -> bool:
        try:
            account_keys_rotate(account_id=account_id)
        except SealError as error:
            account = ExchangeAccount.objects.get(pk=account_id)
            self.stderr.write(f"account {account.public_id}: {error}")
            return False
        return True

    def _finish(self, failed: int) -> None:
        census = keys_census()
        self._report(census)
        if self.stopped:
            raise CommandError(f"Stopped; {census.to_rotate} are left. Run it again: it goes on from here.")
        if failed:
            raise CommandError(f"{failed} could not be opened: configure their master key, or have the keys replaced.")
        if census.to_rotate:
            raise CommandError(
                f"{census.to_rotate} were stored meanwhile by a process that still has the old settings: restart it, "
                "and run this again."
            )
        self.stdout.write(f"All keys are under {census.current!r}.")

    def _report(self, census: KeyCensus) -> None:
        for key_id, count in sorted(census.counts.items()):
            note = " (current)" if key_id == census.current else " (not configured)" if key_id in census.closed else ""
            self.stdout.write(f"{count:6} under {key_id!r}{note}")
        self.stdout.write(f"{census.to_rotate:6} to rotate to {census.current!r}")
