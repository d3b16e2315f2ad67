"""Parts of a value: from where to where, from where on, or the last so many bytes."""

from dataclasses import astuple, dataclass

__all__ = [
    "ByteRange",
    "ByteRequest",
    "OffsetByteRequest",
    "RangeByteRequest",
    "SuffixByteRequest",
    "normalize_byte_range",
    "span_of",
]


class _Request:
    """What the requests share: their numbers are checked once, when they are made."""

    __slots__ = ()

    def __post_init__(self):
        numbers = astuple(self)
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise ValueError(f"byte range: found {self!r}, expected integers that are not negative")
        if list(numbers) != sorted(numbers):
            raise ValueError(f"byte range: found {self!r}, expected an end not before the start")


@dataclass(frozen=True, slots=True)
class RangeByteRequest(_Request):
    """The bytes from `start` up to, not including, `end`; fewer if the value ends before.

    Raises
    ------
    ValueError
        For numbers that are negative or no integers, or an end before the start.

    Examples
    --------
    >>> from zarr.storage import MemoryStore
    >>> store = MemoryStore({'a': b'0123456789'})
    >>> store.get_sync('a', byte_range=RangeByteRequest(2, 5))
    b'234'
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class OffsetByteRequest(_Request):
    """The bytes from `offset` on.

    Raises
    ------
    ValueError
        For a number that is negative or no integer.

    Examples
    --------
    >>> from zarr.storage import MemoryStore
    >>> store = MemoryStore({'a': b'0123456789'})
    >>> store.get_sync('a', byte_range=OffsetByteRequest(7))
    b'789'
    """

    offset: int


@dataclass(frozen=True, slots=True)
class SuffixByteRequest(_Request):
    """The last `suffix` bytes; all if the value has fewer.

    Raises
    ------
    ValueError
        For a number that is negative or no integer.

    Examples
    --------
    >>> from zarr.storage import MemoryStore
    >>> store = MemoryStore({'a': b'0123456789'})
    >>> store.get_sync('a', byte_range=SuffixByteRequest(2))
    b'89'
    """

    suffix: int


ByteRequest = RangeByteRequest | OffsetByteRequest | SuffixByteRequest
#: What users may write for a part of a value: a request, or start and length (None: to the end).
ByteRange = ByteRequest | tuple[int, int | None]


def normalize_byte_range(byte_range: ByteRange | None) -> ByteRequest | None:
    """Return the request for what a user wrote; None, for all of a value, stays None.

    Raises
    ------
    TypeError
        For what is neither a request nor a pair.
    ValueError
        For numbers that are negative or no integers.

    Examples
    --------
    >>> normalize_byte_range((10, 5))
    RangeByteRequest(start=10, end=15)
    >>> normalize_byte_range((10, None))
    OffsetByteRequest(offset=10)
    """
    if byte_range is None or isinstance(byte_range, ByteRequest):
        return byte_range
    if isinstance(byte_range, (tuple, list)) and len(byte_range) == 2:
        start, nbytes = byte_range
        if nbytes is None:
            return OffsetByteRequest(start)
        if isinstance(start, int) and isinstance(nbytes, int):
            return RangeByteRequest(start, start + nbytes)
    raise TypeError(
        f"byte range: found {byte_range!r}, expected a RangeByteRequest, OffsetByteRequest, "
        "SuffixByteRequest, or a pair (start, length)"
    )


def span_of(byte_range: ByteRequest | None, nbytes: int) -> tuple[int, int]:
    """Return where the part of a value of `nbytes` bytes begins and ends.

    Examples
    --------
    >>> span_of(SuffixByteRequest(4), 10)
    (6, 10)
    >>> span_of(RangeByteRequest(8, 20), 10)
    (8, 10)
    """
    match byte_range:
        case None:
            return 0, nbytes
        case RangeByteRequest(start, end):
            return min(start, nbytes), min(end, nbytes)
        case OffsetByteRequest(offset):
            return min(offset, nbytes), nbytes
        case SuffixByteRequest(suffix):
            return max(nbytes - suffix, 0), nbytes
