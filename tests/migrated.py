"""A migrated SQLite database for tests that start processes of their own: made once, then copied."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def migrated(database: Path) -> None:
    """Put a migrated, empty database there. It is kept for as long as no migration and no package changes."""
    made_of = hashlib.sha256()
    for path in sorted([*ROOT.glob("*/migrations/*.py"), *ROOT.glob("requirements*.txt")]):
        made_of.update(path.read_bytes())
    kept = Path(tempfile.gettempdir()) / f"xray-tests-{os.getuid()}-{made_of.hexdigest()[:16]}.sqlite3"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            fresh = kept.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            settings = {"XRAY_SQLITE": str(fresh), "XRAY_DEMO": "0", "DATABASE_URL": "", "REDIS_URL": ""}
            command = [sys.executable, "manage.py", "migrate", "-v0"]
            subprocess.run(command, cwd=ROOT, env=os.environ | settings, check=True)
            fresh.rename(kept)
    database.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(kept, database)
