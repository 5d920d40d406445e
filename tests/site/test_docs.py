"""The documentation tells the truth: commands exist, links lead somewhere, every setting is described."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_documentation_exist(page):
    text = page.read_text()
    code = "\n".join(re.findall(r"`([^`\n]+)`", text) + re.findall(r"```.*?\n(.*?)```", text, re.DOTALL))
    named = set(re.findall(r"\bmake ([a-z-]+)\b", code))
    assert named <= targets(), f"no such make target: {named - targets()}"
    commands = set(re.findall(r"manage\.py ([a-z_]+)", code))
    assert commands <= set(get_commands()), f"no such command: {commands - set(get_commands())}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


def test_every_setting_is_described():
    names = set(re.findall(r"\benv(?:\.\w+)?\(\s*\"([A-Z_]+)\"", (ROOT / "xray_site" / "settings.py").read_text()))
    described = (ROOT / "docs" / "settings.md").read_text()
    assert {name for name in names if f"`{name}`" not in described} == set()


def test_every_make_target_explains_itself():
    unexplained = {
        name for name in targets() if not re.search(rf"^{name}:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    }
    assert unexplained == set()


# --- the examples of docs/candles.md run ---


@pytest.mark.django_db
def test_the_candle_commands_in_the_documentation_run(market_data, tmp_path, settings, monkeypatch):
    import shlex

    from django.core.management import call_command

    settings.VAR_DIR = tmp_path / "var"
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "candles.md").read_text(), re.DOTALL)
    lines = [line.replace("$XRAY_MARKET_DATA", str(market_data)) for block in blocks for line in block.splitlines()]
    assert len(lines) == 6
    for line in lines:
        program, script, *arguments = shlex.split(line)
        assert (program, script) == ("python", "manage.py")
        call_command(*arguments)
    assert sorted(path.name for path in (tmp_path / "exported").iterdir()) == ["BTC_USDT.csv", "BTC_USDT.parquet"]
