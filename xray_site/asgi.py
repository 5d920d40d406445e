"""ASGI entry point: HTTP by Django, websockets by Channels."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xray_site.settings")

from django.core.asgi import get_asgi_application

application = get_asgi_application()

from xray_site.checks import settings_require

settings_require()
