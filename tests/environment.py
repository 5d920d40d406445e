"""The environment of every test process: a pytest plugin, because Django reads settings before any conftest."""

import atexit
import os
import shutil
import tempfile
from urllib.parse import urlsplit, urlunsplit

os.environ.setdefault("XRAY_READ_DOTENV", "0")
os.environ.setdefault("SECRET_KEY", "tests-only")
os.environ.setdefault("XRAY_MASTER_KEYS", "test:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
os.environ.setdefault("XRAY_DEPLOYMENT_ID", "tests")

# Every test process (xdist starts several) keeps its candles and its SQLite file in a folder of its own.
os.environ["XRAY_VAR_DIR"] = tempfile.mkdtemp(prefix="xray-tests-")
atexit.register(shutil.rmtree, os.environ["XRAY_VAR_DIR"], ignore_errors=True)

# Django gives every test process a database, this a Redis database: row ids of two processes would meet there,
# and a test that empties the cache must not empty another's.
if os.environ.get("REDIS_URL") and (worker := os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) != "0":
    parts = urlsplit(os.environ["REDIS_URL"])
    number = (int(parts.path.strip("/") or 0) + int(worker)) % 16
    os.environ["REDIS_URL"] = urlunsplit(parts._replace(path=f"/{number}"))
