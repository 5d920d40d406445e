import numpy as np

from signals.candles.matrix import CandleTable
from signals.candles.window import CandleWindow
from tests.signals.support import MINUTE, START, walk_matrix


def filled(lanes: int = 2, length: int = 50) -> tuple[CandleWindow, object]:
    matrix, window = walk_matrix(lanes, length), CandleWindow("binance", "1m", capacity=30)
    window.symbols_set(list(matrix.symbols))
    window.load(matrix)
    return window, matrix


def test_it_holds_the_newest_candles_on_the_grid():
    window, matrix = filled()
    assert window.end_ms == START + 49 * MINUTE
    np.testing.assert_array_equal(window.matrix().close, matrix.close[:, -30:])
    assert window.missing_from("C0/USDT") is None


def test_advance_moves_left_and_never_back():
    window, matrix = filled()
    window.advance(START + 52 * MINUTE)
    assert window.missing_from("C1/USDT") == START + 50 * MINUTE
    np.testing.assert_array_equal(window.values[3, :, :27], matrix.close[:, -27:])
    window.advance(START)
    assert window.end_ms == START + 52 * MINUTE
    window.advance(START + 5000 * MINUTE)
    assert window.missing_from("C1/USDT") == window.start_ms


def test_holes_are_found_and_given_up():
    window, _ = filled()
    window.values[:, 0, [10, 11, 20]] = np.nan
    first = window.start_ms + 10 * MINUTE
    assert window.missing_from("C0/USDT") == first
    window.give_up("C0/USDT", first, first + 5 * MINUTE)
    assert window.missing_from("C0/USDT") == window.start_ms + 20 * MINUTE


def test_candles_before_a_listing_are_no_holes():
    window, _ = filled()
    window.values[:, 1, :12] = np.nan
    assert window.missing_from("C1/USDT") is None


def test_a_corrected_candle_is_counted():
    window, matrix = filled()
    table = matrix.table("C0/USDT").where(slice(-3, None))
    window.merge("C0/USDT", table)
    assert window.corrected == {}
    table.close[1] += 0.5
    window.merge("C0/USDT", table)
    assert window.corrected == {"C0/USDT": 1}


def test_lanes_whose_past_changed_are_touched_the_newest_candle_included():
    """Whoever has taken the newest candle already must take it again when it comes back different."""
    window, matrix = filled()
    window.touched.clear()
    window.advance(START + 50 * MINUTE)
    row = [START + 50 * MINUTE, 1.0, 1.0, 1.0, 1.0, 1.0]
    window.put(row[0], {"C0/USDT": row})
    assert window.touched == set()
    window.put(row[0], {"C0/USDT": [*row[:5], 2.0]})
    assert window.touched == {"C0/USDT"}
    window.merge("C1/USDT", matrix.table("C1/USDT"))
    assert window.touched == {"C0/USDT"}
    window.merge("C1/USDT", CandleTable.from_rows([[START + 49 * MINUTE, 2.0, 2.0, 2.0, 2.0, 2.0]]))
    assert window.touched == {"C0/USDT", "C1/USDT"}


def test_lanes_come_and_go():
    window, matrix = filled(3)
    window.symbols_set(["C2/USDT", "NEW/USDT"])
    assert window.missing_from("NEW/USDT") == window.start_ms
    np.testing.assert_array_equal(window.values[3, 0], matrix.close[2, -30:])


def test_what_is_missing_is_what_a_fresh_look_at_every_lane_finds():
    """The window remembers up to where a lane is whole; whatever comes in whatever order, it must not be mistaken."""
    random = np.random.default_rng(5)
    symbols = [f"C{row}/USDT" for row in range(6)]
    window = CandleWindow("binance", "1m", capacity=20)
    window.symbols_set(symbols)
    newest = START
    for _ in range(600):
        what, symbol = random.integers(6), symbols[random.integers(6)]
        at = newest - int(random.integers(0, 25)) * MINUTE
        row = [at, *(random.random(5) + 1.0)]
        if what < 2:
            newest += int(random.integers(1, 4)) * MINUTE
            window.advance(newest)
        elif what == 2:
            window.put(newest, {one: [newest, *row[1:]] for one in symbols if random.random() < 0.8})
        elif what == 3:
            window.put(at, {symbol: row})
        elif what == 4:
            window.merge(symbol, CandleTable.from_rows([row, [at + MINUTE, *row[1:]]]))
        elif window.end_ms:
            window.give_up(symbol, at, newest)
        if not window.end_ms:
            continue
        found = window.missing()
        window._whole_ms[:] = 0
        assert found == window.missing()
        absent = np.isnan(window.values[3])
        for lane, one in enumerate(symbols):
            begun = window.capacity if absent[lane].all() else int(np.argmin(absent[lane]))
            holes = [window.start_ms + int(n) * MINUTE for n in np.flatnonzero(absent[lane]) if n > begun]
            asked = [hole for hole in holes if (one, hole) not in window.hopeless]
            expected = window.start_ms if begun == window.capacity else asked[0] if asked else None
            assert found.get(one) == expected
        present = np.flatnonzero(~absent.all(axis=0))
        assert window.matrix().open_time_ms.size == (window.capacity - present[0] if present.size else 0)
