"""The `.env` of this checkout: made once with fresh secrets, never overwritten, never committed."""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

TEMPLATE = """\
# Made on the first start with fresh secrets. Never commit it; losing XRAY_MASTER_KEYS loses the stored API keys.
# Every name is described in docs/settings.md.
SECRET_KEY={secret_key}
XRAY_MASTER_KEYS={master_key}
XRAY_DEPLOYMENT_ID={deployment_id}
PRACTICE_ADMIN_TOKEN={admin_token}
# Logins of the demo's users, printed at every start.
XRAY_DEMO_STAFF_PASSWORD={staff}
XRAY_DEMO_PAPER_PASSWORD={paper}
XRAY_DEMO_PRACTICE_PASSWORD={practice}
"""


def env_text() -> str:
    """A fresh `.env`, different at every call."""
    return TEMPLATE.format(
        secret_key=secrets.token_urlsafe(48),
        master_key="k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        deployment_id=secrets.token_hex(8),
        admin_token=secrets.token_urlsafe(24),
        staff=_password(),
        paper=_password(),
        practice=_password(),
    )


def _password() -> str:
    """Easy to type: three groups of four letters and digits without look-alikes (58 bits)."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(3))


def env_make(path: Path) -> bool:
    """Write `path` with mode 600 unless it exists; whether it was written."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(env_text())
    return True


def wanted(values: Mapping[str, str], name: str = "XRAY_READ_DOTENV") -> bool:
    """Whether a switch is not off: by default whether `.env` counts, or the environment alone does."""
    return values.get(name, "").strip().lower() not in {"0", "false", "no", "off"}


def env_read(path: Path) -> dict[str, str]:
    """The names and values in an env file; an absent file is empty."""
    values: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and not name.startswith("#"):
            values[name.strip()] = value.strip().strip("'\"")
    return values
