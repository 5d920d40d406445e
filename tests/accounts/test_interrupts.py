"""A Ctrl-C that something swallows comes again."""

import os
import signal
import time

import pytest

from accounts import interrupts
from accounts.interrupts import ctrl_c_insists


def test_a_swallowed_ctrl_c_is_raised_again(monkeypatch):
    monkeypatch.setattr(interrupts, "AGAIN_S", 0.05)
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM)
    swallowed = 0
    with pytest.raises(KeyboardInterrupt), ctrl_c_insists():
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            swallowed += 1
        time.sleep(5)
    assert swallowed == 1
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM)) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
