"""ASGI entry point: HTTP by Django, websockets by Channels."""

import os
import warnings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xray_site.settings")

# Without a collected folder the static files are found where they lie (WHITENOISE_USE_FINDERS).
warnings.filterwarnings("ignore", message="No directory at", category=UserWarning)

# The files are local and small; WhiteNoise reads them synchronously.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()  # before any import that needs models

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator

from accounts.opening import Serving, opening_forbid
from trading.routing import websocket_urlpatterns
from xray_site.checks import settings_require

settings_require()
opening_forbid("the web process")  # the one-process demo takes it back: it also signs (`xray_site.embedded`)
application = Serving(
    ProtocolTypeRouter(
        {
            "http": django_application,
            "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
        }
    )
)
