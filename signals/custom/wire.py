"""The frames that the platform and a strategy's process exchange over pipes: a JSON header and raw arrays, no pickle.

A frame is 4 bytes of mark, the header's length (uint32) and the body's (uint64), the header as UTF-8 JSON, and the
arrays one after the other in C order. The header's `arrays` lists [name, type, shape] of each.
"""

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

MARK = b"XRS1"
HEAD = struct.Struct("<4sIQ")
TYPES = ("<f8", "|i1")  # prices, indicators, confidence; sides
HEADER_LIMIT = 1 << 20  # bytes


class WireError(ValueError):
    """Bytes that are no frame, or one that is larger than allowed."""


def pack(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> list[bytes]:
    """The pieces of one frame. Arrays are written as float64, int8 ones as int8."""
    kept = {name: np.ascontiguousarray(array, _type(array)) for name, array in arrays.items()}
    listed = [[name, array.dtype.str, list(array.shape)] for name, array in kept.items()]
    text = json.dumps({**header, "arrays": listed}).encode()
    size = sum(array.nbytes for array in kept.values())
    return [HEAD.pack(MARK, len(text), size), text, *(array.tobytes() for array in kept.values())]


def sizes(head: bytes, body_limit: int) -> tuple[int, int]:
    """Lengths of header and body. Raises WireError for a wrong mark or more than is allowed."""
    mark, header, body = HEAD.unpack(head)
    if mark != MARK or header > HEADER_LIMIT or body > body_limit:
        raise WireError("The answer is no frame, or larger than allowed.")
    return header, body


def unpack(text: bytes, body: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and (read-only) arrays. Raises WireError when they do not fit together."""
    try:
        header = _clean(json.loads(text))
        listed = header.pop("arrays")
        arrays, at = {}, 0
        for name, kind, shape in listed:
            count = _count(kind, shape)
            arrays[str(name)] = np.frombuffer(body, kind, count, at).reshape(shape)
            at += count * np.dtype(kind).itemsize
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise WireError(f"The answer cannot be read: {error}") from error
    if at != len(body):
        raise WireError("The answer has more bytes than its arrays.")
    return header, arrays


def _clean(value: Any) -> Any:
    """The same without what no database takes: NUL characters and halves of surrogate pairs."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, dict):
        return {_clean(name): _clean(one) for name, one in value.items()}
    return value


def _type(array: np.ndarray) -> str:
    return TYPES[1] if array.dtype == np.int8 else TYPES[0]


def _count(kind: Any, shape: Any) -> int:
    if kind not in TYPES or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise ValueError(f"an array of type {kind!r} and shape {shape!r}")
    return math.prod(shape)
