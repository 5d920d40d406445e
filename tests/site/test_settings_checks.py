"""A missing or wrong setting stops the start with its name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xray_site.checks import settings_problems

ROOT = Path(__file__).resolve().parents[2]


def test_the_tests_own_settings_are_good():
    assert settings_problems() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("XRAY_DEPLOYMENT_ID", " "),
        ("XRAY_MASTER_KEYS", ""),
        ("XRAY_MASTER_KEYS", "k1:c2hvcnQ="),
        ("XRAY_MASTER_KEYS", "without-a-key-id"),
        ("XRAY_EXCHANGE_ENDPOINTS", "{broken"),
        ("XRAY_EXCHANGE_ENDPOINTS", '{"kraken": {"rest": "http://127.0.0.1:1"}}'),
        ("XRAY_MARKET_EXCHANGES", ["kraken"]),
        ("XRAY_TIMEFRAMES", ["7m"]),
        ("XRAY_SCAN_BACKEND", "tpu"),
        ("XRAY_MARKET_DATA", "no/such/folder"),
    ],
)
def test_a_wrong_value_is_named(settings, name, value):
    setattr(settings, name, value)
    problems = settings_problems()
    assert [text for text in problems if text.startswith(name)], problems


@pytest.mark.parametrize("problem", [None, "CUDA finds no device"])
def test_a_gpu_that_is_asked_for_must_be_there(settings, monkeypatch, problem):
    from signals.scan import backend

    monkeypatch.setattr(backend, "gpu_problem", lambda: problem)
    settings.XRAY_SCAN_BACKEND = "gpu"
    expected = [f"XRAY_SCAN_BACKEND is 'gpu', and {problem}. With auto the CPU computes where there is no GPU."]
    assert settings_problems() == (expected if problem else [])


def test_an_unreadable_key_file_is_named(settings, tmp_path):
    settings.XRAY_MASTER_KEYS, settings.XRAY_MASTER_KEYS_FILE = "", str(tmp_path / "absent")
    assert settings_problems()[0].startswith("XRAY_MASTER_KEYS_FILE cannot be read")


def check(**values: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), "check"]
    return subprocess.run(command, env={**os.environ, **values}, capture_output=True, text=True, check=False)


def test_all_wrong_values_of_the_environment_are_reported_at_once():
    result = check(
        SECRET_KEY="",
        BASE_MAX_SYMBOLS="many",
        XRAY_LIVE_TRADING="maybe",
        DATABASE_URL="mysql://x",
        MAX_SPREAD_PERCENT="7",
    )
    assert result.returncode != 0
    for name in ("SECRET_KEY", "BASE_MAX_SYMBOLS", "XRAY_LIVE_TRADING", "DATABASE_URL", "MAX_SPREAD_PERCENT"):
        assert name in result.stderr


def test_a_state_folder_is_made_or_named(tmp_path):
    fresh = tmp_path / "not" / "there" / "yet"
    assert check(XRAY_VAR_DIR=str(fresh), XRAY_SQLITE="").returncode == 0
    assert fresh.is_dir()
    (tmp_path / "file").touch()
    refused = check(XRAY_VAR_DIR=str(tmp_path / "file" / "below"), XRAY_SQLITE="")
    assert refused.returncode != 0 and "XRAY_VAR_DIR is" in refused.stderr and "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    "command", [["-m", "celery", "-A", "xray_site.celery", "beat"], ["-c", "import xray_site.asgi"]]
)
def test_servers_that_run_no_checks_refuse_too(command):
    environment = {**os.environ, "XRAY_TIMEFRAMES": "7m"}
    result = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )
    assert result.returncode != 0
    assert "XRAY_TIMEFRAMES is '7m'; allowed: 1m" in result.stderr
