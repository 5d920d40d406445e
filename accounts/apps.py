"""Django application config."""

import re
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig

from accounts.scrub import secrets_remember_always

_NAMED = re.compile(r"^SECRET_KEY$|^(XRAY_DEMO|PRACTICE)_.*(PASSWORD|API_KEY|SECRET|TOKEN)$")


class AccountsConfig(AppConfig):
    """The accounts room."""

    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """The settings' secrets are masked in whatever this process writes."""
        from django.conf import settings

        secrets_remember_always(settings_secrets(settings))


def settings_secrets(settings: Any) -> list[str]:
    """Every secret value of the settings: keys, passwords, and those inside addresses."""
    keys = [part.partition(":")[2].strip() for part in str(settings.XRAY_MASTER_KEYS).split(",")]
    addresses = [urlsplit(str(url)).password or "" for url in (settings.DATABASE_URL, settings.REDIS_URL)]
    named = [str(getattr(settings, name)) for name in dir(settings) if name.isupper() and _NAMED.search(name)]
    return [value for value in [*keys, *addresses, *named] if value]
