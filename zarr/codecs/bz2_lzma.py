"""The bz2 and lzma codecs of Zarr v2, by the standard library."""

import bz2
import lzma

from zarr.codecs.codec import BytesBytesCodec, checked_integer
from zarr.errors import CodecError

__all__ = ["Bz2Codec", "LzmaCodec"]

#: What decoding may need besides its result: the dictionary of level 9, and more.
MAX_LZMA_NBYTES = 2**27


def decode_streams(name, make_decompressor, data, max_nbytes):
    """Decode all streams of `data`, one after the other, to at most `max_nbytes` bytes.

    Examples
    --------
    >>> import bz2
    >>> from zarr.codecs.bz2_lzma import decode_streams
    >>> decode_streams('bz2', bz2.BZ2Decompressor, bz2.compress(b'abc'), 3)
    b'abc'
    """
    parts = []
    rest, room = bytes(data), max_nbytes
    while rest or not parts:
        decompressor = make_decompressor()
        try:
            part = decompressor.decompress(rest, room + 1)
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise CodecError(
                f"{name}: found {len(data)} stored bytes that are damaged ({error})"
            ) from error
        if len(part) > room:
            raise CodecError(
                f"{name}: {len(data)} stored bytes decode to more than the {max_nbytes} expected"
            )
        if not decompressor.eof:
            raise CodecError(f"{name}: found {len(data)} stored bytes that are cut off")
        parts.append(part)
        room -= len(part)
        rest = decompressor.unused_data
    return b"".join(parts)


def with_small_dictionary(spec):
    """Return a filter of the module `lzma` with the smallest dictionary that there is.

    Raises
    ------
    ValueError, TypeError
        When it is no filter, or its dictionary takes more than decoding may need.

    Examples
    --------
    >>> from zarr.codecs.bz2_lzma import with_small_dictionary
    >>> with_small_dictionary({'id': 33, 'preset': 9})
    {'id': 33, 'preset': 9, 'dict_size': 4096}
    """
    spec = dict(spec)
    if spec.get("id") in (lzma.FILTER_LZMA1, lzma.FILTER_LZMA2):
        smallest = 4096
        checked_integer("dict_size", spec.get("dict_size", smallest), smallest, MAX_LZMA_NBYTES)
        spec["dict_size"] = smallest
    return spec


class Bz2Codec(BytesBytesCodec):
    """Compress bytes in the format of bzip2.

    Parameters
    ----------
    level : int, optional
        1 (fastest) to 9 (smallest).

    Raises
    ------
    ValueError
        When the level is not an integer from 1 to 9.

    Notes
    -----
    Never changes; any thread may use it. Zarr v2's bz2; in Zarr v3 its name is that of numcodecs
    (https://numcodecs.readthedocs.io/en/stable/compression/bz2.html).

    Examples
    --------
    >>> from zarr.codecs import Bz2Codec
    >>> codec = Bz2Codec(level=9)
    >>> codec.decode(codec.encode(b'abc'), 3)
    b'abc'
    """

    name = "numcodecs.bz2"

    def __init__(self, level=1):
        self.level = checked_integer("level", level, 1, 9)

    def configuration(self):
        """Return the level."""
        return {"level": self.level}

    def encode(self, data):
        """Return a contiguous buffer as encoded bytes."""
        return bz2.compress(data, self.level)

    def decode(self, data, max_nbytes):
        """Return the bytes that were encoded as `data`; see `BytesBytesCodec.decode`."""
        return decode_streams("bz2", bz2.BZ2Decompressor, data, max_nbytes)


class LzmaCodec(BytesBytesCodec):
    """Compress bytes by LZMA, in the format of xz or another of the module `lzma`.

    Parameters
    ----------
    format : int, optional
        `lzma.FORMAT_XZ` (1), `FORMAT_ALONE` (2) or `FORMAT_RAW` (3).
    check : int, optional
        The checksum: one of `lzma.CHECK_NONE` and others, -1 for that of the format.
    preset : int, optional
        0 (fastest) to 9 (smallest), with `lzma.PRESET_EXTREME` or without.
    filters : list of dict, optional
        Of the module `lzma`, instead of a preset.

    Raises
    ------
    ValueError
        When such data cannot be encoded.

    Notes
    -----
    Never changes; any thread may use it. Zarr v2's lzma; in Zarr v3 its name is that of numcodecs
    (https://numcodecs.readthedocs.io/en/stable/compression/lzma.html).

    Examples
    --------
    >>> from zarr.codecs import LzmaCodec
    >>> codec = LzmaCodec(preset=1)
    >>> codec.decode(codec.encode(b'abc'), 3)
    b'abc'
    """

    name = "numcodecs.lzma"

    def __init__(self, format=lzma.FORMAT_XZ, check=-1, preset=None, filters=None):
        self.format = checked_integer("format", format, lzma.FORMAT_XZ, lzma.FORMAT_RAW)
        self.check = checked_integer("check", check, -1, lzma.CHECK_ID_MAX)
        if preset is not None:
            level = preset & ~lzma.PRESET_EXTREME if type(preset) is int else preset
            checked_integer("preset", level, 0, 9)
        self.preset = preset
        self.filters = filters
        try:
            # An encoder takes ten times its dictionary; this one, a trial, gets the smallest.
            trial = None if filters is None else [with_small_dictionary(spec) for spec in filters]
            trial_preset = None if preset is None and filters is not None else 0
            lzma.compress(b"", self.format, self.check, trial_preset, trial)
        except (TypeError, ValueError, OverflowError, lzma.LZMAError) as error:
            raise ValueError(
                f"filters: found {self.arguments()}, which lzma refuses: {error}"
            ) from (error)

    def configuration(self):
        """Return the four arguments."""
        return {
            "format": self.format,
            "check": self.check,
            "preset": self.preset,
            "filters": self.filters,
        }

    def encode(self, data):
        """Return a contiguous buffer as encoded bytes."""
        return lzma.compress(data, self.format, self.check, self.preset, self.filters)

    def decode(self, data, max_nbytes):
        """Return the bytes that were encoded as `data`; see `BytesBytesCodec.decode`."""
        return decode_streams("lzma", self.decompressor, data, max_nbytes)

    def decompressor(self):
        """Return a decompressor that takes no more memory than is sensible."""
        if self.format == lzma.FORMAT_RAW:
            return lzma.LZMADecompressor(self.format, filters=self.filters)
        return lzma.LZMADecompressor(self.format, memlimit=MAX_LZMA_NBYTES)
