from collections.abc import Iterator

from zarr.chunk_reads import ReadableChunks

class WritableChunks(ReadableChunks):
    def beyond(self, index: int) -> Iterator[tuple[slice, ...]]: ...
