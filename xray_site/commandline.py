"""How a command ends that somebody stops, whose reader has gone, or whose files or database are out of reach: in words.

Commands that have more to say (what is kept, how to go on) catch the same themselves.
"""

import os
import select
import sys
from collections.abc import Callable, Sequence

STOPPED, READER_GONE = 130, 141  # as a shell counts what SIGINT and SIGPIPE ended
NO_TABLE = ("no such table", "undefinedtable", "does not exist")


def command_end(arguments: Sequence[str], work: Callable[[], int]) -> int:
    """Do the work of a command line; its exit code. `--traceback` shows where an error came from, as ever."""
    try:
        code = work()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        if "--traceback" in arguments:
            raise
        sys.stderr.write("Stopped.\n")
        return STOPPED
    except BrokenPipeError:
        if not _reader_gone():
            raise
        # `head` has seen enough. What is still in the buffer must not be tried again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except Exception as error:
        if "--traceback" in arguments or not (words := permission_words(error) or database_words(error)):
            raise
        sys.stderr.write(f"{words}\n")
        return 1


def permission_words(error: Exception) -> str:
    """Which file or folder the system keeps from us; "" for any other error."""
    if not isinstance(error, PermissionError) or not error.filename:
        return ""
    return f"{error.filename} may not be read or written by this user. Allow it, or name another place."


def database_words(error: Exception) -> str:
    """What to do about a database without the platform's tables; "" for any other error."""
    if "django.db" not in sys.modules:
        return ""
    from django.db import DatabaseError, connection

    if not isinstance(error, DatabaseError):
        return ""
    told = f"{type(error.__cause__).__name__}: {error}".lower()
    if not any(words in told for words in NO_TABLE):
        return ""
    where = connection.settings_dict
    place = f"{where['HOST']}:{where['PORT']}/{where['NAME']}" if where.get("HOST") else where["NAME"]
    return (
        f"The database {place} has no tables for this yet ({str(error).splitlines()[0]}). `make run` makes a demo's; "
        "`manage.py migrate` makes those of this database. XRAY_VAR_DIR names another state folder."
    )


def _reader_gone() -> bool:
    """Whether nobody reads standard output any more (a broken pipe to elsewhere is another matter)."""
    try:
        watch = select.poll()
        watch.register(sys.stdout.fileno(), select.POLLOUT)
        return any(events & (select.POLLERR | select.POLLHUP) for _, events in watch.poll(0))
    except (OSError, ValueError):
        return False
