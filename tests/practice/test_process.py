"""The exchange as a process: start, refusal to start, death and return."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import ccxt.pro
import numpy as np
import polars as pl
import pytest

from tests.practice.clients import ROOT, Process, client
from trading.practice.errors import StartError
from trading.practice.market_replay import replay_market
from trading.practice.server import main
from trading.practice.store import Store

BTC = "BTC/USDT"


def read(url: str):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def klines(process: Process, symbol: str, interval: str, **params: int):
    query = "".join(f"&{name}={value}" for name, value in params.items())
    return read(f"{process.url}/api/v3/klines?symbol={symbol}&interval={interval}{query}")


def test_the_same_seed_is_the_same_market_everywhere(exchange_process, tmp_path):
    other = Process(tmp_path, "--seed", "7", "--speed", "60")
    try:
        assert other.ready == f"practice exchange: {other.url}, 36 symbols, seed 7, speed 60"
        end = read(f"{other.url}/api/v3/time")["serverTime"] // 60_000 * 60_000 - 1
        for symbol in ("BTCUSDT", "MOTEUSDT"):
            ours, theirs = (
                klines(process, symbol, "1m", endTime=end, limit=200) for process in (exchange_process, other)
            )
            assert ours == theirs and len(ours) == 200
    finally:
        assert other.stop() == 0


async def trade_until_killed(binance, process: Process, orders: int) -> list[str]:
    """Place orders one after the other, kill the exchange in the middle; the ids it answered with."""
    answered: list[str] = []

    async def trade() -> None:
        while True:
            answered.append((await binance.create_order(BTC, "market", "buy", 0.0005))["id"])

    trading = asyncio.create_task(trade())
    while len(answered) < orders:
        await asyncio.sleep(0.005)
    process.stop(signal.SIGKILL)
    with pytest.raises(ccxt.NetworkError):
        await trading
    await binance.close()
    return answered


async def test_sigkill_loses_nothing(tmp_path):
    first = Process(tmp_path)
    key = first.account("survivor-key", USDT="50000", BTC="1")
    one = client(ccxt.pro.binance, first.url, key)
    await one.load_markets()
    await one.create_order(BTC, "market", "buy", 0.1)
    price = float(one.price_to_precision(BTC, (await one.fetch_ticker(BTC))["last"] * 0.7))
    resting = await one.create_order(BTC, "limit", "buy", 0.1, price, {"clientOrderId": "still-here"})
    before = await first.ledger(key)
    answered = await trade_until_killed(one, first, 10)

    second = Process(tmp_path)
    after = await second.ledger(key)
    for part in ("orders", "fills", "entries"):
        assert after[part][: len(before[part])] == before[part]
    assert set(answered) <= {str(order["orderId"]) for order in after["orders"]}
    two = client(ccxt.pro.binance, second.url, key)
    await two.load_markets()
    assert [row["id"] for row in await two.fetch_open_orders(BTC)] == [resting["id"]]
    again = await two.create_order(BTC, "market", "sell", 0.05)
    assert int(again["id"]) > max(int(id) for id in answered)
    assert (await two.cancel_order(None, BTC, {"origClientOrderId": "still-here"}))["status"] == "canceled"
    assert (await two.fetch_balance())["USDT"]["used"] == 0
    trades = [int(trade["id"]) for trade in await two.fetch_my_trades(BTC)]
    assert trades == sorted(set(trades)) and len(trades) >= 12
    await two.close()
    assert second.stop(signal.SIGINT) == 0


def test_a_state_belongs_to_its_market(tmp_path):
    Store(tmp_path / "state.sqlite3", "one").close()
    with pytest.raises(StartError, match=r"belongs to another market \(one\)"):
        Store(tmp_path / "state.sqlite3", "other")


def test_two_servers_never_share_a_state(tmp_path):
    held = Store(tmp_path / "state.sqlite3", "one")
    with pytest.raises(StartError, match="is another exchange running"):
        Store(tmp_path / "state.sqlite3", "one")
    held.close()


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "trading.practice.server", "--state", str(tmp_path / "s.sqlite3"), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)


def test_a_taken_port_is_told_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(tmp_path, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and "cannot be used" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--port", "high"), "a whole number from 0 to 65535"),
        (("--speed", "0"), "a number from 1 to 3600"),
        (("--speed", "fast"), "a number from 1 to 3600"),
        (("--seed", "-3"), "a whole number from 0"),
        (("--what",), "unrecognized arguments"),
    ],
)
def test_bad_arguments_are_told_what_is_allowed(capsys, arguments, told):
    with pytest.raises(SystemExit, match="2"):
        main(list(arguments))
    assert told in capsys.readouterr().err


def frame(start: str, candles: int = 400, price: float = 30_000.0, step: str = "5m") -> pl.DataFrame:
    """Candles of a random walk, rounded as an exchange rounds them."""
    rng = np.random.default_rng(int(price))
    close = np.round(price * np.exp(np.cumsum(rng.normal(0, 1e-3, candles))), 8 if price < 1 else 2)
    first = np.roll(close, 1)
    times = pl.datetime_range(
        pl.lit(start).str.to_datetime(time_zone="UTC"),
        pl.lit(start).str.to_datetime(time_zone="UTC").dt.offset_by(f"{(candles - 1) * int(step[:-1])}{step[-1]}"),
        step,
        eager=True,
    )
    prices = {"open": first, "high": np.maximum(first, close), "low": np.minimum(first, close), "close": close}
    return pl.DataFrame({"timestamp": times} | prices | {"volume": np.round(rng.uniform(1, 900, candles), 3)})


def test_replayed_candles_come_back_exactly(tmp_path):
    folder = tmp_path / "candles"
    folder.mkdir()
    frame("2023-05-01T00:00:00").write_parquet(folder / "BTC_USDT.parquet")
    frame("2023-05-01T05:00:00", 420, 0.0000213).write_parquet(folder / "TINY_USDT.parquet")
    common = frame("2023-05-01T00:00:00")[60:]  # from where both have data
    process = Process(tmp_path, "--data", str(folder), "--speed", "300")  # five minutes in a second
    try:
        assert "2 symbols, data candles, seed 7, speed 300" in process.ready
        size, anchor = len(common), 1_577_836_800_000
        for row in klines(process, "BTCUSDT", "1s", limit=400)[:-1]:
            base = common.row((row[0] - anchor) // 1000 % size, named=True)
            assert [float(text) for text in row[1:6]] == [
                base[name] for name in ("open", "high", "low", "close", "volume")
            ]
        found = {one["symbol"]: one for one in read(f"{process.url}/api/v3/exchangeInfo")["symbols"]}
        ticks = {symbol: float(one["filters"][0]["tickSize"]) for symbol, one in found.items()}
        assert ticks == {"BTCUSDT": 0.01, "TINYUSDT": 1e-8}
    finally:
        process.stop()


def broken(kind: str) -> pl.DataFrame:
    good = frame("2023-05-01T00:00:00")
    change = {
        "gap": lambda: good.with_row_index().filter(pl.col("index") != 50).drop("index"),
        "column": lambda: good.drop("close"),
        "price": lambda: good.with_columns(pl.lit(-1.0).alias("low")),
        "shape": lambda: good.with_columns((pl.col("low") * 0.5).alias("high")),
        "short": lambda: good[:20],
        "step": lambda: frame("2023-05-01T00:00:00", step="1m"),
        "elsewhen": lambda: frame("2024-05-01T00:00:00"),
    }
    return change[kind]()


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("gap", "BAD_USDT.parquet: a gap or disorder after row 49"),
        ("column", "BAD_USDT.parquet: not a candle file"),
        ("price", "BAD_USDT.parquet: empty, or prices"),
        ("shape", "BAD_USDT.parquet: row 0: high or low"),
        ("short", "share fewer than 300 candles"),
        ("step", "candles of 300000 ms"),
        ("elsewhen", "share fewer than 300 candles"),
    ],
)
def test_bad_data_is_refused_by_name(tmp_path, kind, told):
    frame("2023-05-01T00:00:00").write_parquet(tmp_path / "BTC_USDT.parquet")
    broken(kind).write_parquet(tmp_path / "BAD_USDT.parquet")
    with pytest.raises(StartError, match=told):
        replay_market(tmp_path, 7)


def test_an_empty_folder_is_refused(tmp_path):
    done = run(tmp_path, "--port", "0", "--data", str(tmp_path))
    assert done.returncode == 2 and "no <BASE>_<QUOTE>.parquet" in done.stderr


def test_real_candles_load(market_data):
    folder = next(path for path in sorted(market_data.glob("*/5m")) if path.is_dir())
    data = replay_market(folder, 7)
    assert data.step_ms == 300_000 and len(data.instruments) == len(list(folder.glob("*.parquet")))
    for item in data.instruments:
        assert item.series.low.min() >= 1 and item.listing.tick > 0 and item.series.cum[-1] > 0
