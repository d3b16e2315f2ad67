from typing import ClassVar

from zarr.codecs.codec import ArrayBytesCodec

class VariableLengthCodec(ArrayBytesCodec): ...

class VLenUTF8Codec(VariableLengthCodec):
    empty: ClassVar[str]
    expected: ClassVar[str]

class VLenBytesCodec(VariableLengthCodec):
    empty: ClassVar[bytes]
    expected: ClassVar[str]
