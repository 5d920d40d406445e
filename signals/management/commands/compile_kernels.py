"""`python manage.py compile_kernels`: compile the array kernels once, with progress, into their cache."""

import time
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Compile the scan's kernels (about 10 s the first time, at once when they are cached)."

    def handle(self, *args: Any, **options: Any) -> None:
        self._say(options, "Compiling the scan's kernels ...")
        began = time.monotonic()
        from signals.scan.warm_up import kernels_warm_up

        for step in kernels_warm_up():
            self._say(options, f"  {step} ({time.monotonic() - began:.1f} s)")
        self._say(options, f"Kernels are ready after {time.monotonic() - began:.1f} s.")

    def _say(self, options: dict[str, Any], text: str) -> None:
        if options["verbosity"]:
            self.stdout.write(text)
            self.stdout.flush()
