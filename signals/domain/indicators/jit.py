"""How kernels are compiled: cached on disk, without the GIL, on one thread, with IEEE division.

Single-threaded on purpose: numba's default threading layer fails when two threads run parallel kernels at once.
"""

from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")
