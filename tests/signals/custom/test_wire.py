"""Frames: what goes in comes out, and nothing that a hostile process writes gets further than an error."""

import json

import numpy as np
import pytest

from signals.custom import wire


def frame(header: bytes, body: bytes = b"", mark: bytes = wire.MARK, limit: int = 1000):
    wire.sizes(wire.HEAD.pack(mark, len(header), len(body)), limit)
    return wire.unpack(header, body)


def listed(*arrays) -> bytes:
    return json.dumps({"arrays": arrays}).encode()


def test_what_goes_in_comes_out():
    given = {"a": np.array([[1.5, np.nan], [np.inf, -0.0]]), "b": np.array([[1, -1]], np.int8), "c": np.zeros((0, 3))}
    head, text, *bodies = wire.pack({"x": "ü😀"}, given)
    sizes = wire.sizes(head, 1000)
    body = b"".join(bodies)
    assert sizes == (len(text), len(body))
    header, out = wire.unpack(text, body)
    assert header == {"x": "ü😀"} and out["b"].dtype == np.int8 and not out["a"].flags.writeable
    assert all(np.array_equal(out[name], array, equal_nan=array.dtype.kind == "f") for name, array in given.items())


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (b"", b""), (b"{}", b""), (b"[]", b""), (b"null", b""), (b"\xff", b""), (b"[" * 100_000, b""),
        (b'{"arrays": 3}', b""), (b'{"arrays": [3]}', b""), (b'{"arrays": [], "x": ' + b"9" * 10_000 + b"}", b""),
        (listed(), b"x"), (listed(["a", "<f8", [1]]), b"x"), (listed(["a", "<f8", [-1]]), b""),
        (listed(["a", "O", [1]]), b"x" * 8), (listed(["a", ["<f8"], [1]]), b"x" * 8),
        (listed(["a", "<f8", [1e3]]), b""), (listed(["a", "<f8", [0, 1 << 70]]), b""),
        (listed(["a", "<f8", [1 << 62, 1 << 62]]), b""), (listed(["a", "<f8", "11"]), b"x" * 8),
        (listed(["a", "|i1", [2]], ["b", "|i1", [2]]), b"xxx"),
    ],
)  # fmt: skip
def test_what_is_no_frame_is_an_error(header, body):
    with pytest.raises(wire.WireError):
        frame(header, body)


def test_sizes_are_bounded():
    for mark, header, body in ((b"XRS2", 1, 1), (wire.MARK, wire.HEADER_LIMIT + 1, 1), (wire.MARK, 1, 1001)):
        with pytest.raises(wire.WireError):
            wire.sizes(wire.HEAD.pack(mark, header, body), 1000)


def test_texts_that_no_database_takes_are_cleaned():
    header, _ = frame(b'{"arrays": [], "a\\u0000": ["x\\ud800y", {"k": "\\u0000"}], "n": 1}')
    assert header == {"a": ["x?y", {"k": ""}], "n": 1}
