import os
import subprocess
import sys

from accounts.processes import host_name, owner_gone, process_lives


def test_a_killed_process_is_gone_even_before_its_parent_takes_note():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    assert process_lives(process.pid) and not owner_gone(f"{host_name()}:{process.pid}:x")
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it is dead now, and still a zombie
    assert owner_gone(f"{host_name()}:{process.pid}:x")
    process.wait()
    assert owner_gone(f"{host_name()}:{process.pid}:x")


def test_owners_elsewhere_or_unreadable_are_not_known_to_be_gone():
    assert not owner_gone("another-host:1:x")
    assert not owner_gone("somebody else")
    assert not owner_gone("")
    assert not owner_gone(f"{host_name()}:{os.getpid()}:x")
