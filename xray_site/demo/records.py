"""What each demo of this checkout runs with, noted in `var/demos`: commands started by hand find its settings there.

Settings only, never a secret; the servers of `make up` are noted without user and password.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from accounts.processes import folder_holder

# What a second process must share with the platform. Live trading is not among them: it is asked for each time.
SHARED = (
    "XRAY_VAR_DIR",
    "XRAY_KERNEL_DIR",
    "XRAY_EXCHANGE_ENDPOINTS",
    "XRAY_MARKET_EXCHANGES",
    "XRAY_TIMEFRAMES",
    "XRAY_EXCHANGE_TIMEOUT_S",
    "BASE_MAX_SYMBOLS",
    "BATCH_SIZE",
    "MAX_SPREAD_PERCENT",
)
# Noted where the demo runs without them, whatever `.env` says.
EMPTIED = ("DATABASE_URL", "REDIS_URL", "XRAY_SQLITE", "PRACTICE_ADMIN_TOKEN")


@dataclass(frozen=True)
class Record:
    """One demo: its settings, when it was started, and the servers of `make up` ("" with `make run`)."""

    settings: dict[str, str]
    started: float
    database: str
    redis: str

    @property
    def folder(self) -> Path:
        """The demo's state folder."""
        return Path(self.settings["XRAY_VAR_DIR"])

    @property
    def running(self) -> bool:
        """Whether it runs now: its supervisor holds the state folder."""
        return bool(folder_holder(self.folder))


def place(url: str) -> str:
    """Where a server's URL points, without user and password: `127.0.0.1:5432/xray`."""
    parts = urlsplit(url.strip())
    return parts.netloc.rpartition("@")[2] + parts.path


def record_make(environment: Mapping[str, str], *, started: float) -> Record:
    """The record of a platform that runs in this environment."""
    settings = {name: environment.get(name, "") for name in SHARED}
    settings |= {name: "" for name in EMPTIED if environment.get(name) == ""}
    servers = (place(environment.get(name, "")) for name in ("DATABASE_URL", "REDIS_URL"))
    return Record(settings, started, *servers)


def record_write(folder: Path, record: Record) -> None:
    """Note a demo, readable by its owner only; records whose state folder is gone are dropped."""
    if "@" in record.settings["XRAY_EXCHANGE_ENDPOINTS"]:
        return  # a user in an address: the start is refused for it, and it is not for keeping
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(str(record.folder).encode()).hexdigest()[:8]
    path = folder / f"{record.folder.name}-{digest}.json"
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
    fresh.replace(path)
    for other in folder.glob("*.json"):
        if (found := _read(other)) is None or not found.folder.is_dir():
            other.unlink(missing_ok=True)


def records_read(folder: Path) -> list[Record]:
    """Every noted demo whose state folder is still there."""
    found = [_read(path) for path in sorted(folder.glob("*.json"))]
    return [record for record in found if record is not None and record.folder.is_dir()]


def _read(path: Path) -> Record | None:
    try:
        record = Record(**json.loads(path.read_text(encoding="utf-8")))
        return record if record.folder.is_absolute() else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
