"""The tables of docs/exchanges.md, from quirks files and ccxt's exception maps; `--write` puts them in place."""

import os
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xray_site.settings")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
DOC = ROOT / "docs" / "exchanges.md"
BLOCK = re.compile(r"(<!-- {name} -->\n).*?(<!-- end -->)".replace("{name}", "generated: (?P<name>[a-z]+)"), re.DOTALL)
VERDICTS = {
    "ExchangeStopped": "stops the account",
    "ExchangeNotFound": "not there",
    "ExchangeRetry": "again later",
    "ExchangeAmbiguous": "unclear: looked up",
    "ExchangeRefused": "refused for good",
}


def tables() -> dict[str, str]:
    """Each table's text by its name."""
    return {"quirks": _quirks(), "errors": _errors()}


def _quirks() -> str:
    import ccxt

    from accounts.exchanges.quirks import NAMES, quirks_for
    from accounts.exchanges.quirks.base import expiry_of_signature, order_look

    rows = []
    for name in NAMES:
        one, client = quirks_for(name), getattr(ccxt, name)()
        spot = (client.features or {}).get("spot") or {}
        create = spot.get("createOrder") or {}
        limits = one.limits
        rows.append(
            (
                one.title,
                _testnet(client) if one.has_testnet else "no",
                "yes" if one.needs_passphrase else "no",
                "own" if one.order_look is not order_look else "ccxt's",
                f"`{one.client_id_param}`",
                "header `expTime`" if one.expiry is not expiry_of_signature else "signed time",
                one.fee_coin or "none",
                "exchange" if one.stop_create is not None else f"platform. {one.no_stop}",
                "platform" if one.pair_create is None else f"exchange: {one.target_words}",
                "yes" if create.get("attachedStopLossTakeProfit") else "no",
                _allowed(limits.address),
                _allowed(limits.key),
                _allowed(limits.orders),
            )
        )
    head = (
        "exchange", "test network", "passphrase", "look-up of an order", "our id in a cancel", "a request expires by",
        "fee coin", "a stop waits at the", "a target waits at the", "ccxt sends both with an entry", "an address may",
        "a key may", "orders of a key",
    )  # fmt: skip
    return _table(head, rows)


def _testnet(client: Any) -> str:
    """Where ccxt sends requests that are meant for it, and the headers that they carry."""
    client.set_sandbox_mode(True)
    urls = client.urls["api"]
    host = urlsplit(urls.get("private") or urls["rest"]).netloc.replace("{hostname}", client.hostname or "")
    headers = [f"header `{name}: {value}`" for name, value in client.headers.items()]
    return ", ".join([f"`{host}`", *headers])


def _allowed(limit: Any) -> str:
    return "" if limit is None else f"{limit.amount:g} in {limit.window_s:g} s"


def _errors() -> str:
    import ccxt

    from accounts.exchanges.error_map import RULES
    from accounts.exchanges.quirks import NAMES, quirks_for

    rows = []
    for name in NAMES:
        quirks, client = quirks_for(name), getattr(ccxt, name)()
        quirks.prepare(client)
        found = defaultdict(set)
        for code, kind in client.exceptions["exact"].items():
            if isinstance(kind, dict):
                continue
            names = [link.__name__ for link in kind.__mro__]
            rule = next(rule for rule in RULES if any(word in names for word in rule.names))
            stops = any(re.search(rf"\b{re.escape(str(code))}\b", mark) for mark in quirks.stop_marks)
            unclear = str(code) in quirks.unclear_codes
            found["ExchangeStopped" if stops else "ExchangeAmbiguous" if unclear else rule.kind.__name__].add(str(code))
        for kind_name, words in VERDICTS.items():
            codes = sorted(found[kind_name], key=lambda code: (len(code), code))
            rows.append((quirks.title, words, f"{len(codes)}", ", ".join(f"`{_plain(code)}`" for code in codes)))
    return _table(("exchange", "what it means", "codes", "which"), rows)


def _plain(text: str) -> str:
    return text.replace("|", "/").replace("`", "'").strip()


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def filled(text: str) -> str:
    """The document with its tables as they are now."""
    found = tables()
    return BLOCK.sub(lambda match: match.group(1) + found[match.group("name")] + match.group(3), text)


if __name__ == "__main__":
    import django

    django.setup()
    if "--write" in sys.argv:
        DOC.write_text(filled(DOC.read_text()))
    else:
        print("\n".join(tables().values()))
