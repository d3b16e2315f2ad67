from typing import Self

from zarr.codecs.codec import BytesBytesCodec

class ZstdCodec(BytesBytesCodec):
    @property
    def level(self) -> int: ...
    @property
    def checksum(self) -> bool: ...
    def __new__(cls, level: int = 0, checksum: bool = False) -> Self: ...
