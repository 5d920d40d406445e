"""`python manage.py env_make`: write `.env` with fresh secrets, unless it exists."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from xray_site.demo.envfile import env_make


class Command(BaseCommand):
    help = "Write .env with fresh secrets (mode 600), unless there is one."
    requires_system_checks = ()  # it is what puts missing settings right

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / ".env"
        self.stdout.write(f"made {path.name} (mode 600)" if env_make(path) else f"{path.name} is there already")
