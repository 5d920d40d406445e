"""`python manage.py compile_kernels`: compile the array kernels once, with progress, into their cache."""

import time
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Compile the scan's kernels (about 10 s the first time, at once when they are cached)."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("Compiling the scan's kernels ...")
        began = time.monotonic()
        from signals.scan.warm_up import kernels_warm_up

        for step in kernels_warm_up():
            self.stdout.write(f"  {step} ({time.monotonic() - began:.1f} s)")
            self.stdout.flush()
        self.stdout.write(f"Kernels are ready after {time.monotonic() - began:.1f} s.")
