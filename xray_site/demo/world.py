"""Which market the demo runs on, and where its state is kept: every market has a folder of its own under `var/`."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

EXCHANGES = ("binance", "bybit", "kucoin", "mexc", "okx")
DEFAULT_SEED, DEFAULT_SPEED = 7, 60.0


class BadOption(ValueError):
    """An option of the start that cannot be used; the text says what is allowed."""


@dataclass(frozen=True)
class World:
    """One market: our practice exchange (synthetic or replaying `data`), a real exchange, or a given endpoint."""

    name: str
    practice: bool
    exchange: str = "binance"
    seed: int = DEFAULT_SEED
    speed: float = DEFAULT_SPEED
    data: Path | None = None
    endpoints: str = ""


def world_from(values: Mapping[str, str]) -> World:
    """The world that EXCHANGE, DATA, SEED, SPEED and XRAY_EXCHANGE_ENDPOINTS ask for.

    Raises BadOption, naming the option, when a value is nonsense or two of them contradict each other.
    """
    exchange, data = values.get("EXCHANGE", "").strip().lower(), values.get("DATA", "").strip()
    endpoints = values.get("XRAY_EXCHANGE_ENDPOINTS", "").strip()
    if exchange and data:
        raise BadOption("EXCHANGE and DATA exclude each other: a real exchange, or a replay of candles.")
    if exchange:
        if exchange not in EXCHANGES:
            raise BadOption(f"EXCHANGE is '{exchange}'; allowed: {', '.join(EXCHANGES)}.")
        return World(name=f"exchange-{exchange}", practice=False, exchange=exchange)
    if endpoints and not data:
        return World(
            name=f"endpoint-{_digest(endpoints)}", practice=False, exchange=_first(endpoints), endpoints=endpoints
        )
    return _practice_world(data, values)


def _practice_world(data: str, values: Mapping[str, str]) -> World:
    seed = _number("SEED", values.get("SEED") or str(DEFAULT_SEED), whole=True)
    speed = _number("SPEED", values.get("SPEED") or str(DEFAULT_SPEED))
    if not 1 <= speed <= 3600:
        raise BadOption(f"SPEED is '{speed:g}'; allowed: 1 to 3600 (at 60 the market moves a minute in a second).")
    folder = _data_folder(data) if data else None
    name = f"data-{folder.name}-{_digest(str(folder))}" if folder else f"seed-{seed:.0f}"
    name += "" if speed == DEFAULT_SPEED else f"-speed-{speed:g}"
    return World(name=name, practice=True, seed=int(seed), speed=speed, data=folder)


def _data_folder(data: str) -> Path:
    folder = Path(data).expanduser().resolve()
    if not folder.is_dir():
        raise BadOption(f"DATA is '{data}', which is no folder; give one with <BASE>_<QUOTE>.parquet files in it.")
    if not any(folder.glob("*_*.parquet")):
        raise BadOption(f"DATA is '{data}', which holds no <BASE>_<QUOTE>.parquet file.")
    return folder


def _number(name: str, text: str, *, whole: bool = False) -> float:
    try:
        value = float(int(text)) if whole else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise BadOption(f"{name} is '{text}'; allowed: a {'whole ' if whole else ''}number from 0 on.")
    return value


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _first(endpoints: str) -> str:
    """The first exchange in the endpoint JSON; broken JSON is reported by the settings check, by name."""
    try:
        names = [str(name) for name in json.loads(endpoints)]
    except (ValueError, TypeError):
        names = []
    return next((name for name in names if name in EXCHANGES), "binance")
