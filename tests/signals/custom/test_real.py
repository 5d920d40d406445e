"""Real candles for a check are of one time frame, or refused."""

import numpy as np
import pytest

from signals.custom.real import real_matrix
from tests.trading.test_sweep_command import file_write, walk

START, STEP = 1_699_999_800_000, 300_000


def put(folder, symbol: str, times: np.ndarray) -> None:
    file_write(folder, symbol, walk(1, times.size), times)


def test_files_of_one_time_frame_lie_side_by_side(tmp_path):
    put(tmp_path, "A_USDT", START + STEP * np.arange(50))
    put(tmp_path, "B_USDT", START + STEP * np.arange(20, 60))
    matrix = real_matrix(tmp_path)
    assert matrix.symbols == ("A/USDT", "B/USDT") and matrix.close.shape == (2, 60)


def test_several_time_frames_are_refused(tmp_path):
    put(tmp_path, "A_USDT", START + STEP * np.arange(50))
    put(tmp_path, "B_USDT", START + 12 * STEP * np.arange(50))
    with pytest.raises(ValueError, match=r"A_USDT.parquet 5 min, B_USDT.parquet 60 min\). Name a folder of one"):
        real_matrix(tmp_path)


def test_a_file_that_changes_is_refused(tmp_path):
    times = np.concatenate((START + STEP * np.arange(50), START + 50 * STEP + 12 * STEP * np.arange(30)))
    put(tmp_path, "A_USDT", times)
    with pytest.raises(ValueError, match=r"A_USDT\.parquet mixes time frames"):
        real_matrix(tmp_path)
