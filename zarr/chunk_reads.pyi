from typing import Any, Self

import numpy as np

from zarr.chunk_values import ChunkValues
from zarr.codecs.chain import CodecChain
from zarr.indexing import Grid
from zarr.stored_chunks import StoredChunks

class ReadableChunks(ChunkValues):
    @property
    def fill(self) -> np.ndarray[Any, Any]: ...
    @property
    def keeps_empty(self) -> bool: ...
    def __new__(
        cls,
        grid: Grid,
        chain: CodecChain,
        stored: StoredChunks | None,
        fill: np.ndarray[Any, Any],
        keeps_empty: bool,
    ) -> Self: ...
