"""ccxt without the exchanges that nobody asks for: the same classes, and everything else when it is asked for."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import json, sys
from accounts.exchanges.lean_ccxt import client_class
names = ("binance", "bybit", "kucoin", "mexc", "okx")
found = {(name, pro): client_class(name, pro=pro) for pro in (False, True) for name in names}
lean = sum(module.startswith("ccxt.") for module in sys.modules)
again = all(client_class(name, pro=pro) is kept for (name, pro), kept in found.items())
import ccxt, ccxt.async_support, ccxt.pro
parents = all(issubclass(found[name, True], found[name, False]) for name in names)
errors = ccxt.BaseError is ccxt.async_support.BaseError is ccxt.base.errors.BaseError
words = ccxt.__version__, ccxt.TICK_SIZE, ccxt.Exchange.__module__, ccxt.pro.Exchange.__module__
before = sum(module.startswith("ccxt.") for module in sys.modules)
every = len(ccxt.exchanges)
kept = all(getattr(ccxt.pro if pro else ccxt.async_support, name) is found[name, pro] for name, pro in found)
try:
    ccxt.nothing
except AttributeError as error:
    words += (str(error),)
print(json.dumps([lean, again, parents, errors, words, before, every, kept, ccxt.kraken.__module__]))
"""


def test_only_what_is_asked_for_is_loaded_and_nothing_is_missing():
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lean, again, parents, errors, words, before, every, kept, kraken = json.loads(done.stdout)
    assert lean < 60 and before < 70, "five exchanges, not a hundred"
    assert again and parents and errors and kept
    assert words == [version("ccxt"), 4, "ccxt.base.exchange", "ccxt.async_support.base.exchange", words[4]]
    assert "no attribute 'nothing'" in words[4]
    assert every > 100 and kraken == "ccxt.kraken", "the whole package is there for whoever asks for it"
