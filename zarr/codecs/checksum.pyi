from typing import Self

from typing_extensions import Buffer

from zarr.codecs.codec import BytesBytesCodec

WAYS: dict[str, tuple[str, ...]]

def crc32c(data: Buffer, value: int = 0, way: str | None = None) -> int: ...
def crc32(data: Buffer, value: int = 0, way: str | None = None) -> int: ...

class Crc32cCodec(BytesBytesCodec):
    def __new__(cls) -> Self: ...
