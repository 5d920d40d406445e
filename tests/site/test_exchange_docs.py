"""docs/exchanges.md has the tables that the code gives, and nothing but quirks files asks which exchange it is."""

import re
from pathlib import Path

from scripts.exchange_tables import DOC, filled

ROOT = Path(__file__).resolve().parents[2]
ASKS = re.compile(r"""(exchange|\.id|\.name)\s*(==|!=|in)\s*[("\[]*["'](binance|bybit|kucoin|mexc|okx)["']""")


def test_the_tables_are_those_of_the_code():
    text = DOC.read_text()
    assert filled(text) == text, "python scripts/exchange_tables.py --write"
    assert all(f"| {name} |" in text for name in ("Binance", "Bybit", "KuCoin", "MEXC", "OKX"))


def test_nothing_else_asks_which_exchange_it_is():
    asking = [
        f"{path.relative_to(ROOT)}:{number}"
        for room in ("accounts", "signals", "mlmodels", "trading", "xray_site")
        for path in (ROOT / room).rglob("*.py")
        if "quirks" not in path.parts and "practice" not in path.parts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if ASKS.search(line)
    ]
    assert asking == []
