"""Guards of the house: layers, migrations, and what may stand in a tracked file."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2]


def tracked(*patterns: str) -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


needs_git = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs the git checkout")


def test_imports_point_one_way():
    program = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run([str(program), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:]


def test_no_importing_of_heavy_libraries_at_start():
    """The demo's memory rests on it: what a page or a task does not use is not loaded."""
    code = (
        "import django, sys; django.setup(); import xray_site.urls; "
        "print(sorted({'ccxt', 'numba', 'lightgbm', 'polars', 'sklearn', 'torch', 'aiogram'} & set(sys.modules)))"
    )
    environment = {**__import__("os").environ, "DJANGO_SETTINGS_MODULE": "xray_site.settings"}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.django_db
def test_no_model_change_is_without_its_migration():
    out = io.StringIO()
    try:
        call_command("makemigrations", check=True, dry_run=True, stdout=out)
    except SystemExit:
        pytest.fail(f"makemigrations would write:\n{out.getvalue()}")


@needs_git
def test_no_path_of_a_machine_and_no_package_index_in_tracked_files():
    forbidden = re.compile(
        r"(?:^|[\s\"'=(:])/(?:work|root|farm|home)/\w|pypi\.org|files\.pythonhosted|index-url", re.MULTILINE
    )
    own = {Path(__file__).resolve()}
    bad = {
        str(path.relative_to(ROOT)): found.group(0).strip()
        for path in tracked()
        if path not in own and "vendor" not in path.parts and (found := forbidden.search(text_of(path)))
    }
    assert bad == {}


@needs_git
def test_no_secret_and_no_state_is_tracked():
    names = {str(path.relative_to(ROOT)) for path in tracked()}
    assert not [name for name in names if name.startswith((".env", "var/", ".venv"))]


@needs_git
def test_files_can_be_held_in_the_head():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked("*.py")
        if "migrations" not in path.parts and (lines := text_of(path).count("\n")) > 400
    }
    assert long == {}
