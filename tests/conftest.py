"""Fixtures shared by all tests; the environment they run in is set by `tests/environment.py`."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NEIGHBOUR_DATA = ROOT.parent / "shared" / "market-data"


def pytest_configure() -> None:
    """Tests make thousands of users."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["tests.hashers.QuickHasher", *settings.PASSWORD_HASHERS[1:]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--only-database`: the tests that a second run on another database must repeat."""
    parser.addoption(
        "--only-database", action="store_true", help="only tests that use the database, servers or a browser"
    )


def uses_servers(item: pytest.Item) -> bool:
    """Whether a test touches the database, a server or the browser."""
    marked = any(item.get_closest_marker(name) for name in ("django_db", "servers", "browser"))
    return marked or bool({"db", "transactional_db"} & set(getattr(item, "fixturenames", ())))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine cannot run."""
    if config.getoption("--only-database"):
        items[:] = [item for item in items if uses_servers(item)]
    servers = os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")
    for item in items:
        if item.get_closest_marker("servers") and not servers:
            item.add_marker(pytest.mark.skip(reason="needs DATABASE_URL and REDIS_URL"))
        if item.get_closest_marker("browser") and not chromium():
            item.add_marker(pytest.mark.skip(reason="needs chromium"))


def chromium() -> str | None:
    """The browser to test with, if there is one."""
    names = (os.environ.get("XRAY_CHROMIUM") or "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(autouse=True)
def own_request_budget(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ban or a spent turn of one test is not seen by the next one through Redis."""
    if not request.node.get_closest_marker("servers"):
        from accounts.exchanges import shared_turns

        monkeypatch.setattr(shared_turns, "shared", lambda: False)


@pytest.fixture(autouse=True)
def own_strategies() -> None:
    """The strategies kept ready by one test are not scanned by the next."""
    from signals.versions import versions_forget

    versions_forget()


@pytest.fixture(autouse=True)
def own_routes() -> None:
    """The routes of one test's markets value nothing in the next."""
    from trading.selectors.deposit import routes_forget

    routes_forget()


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of real candles (`<market>/<timeframe>/<BASE>_<QUOTE>.parquet`); skips where it is absent."""
    folder = Path(os.environ.get("XRAY_MARKET_DATA") or NEIGHBOUR_DATA)
    if not any(folder.glob("*/*/*.parquet")):
        pytest.skip(f"needs real candles in XRAY_MARKET_DATA (looked in {folder.name})")
    return folder


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The browser's program; skips where there is none."""
    path = chromium()
    if path is None:
        pytest.skip("needs chromium")
    return path
