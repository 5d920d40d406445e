"""LightGBM's shared library, loaded without its Python package.

`import lightgbm` brings scipy and scikit-learn and costs 100 MB; the library alone costs 3 MB. The serving processes
load it here; only the training process imports the package.
"""

import ctypes
import importlib.util
from functools import cache
from pathlib import Path

MISSING_PACKAGE = (
    "LightGBM needs the system package libgomp1 (Debian, Ubuntu: apt-get install libgomp1; Fedora, RHEL: libgomp; "
    "Alpine: libgomp). Learning is off until it is installed; everything else goes on."
)


class LibraryMissing(RuntimeError):
    """LightGBM cannot be loaded; the message says what to install."""


def library_path() -> Path:
    """Where the library lies. Raises LibraryMissing when LightGBM is not installed."""
    spec = importlib.util.find_spec("lightgbm")
    roots = list(spec.submodule_search_locations or []) if spec else []
    for root in roots:
        for found in sorted(Path(root).rglob("lib_lightgbm.*")):
            return found
    raise LibraryMissing("LightGBM is not installed: install the packages of requirements-core.txt.")


@cache
def library_load() -> ctypes.CDLL:
    """The loaded library. Raises LibraryMissing with the name of the package to install."""
    try:
        library = ctypes.CDLL(str(library_path()))
    except OSError as error:
        raise LibraryMissing(f"{MISSING_PACKAGE} ({error})") from error
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    return library
