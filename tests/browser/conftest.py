"""A served site and a browser that notes console errors and requests to other hosts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages.worlds import PASSWORD

ROOT = Path(__file__).resolve().parent.parent.parent


class Site:
    """The served site: facts about its world, and commands to it."""

    def __init__(self, process: subprocess.Popen, facts: dict) -> None:
        self.process, self.facts = process, facts
        self.url = f"http://127.0.0.1:{facts['port']}"

    def tell(self, **command) -> None:
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")},
        "XRAY_VAR_DIR": str(folder),
        "XRAY_SQLITE": str(folder / "xray.sqlite3"),
        "XRAY_READ_DOTENV": "0",
        "SECRET_KEY": "browser-tests-only-browser-tests-only-browser-tests-only",
        "XRAY_DEPLOYMENT_ID": "browser-tests",
        "XRAY_MASTER_KEYS": "test:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.browser.server"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield Site(process, json.loads(process.stdout.readline()))
    process.stdin.close()
    process.wait(timeout=20)


@pytest.fixture(scope="module")
def browser(chromium_path):
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as tools:
        opened = tools.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield opened
        opened.close()


class Visit:
    """One browser window, logged in; `troubles` are console errors and requests to other hosts."""

    def __init__(self, browser, site: Site, width: int = 1440, theme: str = "light") -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        self.page = self.context.new_page()
        self.site, self.troubles = site, []
        self.page.on("console", lambda line: self.troubles.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("request", lambda asked: self._foreign(asked.url))

    def _foreign(self, url: str) -> None:
        if not url.startswith((self.site.url, "data:")):
            self.troubles.append(f"asked another host: {url}")

    def go(self, path: str) -> None:
        self.page.goto(self.site.url + path)
        if path != "/login/":
            self.listens()

    def listens(self) -> None:
        """The page's scripts run and its socket is open: what is pushed from here on arrives."""
        self.page.wait_for_selector("html[data-socket=open]", state="attached")

    def login(self) -> "Visit":
        self.go("/login/")
        self.page.fill("#id_username", self.site.facts["email"])
        self.page.fill("#id_password", PASSWORD)
        self.page.click("button.primary")
        self.page.wait_for_selector("#kpis")
        self.listens()
        return self


@pytest.fixture
def visit(browser, site):
    made = Visit(browser, site).login()
    yield made
    made.context.close()
    assert made.troubles == []


@pytest.fixture
def phone(browser, site):
    made = Visit(browser, site, width=390, theme="dark").login()
    yield made
    made.context.close()
    assert made.troubles == []
