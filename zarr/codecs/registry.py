"""Which class a codec's name stands for, and codecs as metadata and users give them.

Ours are known from the start; the sharding codec, which has codecs itself, adds itself. Others are
added by `register_codec`, or by an entry point of the group "zarr.codecs" in the package that has
them, which is loaded when its name is first met.
"""

import importlib.metadata

from zarr.codecs.blosc import BloscCodec
from zarr.codecs.checksum import Crc32cCodec
from zarr.codecs.codec import (
    ArrayArrayCodec,
    ArrayBytesCodec,
    BytesBytesCodec,
    Codec,
)
from zarr.codecs.deflate import GzipCodec
from zarr.codecs.endian import BytesCodec
from zarr.codecs.external import NUMCODECS_CLASSES
from zarr.codecs.packbits import PackBitsCodec
from zarr.codecs.transpose import TransposeCodec
from zarr.codecs.variable_length import VLenBytesCodec, VLenUTF8Codec
from zarr.codecs.zstandard import ZstdCodec
from zarr.errors import MetadataError
from zarr.json_values import mismatch, name_and_configuration

__all__ = ["codec_from_json", "get_codec_class", "normalize_codecs", "register_codec"]

KINDS = (ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec)

registered: dict[str, type[Codec]] = {
    cls.name: cls
    for cls in (
        BloscCodec,
        BytesCodec,
        Crc32cCodec,
        GzipCodec,
        PackBitsCodec,
        TransposeCodec,
        VLenBytesCodec,
        VLenUTF8Codec,
        ZstdCodec,
        *NUMCODECS_CLASSES.values(),
    )
}
registered["endian"] = BytesCodec  # its name in the draft of the specification


def register_codec(name, cls):
    """Let a name in metadata stand for a class of codecs; it replaces the one before it.

    Parameters
    ----------
    name : str
    cls : type
        A subclass of ArrayArrayCodec, ArrayBytesCodec or BytesBytesCodec.

    Raises
    ------
    TypeError
        When it is not such a class.

    Examples
    --------
    >>> from zarr.codecs import BytesBytesCodec, register_codec
    >>> class Backwards(BytesBytesCodec):
    ...     name = 'example.backwards'
    ...     def encode(self, data):
    ...         return bytes(data)[::-1]
    ...     def decode(self, data, max_nbytes):
    ...         return bytes(data)[::-1]
    >>> register_codec('example.backwards', Backwards)
    """
    if not (isinstance(cls, type) and issubclass(cls, KINDS)):
        raise TypeError(
            f"codec {name!r}: found {cls!r}, expected a subclass of "
            + ", ".join(kind.__name__ for kind in KINDS)
        )
    registered[name] = cls


def get_codec_class(name):
    """Return the class that a codec's name stands for, or raise KeyError.

    Examples
    --------
    >>> from zarr.codecs import get_codec_class
    >>> get_codec_class('crc32c')
    <class 'zarr.codecs.checksum.Crc32cCodec'>
    """
    if name not in registered:
        for entry_point in importlib.metadata.entry_points(group="zarr.codecs", name=name):
            register_codec(name, entry_point.load())
    return registered[name]


def codec_from_json(value, place):
    """Return the codec that stands in metadata.

    Parameters
    ----------
    value : dict or str
        The object with a name and a configuration, or the name alone.
    place : str
        Where it stands in the document; messages begin with it.

    Raises
    ------
    MetadataError
        When it is no such object, nobody knows the codec, or its configuration is not right. An
        unknown codec is refused even where it need not be understood: without it nothing can be
        decoded (https://zarr-specs.readthedocs.io/en/latest/v3/core/#extension-definition).

    Examples
    --------
    >>> from zarr.codecs import codec_from_json
    >>> codec_from_json({'name': 'bytes', 'configuration': {'endian': 'big'}}, 'codecs[0]')
    BytesCodec(endian='big')
    """
    name, configuration = name_and_configuration(value, place, may_be_ignored=True)
    try:
        cls = get_codec_class(name)
    except KeyError:
        raise MetadataError(
            f"{place}.name: found {name!r}, expected a codec that is known"
        ) from None
    return cls.from_configuration(configuration, place)


def codecs_from_json(values, place):
    """Return the codecs that stand in metadata as a list, checked for their order.

    Raises
    ------
    MetadataError
        When it is no list, one of them is not right, or they do not follow each other.

    Examples
    --------
    >>> from zarr.codecs.registry import codecs_from_json
    >>> codecs_from_json(['bytes', 'crc32c'], 'codecs')
    (BytesCodec(endian=None), Crc32cCodec())
    """
    if not isinstance(values, list):
        raise mismatch(place, values, "a list of codecs")
    codecs = tuple(codec_from_json(value, f"{place}[{i}]") for i, value in enumerate(values))
    try:
        check_order(codecs, place)
    except ValueError as error:
        raise MetadataError(str(error)) from None
    return codecs


def normalize_codecs(codecs, place="codecs"):
    """Return codecs that a user gives in any form, checked for their order.

    Parameters
    ----------
    codecs : iterable
        Of codecs, of objects as in metadata, or of names (which stand for the codec with its
        defaults).
    place : str, optional
        Messages begin with it.

    Raises
    ------
    MetadataError
        For one that is not a codec, or is not known.
    ValueError
        When they do not go from array to array (any number), to bytes (one), to bytes (any):
        https://zarr-specs.readthedocs.io/en/latest/v3/core/#codecs.

    Examples
    --------
    >>> from zarr.codecs import BytesCodec, normalize_codecs
    >>> normalize_codecs([BytesCodec(), {'name': 'crc32c'}])
    (BytesCodec(endian='little'), Crc32cCodec())
    """
    if isinstance(codecs, (str, dict, Codec)):
        codecs = [codecs]
    codecs = tuple(normalize_codec(codec, f"{place}[{i}]") for i, codec in enumerate(codecs))
    check_order(codecs, place)
    return codecs


def normalize_codec(codec, place="codec"):
    """Return one codec that a user gives in any form; see normalize_codecs.

    Examples
    --------
    >>> from zarr.codecs.registry import normalize_codec
    >>> normalize_codec('crc32c')
    Crc32cCodec()
    """
    if isinstance(codec, Codec):
        return codec
    if isinstance(codec, str):
        try:
            cls = get_codec_class(codec)
        except KeyError:
            raise MetadataError(
                f"{place}: found {codec!r}, expected a codec that is known"
            ) from None
        try:
            return cls()
        except TypeError as error:
            raise MetadataError(
                f"{place}: found {codec!r} alone, expected its configuration too"
            ) from error
    return codec_from_json(codec, place)


def check_order(codecs, place="codecs"):
    """Raise ValueError unless each codec takes what the one before it gives."""
    has_bytes = False
    for i, codec in enumerate(codecs):
        takes_bytes = isinstance(codec, BytesBytesCodec)
        if takes_bytes != has_bytes:
            found = "bytes" if takes_bytes else "an array"
            expected = "bytes" if has_bytes else "an array"
            raise ValueError(
                f"{place}[{i}]: found {codec.name!r}, which takes {found}, expected one that takes "
                f"{expected}, which the codecs before it make"
            )
        has_bytes = not isinstance(codec, ArrayArrayCodec)
    if not has_bytes:
        raise ValueError(f"{place}: found no codec that makes bytes of an array, expected one")
