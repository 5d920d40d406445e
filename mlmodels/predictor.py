"""A trained LightGBM model as the serving processes use it: through the C API, one thread, no Python package."""

import ctypes
import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlmodels.library import library_load

FLOAT32, NORMAL = 0, 0
PREDICT_PARAMETERS = b"num_threads=1"


class ModelRefused(ValueError):
    """An artifact cannot serve; the message says why."""


def artifact_hash(artifact: str) -> str:
    """SHA-256 of a model's text form, hexadecimal."""
    return hashlib.sha256(artifact.encode()).hexdigest()


class Predictor:
    """One loaded model. `predict` may be called from several threads."""

    def __init__(self, artifact: str, features: Sequence[str]) -> None:
        self._library = library_load()
        self._handle = ctypes.c_void_p()
        self.features = tuple(features)
        trees = ctypes.c_int(0)
        self._call(
            "LGBM_BoosterLoadModelFromString", artifact.encode(), ctypes.byref(trees), ctypes.byref(self._handle)
        )
        self._check_width()

    def _call(self, name: str, *arguments: object) -> None:
        if getattr(self._library, name)(*arguments) != 0:
            words = (self._library.LGBM_GetLastError() or b"").decode(errors="replace")
            raise ModelRefused(f"LightGBM refused the model: {words}")

    def _check_width(self) -> None:
        width = ctypes.c_int(0)
        self._call("LGBM_BoosterGetNumFeature", self._handle, ctypes.byref(width))
        if width.value != len(self.features):
            raise ModelRefused(f"The model takes {width.value} features, its list names {len(self.features)}.")

    def predict(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities (rows,) of float32 rows (rows, features). Raises ModelRefused on a wrong shape."""
        if rows.ndim != 2 or rows.shape[1] != len(self.features):
            raise ModelRefused(f"Rows of {rows.shape} given, {len(self.features)} features expected.")
        rows = np.ascontiguousarray(rows, dtype=np.float32)
        result = np.zeros(len(rows))
        if not len(rows):
            return result
        written = ctypes.c_int64(0)
        self._call(
            "LGBM_BoosterPredictForMat",
            self._handle,
            rows.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_int(FLOAT32),
            ctypes.c_int32(rows.shape[0]),
            ctypes.c_int32(rows.shape[1]),
            ctypes.c_int(1),
            ctypes.c_int(NORMAL),
            ctypes.c_int(0),
            ctypes.c_int(-1),
            ctypes.c_char_p(PREDICT_PARAMETERS),
            ctypes.byref(written),
            result.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
        )
        return result

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.LGBM_BoosterFree(self._handle)


def predictor_load(artifact: str, sha256: str, features: Sequence[str], known: Sequence[str]) -> Predictor:
    """A predictor from a stored artifact. Raises ModelRefused when its hash or its features do not match."""
    if not artifact or artifact_hash(artifact) != sha256:
        raise ModelRefused("The stored model is damaged: its SHA-256 does not match the registry's.")
    if tuple(features) != tuple(known):
        strange = sorted(set(features) ^ set(known)) or ["another order"]
        raise ModelRefused(f"The model was trained on other features than this version computes: {', '.join(strange)}.")
    return Predictor(artifact, features)
