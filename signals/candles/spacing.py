"""Whether the candles of a file are of one time frame, told by the distances between them."""

import numpy as np

RUN = 20  # so many equal larger steps in a row are another time frame, not gaps


def frame_change(steps: np.ndarray) -> int:
    """The first row that does not fit the most frequent step; 0 when all are of one time frame.

    A step does not fit that is shorter, no multiple, or a larger one too often for a hole: RUN times in a row, or in
    more than a third of the rows. `steps` are the distances of times in order, without repetitions.
    """
    if not steps.size:
        return 0
    values, counts = np.unique(steps, return_counts=True)
    usual = values[np.argmax(counts)]
    if bad := first_row((steps < usual) | (steps % usual != 0)):
        return bad
    often = (values != usual) & (counts >= RUN // 2) & (3 * counts > steps.size)
    if often.any():
        return first_row(steps == values[np.argmax(often)])
    edges = np.flatnonzero(np.diff(steps)) + 1
    begins, ends = np.r_[0, edges], np.r_[edges, steps.size]
    other = (ends - begins >= RUN) & (steps[begins] != usual)
    return int(begins[np.argmax(other)]) + 1 if other.any() else 0


def first_row(bad: np.ndarray) -> int:
    """Row after the first true step; 0 when there is none."""
    return int(np.argmax(bad)) + 1 if bad.any() else 0
