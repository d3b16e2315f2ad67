"""The exceptions that are ours. All others are Python's own."""

__all__ = ["CodecError", "ZarrError"]


class ZarrError(Exception):
    """The base of every exception that is defined here."""


class CodecError(ZarrError, ValueError):
    """Stored bytes do not decode to what the metadata says, or data could not be encoded."""
