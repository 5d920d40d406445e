"""`python manage.py demo_setup`: the demo's users, accounts and bots, made once."""

from typing import Any

from django.core.management.base import BaseCommand

from xray_site.demo_setup import demo_setup


class Command(BaseCommand):
    help = "Create the demo's users, exchange accounts and bots that are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        demo_setup(lambda text: self.stdout.write(f"[demo] {text}"))
