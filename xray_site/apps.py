"""Django application config."""

from django.apps import AppConfig


class XraySiteConfig(AppConfig):
    """The xray_site room: makes the Celery app the current one and registers the settings checks."""

    name = "xray_site"

    def ready(self) -> None:
        """Import what must be known in every process before its first task or request."""
        from xray_site import celery, checks  # noqa: F401
