from enum import StrEnum
from typing import Self

from zarr.codecs.codec import BytesBytesCodec

COMPRESSORS: tuple[str, ...]
SHUFFLES: tuple[str, ...]

def blosc_version() -> tuple[str, str]: ...
def normalize_cname(cname: str | bytes) -> str: ...
def normalize_clevel(clevel: int) -> int: ...
def normalize_shuffle(shuffle: int | str) -> int: ...
def describe_frame(frame: bytes, nbytes: int) -> dict[int, str]: ...
def error_of_status(
    status: int, description: dict[int, str] | None = None, place: str = "blosc"
) -> Exception: ...

class BloscCname(StrEnum):
    blosclz = "blosclz"
    lz4 = "lz4"
    lz4hc = "lz4hc"
    snappy = "snappy"
    zlib = "zlib"
    zstd = "zstd"

class BloscShuffle(StrEnum):
    noshuffle = "noshuffle"
    shuffle = "shuffle"
    bitshuffle = "bitshuffle"
    @classmethod
    def from_int(cls, num: int) -> Self: ...

class BloscCodec(BytesBytesCodec):
    @property
    def typesize(self) -> int | None: ...
    @property
    def cname(self) -> str: ...
    @property
    def clevel(self) -> int: ...
    @property
    def shuffle(self) -> str | None: ...
    @property
    def shuffle_number(self) -> int: ...
    @property
    def blocksize(self) -> int: ...
    def __new__(
        cls,
        *,
        typesize: int | None = None,
        cname: str | bytes | BloscCname = "zstd",
        clevel: int = 5,
        shuffle: str | int | BloscShuffle | None = None,
        blocksize: int = 0,
    ) -> Self: ...
