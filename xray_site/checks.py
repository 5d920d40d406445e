"""Settings that are missing or wrong stop the start, each named with what is allowed."""

import base64
import binascii
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from signals.domain.timeframes import TIMEFRAMES

_KEYS_ALLOWED = "allowed: keyid:base64 of 32 bytes, several separated by commas; the first one encrypts."
BACKENDS = ("auto", "cpu", "gpu")


def settings_problems() -> list[str]:
    """Everything wrong with the settings, one sentence each, beginning with the setting's name."""
    return [
        *settings.XRAY_ENV_PROBLEMS,
        *_deployment_problems(),
        *_master_key_problems(),
        *_endpoint_problems(),
        *_unknown("XRAY_MARKET_EXCHANGES", settings.XRAY_MARKET_EXCHANGES, settings.XRAY_EXCHANGES),
        *_unknown("XRAY_TIMEFRAMES", settings.XRAY_TIMEFRAMES, TIMEFRAMES),
        *_unknown("XRAY_LOG_LEVEL", [settings.LOG_LEVEL], ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
        *_folder_problems(),
        *_backend_problems(),
    ]


def settings_require() -> None:
    """Raise ImproperlyConfigured with all problems; servers that run no system checks call this."""
    if problems := settings_problems():
        raise ImproperlyConfigured("Settings that must be put right first:\n  " + "\n  ".join(problems))


@register()
def settings_check(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The same as system checks, so that every management command refuses to run."""
    return [Error(text, id=f"xray.E{number:03d}") for number, text in enumerate(settings_problems(), start=1)]


def _deployment_problems() -> Iterable[str]:
    if not settings.XRAY_DEPLOYMENT_ID.strip():
        yield "XRAY_DEPLOYMENT_ID is missing; any random text, never changed again (make run writes one into .env)."


def _master_key_problems() -> Iterable[str]:
    text, file = settings.XRAY_MASTER_KEYS, settings.XRAY_MASTER_KEYS_FILE
    name = "XRAY_MASTER_KEYS"
    if not text and file:
        name = "XRAY_MASTER_KEYS_FILE"
        try:
            text = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            yield f"{name} cannot be read: {error}."
            return
    if not text:
        yield f"XRAY_MASTER_KEYS is missing; {_KEYS_ALLOWED}"
        return
    for part in text.split(","):
        if not _good_master_key(part):
            yield f"{name} holds an unreadable key; {_KEYS_ALLOWED}"
            return


def _good_master_key(part: str) -> bool:
    key_id, _, encoded = part.strip().partition(":")
    try:
        return bool(key_id) and len(base64.b64decode(encoded, validate=True)) == 32
    except (binascii.Error, ValueError):
        return False


def _endpoint_problems() -> Iterable[str]:
    from accounts.exchanges.endpoints import endpoints_check

    return endpoints_check()


def _unknown(name: str, values: Iterable[str], allowed: Iterable[str]) -> Iterable[str]:
    bad = [value for value in values if value not in allowed]
    if bad or not list(values):
        yield f"{name} is '{','.join(values)}'; allowed: {', '.join(allowed)}."


def _folder_problems() -> Iterable[str]:
    try:
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        yield f"XRAY_VAR_DIR cannot be used: {error}."
    if settings.XRAY_MARKET_DATA and not Path(settings.XRAY_MARKET_DATA).is_dir():
        yield f"XRAY_MARKET_DATA is '{settings.XRAY_MARKET_DATA}', which is no folder."


def _backend_problems() -> Iterable[str]:
    wanted = settings.XRAY_SCAN_BACKEND
    yield from _unknown("XRAY_SCAN_BACKEND", [wanted], BACKENDS)
    if wanted == "gpu":
        from signals.scan.backend import gpu_problem

        if problem := gpu_problem():
            yield f"XRAY_SCAN_BACKEND is 'gpu', and {problem}. With auto the CPU computes where there is no GPU."
