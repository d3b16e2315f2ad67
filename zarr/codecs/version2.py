"""Filters and compressors of Zarr v2 as codecs, and codecs as those."""

from zarr.codecs.blosc import BloscCodec
from zarr.codecs.deflate import GzipCodec
from zarr.codecs.external import PREFIX, Blosc, numcodecs_codec
from zarr.codecs.variable_length import VLenBytesCodec, VLenUTF8Codec
from zarr.codecs.zstandard import ZstdCodec
from zarr.errors import MetadataError

__all__ = ["codec_from_v2", "codec_to_v2"]

VARIABLE_LENGTH = {cls.name: cls for cls in (VLenUTF8Codec, VLenBytesCodec)}


def codec_from_v2(config, place="compressor"):
    """Return the codec that a filter or a compressor in the metadata of Zarr v2 stands for.

    Parameters
    ----------
    config : dict
        With an "id", such as ``{"id": "zlib", "level": 1}``.
    place : str, optional
        Where it stands in the document; messages begin with it.

    Raises
    ------
    MetadataError
        When it is no such object, nobody knows the codec, its configuration is not right, or it
        needs numcodecs and that is not installed
        (https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html#metadata).

    Examples
    --------
    >>> from zarr.codecs import codec_from_v2
    >>> codec_from_v2({'id': 'gzip', 'level': 9})
    GzipCodec(level=9)
    """
    if not isinstance(config, dict) or not isinstance(config.get("id"), str):
        raise MetadataError(f"{place}: found {config!r}, expected an object with an id")
    if config["id"] in VARIABLE_LENGTH:
        configuration = {key: value for key, value in config.items() if key != "id"}
        return VARIABLE_LENGTH[config["id"]].from_configuration(configuration, place)
    codec = numcodecs_codec(config, place)
    # What is ours under another name in Zarr v3 gets that name.
    if isinstance(codec, Blosc):
        return BloscCodec(**{**codec.arguments(), "shuffle": codec.shuffle})
    for cls in (GzipCodec, ZstdCodec):
        if isinstance(codec, cls):
            return cls(**codec.arguments())
    return codec


def codec_to_v2(codec):
    """Return a codec as it stands in the metadata of Zarr v2, an object with an "id".

    Raises
    ------
    ValueError
        When Zarr v2 does not have it.

    Examples
    --------
    >>> from zarr.codecs import GzipCodec, codec_to_v2
    >>> codec_to_v2(GzipCodec(level=9))
    {'id': 'gzip', 'level': 9}
    """
    if isinstance(codec, BloscCodec):
        shuffle = None if codec.shuffle is None else codec.shuffle_number
        codec = Blosc(**{**codec.arguments(), "shuffle": shuffle})
    configuration = codec.configuration()
    if isinstance(codec, ZstdCodec) and not codec.checksum:
        # Older readers do not know this member.
        del configuration["checksum"]
    has_v2_name = isinstance(codec, (GzipCodec, ZstdCodec)) or codec.name in VARIABLE_LENGTH
    if not has_v2_name and not codec.name.startswith(PREFIX):
        raise ValueError(f"codec: found {codec!r}, which Zarr v2 does not have")
    return {"id": codec.name.removeprefix(PREFIX), **configuration}
