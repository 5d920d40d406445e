"""One-second candles from trades, against a plain definition."""

import random

import numpy as np
import pytest

from signals.candles.seconds import CELLS, COLUMNS, IDS, SHOWN, SecondsBook
from signals.candles.seconds_store import seconds_history, seconds_write

NOW = 1_700_000_000_000  # a whole second
A = "A/USDT"


def book_live(symbols=(A,)) -> SecondsBook:
    """Heard from NOW on: its first trade came a second before."""
    book = SecondsBook(symbols)
    book.clock(NOW - 1000)
    book.trade(symbols[0], "0", NOW - 500, 5.0, 1.0, True)
    book.clock(NOW)
    return book


def second(book: SecondsBook, number: int, symbol: str = A) -> dict[str, float]:
    """Second `number` after NOW as a dict."""
    seconds = book.read(symbol)
    (at,) = np.flatnonzero(seconds.open_time_ms == NOW + 1000 * number)
    return dict(zip(COLUMNS, seconds.values[:, at].tolist(), strict=True))


def test_a_second_holds_its_trades_and_a_quiet_one_carries_the_close():
    book = book_live()
    for number, (at, price, amount, buy) in enumerate(
        [(0, 10.0, 1.0, True), (400, 12.0, 2.0, False), (999, 9.0, 0.5, True), (3000, 8.0, 1.0, False)], 1
    ):
        book.trade(A, str(number), NOW + at, price, amount, buy)
    book.clock(NOW + 6500)
    assert second(book, 0) == dict(zip(COLUMNS, (10, 12, 9, 9, 3.5, 1.5, 2.0, 3), strict=True))
    assert second(book, 1) == dict(zip(COLUMNS, (9, 9, 9, 9, 0, 0, 0, 0), strict=True))
    assert second(book, 3)["close"] == second(book, 4)["open"] == 8.0
    assert book.read(A).open_time_ms[-1] == NOW + 4000  # closed a second after its end, not before


def test_trades_out_of_order_and_twice_make_the_same_second():
    rng = random.Random(5)
    trades = [(str(100 + n), NOW + n * 7, 10.0 + rng.random(), rng.random(), rng.random() < 0.5) for n in range(400)]
    ordered, mixed = book_live(), book_live()
    for trade in trades:
        ordered.trade(A, *trade)
    shuffled = trades + rng.sample(trades, 100)
    rng.shuffle(shuffled)
    for trade in shuffled:
        mixed.trade(A, *trade)
    for book in (ordered, mixed):
        book.clock(NOW + 10_000)
    np.testing.assert_allclose(mixed.read(A).values, ordered.read(A).values, rtol=1e-12)
    assert mixed.left_out == {"duplicated": 100}


@pytest.mark.parametrize("names", [str, lambda n: f"trade-{n}", lambda n: str(10**18 + 3 * n)])
def test_any_kind_of_id_is_known_again(names):
    book = book_live()
    for number in range(1, 500):
        for _ in range(2):
            book.trade(A, names(number), NOW, 1.0, 1.0, True)
    book.clock(NOW + 3000)
    assert second(book, 0)["trades"] == 499 and book.left_out == {"duplicated": 499}


def test_an_old_replay_is_left_out_even_when_its_ids_are_forgotten():
    book = book_live()
    for number in range(1, 2 * IDS):
        book.trade(A, str(number), NOW, 1.0, 1.0, True)
    book.trade(A, "5", NOW, 1.0, 1.0, True)
    assert book.left_out == {"duplicated": 1}


@pytest.mark.parametrize("seed", range(5))
def test_against_a_plain_definition_with_clock_and_trades_in_any_rhythm(seed):
    rng = random.Random(seed)
    book, heard = book_live(), []
    for number in range(1, 900):
        at = NOW + number * rng.choice((80, 80, 90)) + rng.randrange(-1500, 100)
        heard.append((at, number, 100 + rng.random(), rng.choice((0.5, 1.0, 2.0)), rng.random() < 0.5))
        book.clock(max(at for at, *_ in heard) - rng.randrange(900))
        book.trade(A, str(number), at, *heard[-1][2:])
    book.clock(NOW + 90_000)
    seconds, carried = book.read(A), 5.0
    for start in range(NOW // 1000, NOW // 1000 + 89):
        mine = sorted(trade for trade in heard if trade[0] // 1000 == start)
        prices, amounts = [trade[2] for trade in mine] or [carried], [trade[3] for trade in mine]
        carried = prices[-1]
        bought = sum(trade[3] for trade in mine if trade[4])
        expected = (
            prices[0],
            max(prices),
            min(prices),
            prices[-1],
            sum(amounts),
            bought,
            sum(amounts) - bought,
            len(mine),
        )
        if (at := np.flatnonzero(seconds.open_time_ms == start * 1000)).size:
            assert seconds.values[:, at[0]].tolist() == pytest.approx(expected)
    assert len(seconds) == SHOWN and book.left_out == {}


def test_bad_trades_are_left_out_by_name():
    book = book_live()
    for number, (at, price, amount) in enumerate(
        [(0, 0.0, 1.0), (0, float("nan"), 1.0), (0, 1.0, -1.0), (60_000, 1.0, 1.0), (-200_000, 1.0, 1.0)], 1
    ):
        book.trade(A, str(number), NOW + at, price, amount, True)
    book.trade("NO/USDT", "1", NOW, 1.0, 1.0, True)
    assert book.left_out == {"bad": 3, "ahead": 1, "late": 1, "unknown": 1}


def test_before_the_first_trade_and_over_a_break_there_is_a_gap_and_no_quiet():
    book = book_live((A, "B/USDT"))
    book.clock(NOW + 5000)
    book.trade(A, "1", NOW + 4500, 7.0, 1.0, True)
    book.broken()
    book.clock(NOW + 9000)
    book.trade(A, "2", NOW + 9100, 8.0, 1.0, True)  # connected again, somewhere in this second
    book.clock(NOW + 14_000)
    gap = dict(zip(((book.read(A).open_time_ms - NOW) // 1000).tolist(), book.read(A).gap.tolist(), strict=True))
    assert [number for number in range(-1, 13) if gap[number]] == [-1, 4, 5, 6, 7, 8, 9]
    assert second(book, 3)["close"] == 5.0 and second(book, 10)["close"] == 8.0
    other = book.read("B/USDT")
    assert other.gap.all(), "no trade of it was ever heard: there is no close to carry"


def test_a_long_silence_of_the_process_forgets_nothing_but_the_ring():
    book = book_live()
    book.trade(A, "1", NOW + 100, 7.0, 1.0, True)
    book.clock(NOW + 1000 * (CELLS + 500))
    book.clock(NOW + 1000 * (CELLS + 510))
    seconds = book.read(A)
    assert seconds.values[3, -1] == 7.0 and len(seconds) == SHOWN


def test_memory_is_fixed():
    book = book_live()
    ring = book.rings[A]
    before = [array.nbytes for array in (ring.values, ring.gap, ring.first, ring.last, ring._ids)]
    for number in range(1, 5000):
        book.clock(NOW + number * 50)
        book.trade(A, str(number), NOW + number * 50, 1.0, 1.0, True)
    assert [array.nbytes for array in (ring.values, ring.gap, ring.first, ring.last, ring._ids)] == before
    assert sum(before) < 20_000


def test_seconds_on_disk_come_back_and_gaps_do_not():
    book = book_live()
    for number in range(1, 60):
        book.clock(NOW + number * 1000)
        book.trade(A, str(number), NOW + number * 1000, 1.0 + number, 1.0, number % 2 == 0)
    book.clock(NOW + 70_000)
    whole = book.read(A)
    assert seconds_write("binance", book.read_all(0)) == seconds_write("binance", book.read_all(0)) > 60
    read = seconds_history("binance", A, NOW, NOW + 600_000)
    assert read.open_time_ms.tolist() == list(range(NOW, NOW + 69_000, 1000))
    np.testing.assert_array_equal(read.values[:, -SHOWN:], whole.values)
    assert len(seconds_history("binance", "NO/USDT", NOW, NOW + 1000)) == 0
    assert len(seconds_history("binance", A, 0, 1000)) == 0
