"""Websocket addresses of trading."""

from typing import Any

from django.urls import path

from trading.consumers import LiveConsumer

websocket_urlpatterns: list[Any] = [path("ws/live", LiveConsumer.as_asgi())]
