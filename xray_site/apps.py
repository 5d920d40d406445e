"""Django application config."""

from django.apps import AppConfig


class XraySiteConfig(AppConfig):
    """The xray_site room."""

    name = "xray_site"
