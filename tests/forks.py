"""Work in a process of its own that ends without any clean-up, as after a power cut."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn


def forked(work: Callable[[], Any], output: int) -> int:
    """Fork, do the work there with everything it says in the file `output`, and wait; its exit code (-9: killed)."""
    pid = os.fork()
    if pid == 0:
        _done(work, output)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _done(work: Callable[[], Any], output: int) -> NoReturn:
    code = 1
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
