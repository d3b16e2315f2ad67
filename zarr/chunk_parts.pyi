from typing import Any, Self

import numpy as np

from zarr.chunk_values import ChunkValues
from zarr.codecs.chain import CodecChain
from zarr.codecs.sharded_chain import Sharding
from zarr.indexing import Grid
from zarr.stored_chunks import StoredChunks

class ChunkParts(ChunkValues):
    @property
    def fill(self) -> np.ndarray[Any, Any]: ...
    @property
    def keeps_empty(self) -> bool: ...
    def __new__(
        cls,
        grid: Grid,
        chain: CodecChain,
        sharding: Sharding | None,
        stored: StoredChunks | None,
        fill: np.ndarray[Any, Any],
        keeps_empty: bool,
    ) -> Self: ...
