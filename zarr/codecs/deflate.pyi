from typing import Self

from zarr.codecs.codec import BytesBytesCodec

class DeflateCodec(BytesBytesCodec):
    @property
    def level(self) -> int: ...

class GzipCodec(DeflateCodec):
    def __new__(cls, level: int = 5) -> Self: ...

class ZlibCodec(DeflateCodec):
    def __new__(cls, level: int = 1) -> Self: ...
