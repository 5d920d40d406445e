"""Walk-forward splits over candle steps, purged so that no training label reaches into what is tested.

A row at step t has a label made from the steps t+1 .. t+horizon. A training row is kept only when its label ends before
the test begins, with `embargo` more steps between (serial correlation outlives the label).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Split:
    """Half-open ranges of steps: train on [train_start, train_end), test on [test_start, test_end)."""

    train_start: int
    train_end: int
    test_start: int
    test_end: int


def purged_end(test_start: int, *, horizon: int, embargo: int) -> int:
    """First step that may not be trained on when the test begins at `test_start`."""
    return test_start - horizon - embargo


def holdout(first: int, end: int, *, share: float, horizon: int, embargo: int) -> Split:
    """The last `share` of the steps [first, end) held out; training ends purged before it."""
    test_start = end - max(1, round((end - first) * share))
    return Split(first, max(first, purged_end(test_start, horizon=horizon, embargo=embargo)), test_start, end)


def walk_forward(first: int, end: int, *, folds: int, horizon: int, embargo: int) -> list[Split]:
    """`folds` tests one after the other over the second half of [first, end), each trained on all before it.

    Raises ValueError when a fold would have nothing to train on or to test.
    """
    size = (end - first) // 2 // folds
    splits = []
    for fold in range(folds):
        test_start = end - size * (folds - fold)
        train_end = purged_end(test_start, horizon=horizon, embargo=embargo)
        splits.append(Split(first, train_end, test_start, test_start + size))
    if size < 1 or splits[0].train_end <= first:
        raise ValueError(f"{end - first} steps are too few for {folds} folds with a horizon of {horizon}.")
    return splits
