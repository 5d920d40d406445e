"""Fixtures shared by all tests. The environment is set before Django reads its settings."""

import os

os.environ.setdefault("XRAY_READ_DOTENV", "0")
os.environ.setdefault("SECRET_KEY", "tests-only")
os.environ.setdefault("XRAY_MASTER_KEYS", "test:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
os.environ.setdefault("XRAY_DEPLOYMENT_ID", "tests")
