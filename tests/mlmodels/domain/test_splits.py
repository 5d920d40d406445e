import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmodels.domain.splits import holdout, walk_forward


@given(
    first=st.integers(0, 200),
    length=st.integers(400, 5000),
    folds=st.integers(1, 6),
    horizon=st.integers(1, 30),
    embargo=st.integers(0, 30),
)
def test_no_training_label_reaches_a_test(first, length, folds, horizon, embargo):
    end = first + length
    tail = holdout(first, end, share=0.25, horizon=horizon, embargo=embargo)
    splits = walk_forward(first, tail.train_end, folds=folds, horizon=horizon, embargo=embargo)
    for split in [*splits, tail]:
        last_label_end = split.train_end - 1 + horizon
        assert last_label_end + embargo < split.test_start
        assert split.train_start < split.train_end
    assert splits[-1].test_end + horizon <= tail.test_start, "a fold's test labels end before the tail"
    assert tail.test_end == end


def test_folds_follow_each_other_and_training_only_grows():
    splits = walk_forward(0, 1000, folds=4, horizon=10, embargo=10)
    assert [split.test_start for split in splits[1:]] == [split.test_end for split in splits[:-1]]
    assert [split.train_end for split in splits] == sorted(split.train_end for split in splits)


def test_too_few_steps_are_refused_with_words():
    with pytest.raises(ValueError, match="too few"):
        walk_forward(0, 20, folds=3, horizon=15, embargo=15)
