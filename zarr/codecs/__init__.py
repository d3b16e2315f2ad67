"""Codecs: between the elements of a chunk and its stored bytes."""

from zarr.codecs.blosc import BloscCodec

__all__ = ["BloscCodec"]
