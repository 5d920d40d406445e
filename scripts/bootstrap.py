"""Makes `.venv` with everything a requirements file names. Needs Python 3.11 and its standard library only.

    python3.11 scripts/bootstrap.py [requirements-core.txt]

A second call with unchanged requirements does nothing and takes no time: the hash of what was installed is kept in
`.venv/.installed-<file>`.
"""

import base64
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
NEEDED = (3, 11)
# Compiling needs no secrets; these are used for nothing else.
_COMPILE_ENVIRONMENT = {
    "XRAY_READ_DOTENV": "0",
    "SECRET_KEY": "set-up",
    "XRAY_DEPLOYMENT_ID": "set-up",
    "XRAY_MASTER_KEYS": "set-up:" + base64.b64encode(bytes(32)).decode(),
    "NUMBA_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "",  # what a start imports is compiled here, once, whatever the shell says
}


def requirements_hash(path: Path) -> str:
    """SHA-256 over a requirements file and the files it includes with `-r`."""
    text = path.read_text(encoding="utf-8")
    parts = [text]
    for line in text.splitlines():
        if line.startswith("-r "):
            parts.append(requirements_hash(path.parent / line[3:].strip()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def say(text: str) -> None:
    """Print a progress line at once."""
    print(f"[setup] {text}", flush=True)


def fail(text: str) -> None:
    """Stop with a message and a non-zero exit code."""
    sys.stderr.write(f"[setup] {text}\n")
    raise SystemExit(1)


def run(*command: str | Path, environment: dict[str, str] | None = None) -> None:
    """Run a command (with more environment variables); stop with a clear message when it fails."""
    more = {**os.environ, **(environment or {})}
    result = subprocess.run([str(part) for part in command], cwd=ROOT, env=more, check=False)
    if result.returncode != 0:
        what = " ".join([Path(command[0]).name, *map(str, command[1:4])])
        fail(f"'{what} ...' failed (exit {result.returncode}); see above.")


def venv_make() -> None:
    """Create `.venv` with uv in it, when they are missing."""
    if not PYTHON.exists():
        say("1/4 making .venv")
        try:
            venv.create(VENV, with_pip=True, clear=VENV.exists())
        except (OSError, subprocess.CalledProcessError) as error:
            fail(f"python -m venv failed: {error}. On Debian and Ubuntu: apt-get install python3.11-venv")
    if not (VENV / "bin" / "uv").exists():
        say("2/4 installing uv")
        run(PYTHON, "-m", "pip", "install", "--quiet", "uv")


def main(arguments: list[str]) -> int:
    """Install what is missing; the exit code."""
    if sys.version_info[:2] != NEEDED:
        fail(f"Python 3.11 is needed, this is {sys.version.split()[0]}. Set PYTHON=/path/to/python3.11 for make.")
    requirements = ROOT / (arguments[0] if arguments else "requirements-core.txt")
    wanted = requirements_hash(requirements)
    marker = VENV / f".installed-{requirements.stem}"
    if PYTHON.exists() and marker.exists() and marker.read_text() == wanted:
        return 0
    venv_make()
    say(f"3/4 installing {requirements.name} (about 10 s once the packages are downloaded)")
    run(VENV / "bin" / "uv", "pip", "install", "--python", PYTHON, "-r", requirements)
    say("4/4 compiling the scan's kernels")
    run(PYTHON, "manage.py", "compile_kernels", environment=_COMPILE_ENVIRONMENT)
    marker.write_text(wanted)
    say("packages are in place")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
