"""For those who write stores of their own: what every store has to do, as tests.

Needs pytest, which ``import zarr`` does not.
"""

from zarr.testing.stores import StoreTests

__all__ = ["StoreTests"]
