from typing import Self

from zarr.codecs.codec import BytesBytesCodec

class Lz4Codec(BytesBytesCodec):
    @property
    def acceleration(self) -> int: ...
    def __new__(cls, acceleration: int = 1) -> Self: ...
