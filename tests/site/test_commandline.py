"""How commands end: stopped, without a reader, without a database; and never with a traceback for these."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import OperationalError, ProgrammingError

from xray_site.commandline import READER_GONE, STOPPED, command_end, database_words

ROOT = Path(__file__).resolve().parents[2]


def interrupted() -> int:
    raise KeyboardInterrupt


def without_tables() -> int:
    raise OperationalError("no such table: signals_signal")


def test_a_command_that_ends_gives_its_code():
    assert command_end(["x"], lambda: 7) == 7


def test_ctrl_c_is_one_word_and_130(capsys):
    assert command_end(["scan"], interrupted) == STOPPED
    assert capsys.readouterr().err == "Stopped.\n"
    with pytest.raises(KeyboardInterrupt):
        command_end(["scan", "--traceback"], interrupted)


def test_a_database_without_tables_is_told_with_what_to_do(capsys):
    assert command_end(["xray"], without_tables) == 1
    said = capsys.readouterr().err
    assert "no such table: signals_signal" in said and "manage.py migrate" in said and said.count("\n") == 1
    with pytest.raises(OperationalError):
        command_end(["xray", "--traceback"], without_tables)


def test_a_folder_that_may_not_be_read_is_named(capsys):
    def kept() -> int:
        raise PermissionError(13, "Permission denied", "/some/folder")

    assert command_end(["scan"], kept) == 1
    assert capsys.readouterr().err.startswith("/some/folder may not be read or written by this user.")


def test_other_errors_keep_their_traceback():
    assert database_words(ValueError("no such table")) == ""
    assert database_words(OperationalError("database is locked")) == ""
    assert database_words(ProgrammingError('relation "signals_signal" does not exist'))
    with pytest.raises(BrokenPipeError):  # somebody reads our output: this is a pipe to elsewhere
        command_end(["x"], broken)


def broken() -> int:
    raise BrokenPipeError


def test_a_reader_that_has_seen_enough_ends_the_command_quietly():
    program = (
        "import sys; from xray_site.commandline import command_end\n"
        "def work():\n"
        "    for number in range(100_000): sys.stdout.write(f'{number}\\n')\n"
        "    return 0\n"
        "sys.exit(command_end(['x'], work))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
    ) as child:
        assert child.stdout and child.stderr and child.stdout.readline() == b"0\n"
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == READER_GONE


def test_a_python_without_the_packages_is_told_which_one_has_them():
    bare = subprocess.run(  # -S: no site-packages
        [sys.executable, "-S", "manage.py", "scan", "--data", "x"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert bare.returncode == 1 and bare.stderr.count("\n") == 1 and ".venv/bin/python manage.py" in bare.stderr
