"""`python manage.py run_demo`: listed here for `manage.py help`; manage.py starts the supervisor without Django."""

from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Start the practice exchange and the platform as one process group (what make run does)."

    def handle(self, *args: Any, **options: Any) -> None:
        from xray_site.demo.run import main

        raise SystemExit(main([]))
