"""Loads a source in a child process and maps the result into this one.

Making a market needs far more memory than using it (a Parquet reader, the generator's temporaries). The child writes
plain arrays into a temporary folder, this process maps them, so that it holds only the pages it looks at, and the
folder is gone before the server says it is ready.
"""

import json
import os
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import numpy as np

from trading.practice.errors import StartError
from trading.practice.market import Instrument, MarketData
from trading.practice.symbols import Listing
from trading.practice.tape import Series

COLUMNS = ("open", "high", "low", "close", "cum")
ROOT = Path(__file__).resolve().parents[2]


def market_load(seed: int, folder: Path | None) -> MarketData:
    """The synthetic market of a seed, or the one in a folder of Parquet files; raises StartError for a bad folder."""
    with tempfile.TemporaryDirectory(prefix="practice-") as packed:
        source = [str(folder.resolve())] if folder else []
        environment = os.environ | {"PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": "1"}
        command = [sys.executable, "-m", "trading.practice.market_pack", packed, str(seed), *source]
        done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise StartError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "the market did not load")
        return read_packed(Path(packed))


def write_packed(data: MarketData, folder: Path) -> None:
    """Store a market as one array a column."""
    for column in COLUMNS:
        np.save(folder / f"{column}.npy", np.stack([getattr(item.series, column) for item in data.instruments]))
    rows = [_describe(item) for item in data.instruments]
    header = {"name": data.name, "step_ms": data.step_ms, "instruments": rows}
    (folder / "market.json").write_text(json.dumps(header))


def read_packed(folder: Path) -> MarketData:
    """Map a stored market; the arrays stay valid after the files are deleted."""
    header = json.loads((folder / "market.json").read_text())
    arrays = {column: np.load(folder / f"{column}.npy", mmap_mode="r") for column in COLUMNS}
    instruments = []
    for number, row in enumerate(header["instruments"]):
        # as plain arrays: a memmap object costs more than the array it is at every slice
        columns = {column: np.asarray(arrays[column][number]) for column in COLUMNS}
        tick, lot, typical = (Decimal(row[name]) for name in ("tick", "lot", "typical"))
        listing = Listing(row["base"], row["quote"], tick, lot, typical)
        instruments.append(Instrument(listing, Series(**columns, salt=row["salt"]), row["spread"]))
    return MarketData(header["name"], header["step_ms"], instruments)


def _describe(item: Instrument) -> dict:
    listing = item.listing
    texts = {name: str(getattr(listing, name)) for name in ("base", "quote", "tick", "lot", "typical")}
    return texts | {"salt": item.series.salt, "spread": item.spread}


def main(argv: list[str]) -> int:
    """The child's side: make the market and write it; the last line on stderr is the reason of a failure."""
    try:
        write_packed(_make(int(argv[1]), Path(argv[2]) if len(argv) > 2 else None), Path(argv[0]))
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _make(seed: int, folder: Path | None) -> MarketData:
    if folder is None:
        from trading.practice.market_synthetic import synthetic_market

        return synthetic_market(seed)
    from trading.practice.market_replay import replay_market

    return replay_market(folder, seed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
