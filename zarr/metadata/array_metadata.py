"""What is known of an array: the same for Zarr v3, Zarr v2 and arrays in memory."""

from dataclasses import dataclass, field, fields

import numpy as np

from zarr.byte_order import in_byte_order
from zarr.chunk_grid import MAX_LENGTH
from zarr.chunk_keys import ChunkKeyEncoding
from zarr.codecs.chain import CodecChain, bound_codecs
from zarr.codecs.sharded_chain import Sharding, sharding_of
from zarr.codecs.sharding import warn_of_waste
from zarr.data_type import DataType, data_type_of
from zarr.errors import MetadataError
from zarr.fill_value import same_fill_value
from zarr.metadata import version2, version3

__all__ = ["ArrayMetadata"]


def _describing(data_type, dtype):
    """Return the data type if it describes a dtype, gaps included; by default the one that does."""
    if data_type is not None and data_type.dtype is dtype:
        return data_type
    try:
        data_type = data_type_of(dtype) if data_type is None else data_type
    except TypeError:
        return None
    return data_type if data_type.dtype == in_byte_order(dtype, "little") else None


@dataclass(frozen=True, eq=False, kw_only=True)
class ArrayMetadata:
    """What is known of an array.

    Parameters
    ----------
    zarr_format : {2, 3}
    shape : tuple of int
    chunk_shape : tuple of int
        Of what is stored under one key: of a shard, where there are shards.
    dtype : numpy.dtype
        In the byte order that is stored.
    chunk_key_encoding : ChunkKeyEncoding
    fill_value : numpy.ndarray or None
        0-d, of `dtype`; None where a v2 document says null.
    codecs : sequence of Codec
        From array to array, from array to bytes (one), from bytes to bytes. They are kept as
        bound to the chunks.
    data_type : DataType, optional
        Of `dtype`, which it has to describe exactly. None where Zarr v3 has none that does, which
        is no harm in v2 and in memory.
    attributes : dict, optional
    dimension_names : tuple of (str or None), optional
        None in Zarr v2.
    order : {'C', 'F'}, optional
    filters : list of dict, optional
    compressor : dict, optional
        These three as a v2 document says them; `codecs` is what they mean. Without an order all
        three are worked out from the codecs, in Zarr v2.
    unknown : dict, optional
        Members of the document that nobody has to understand.

    Raises
    ------
    ValueError
        When a codec cannot treat such chunks; or for Zarr v2, when it cannot say the codecs, the
        chunk key encoding or the dimension names.

    Notes
    -----
    Never changes, its attributes neither; any thread may use it. Equal when all is the same, the
    fill value bit for bit.

    Examples
    --------
    >>> metadata = ArrayMetadata.from_document({
    ...     'zarr_format': 3, 'node_type': 'array', 'shape': [10], 'data_type': 'int32',
    ...     'chunk_grid': {'name': 'regular', 'configuration': {'chunk_shape': [5]}},
    ...     'chunk_key_encoding': {'name': 'default'}, 'fill_value': 0,
    ...     'codecs': [{'name': 'bytes', 'configuration': {'endian': 'big'}}]})
    >>> metadata.dtype
    dtype('>i4')
    """

    zarr_format: int = 3
    shape: tuple[int, ...]
    dtype: np.dtype
    chunk_shape: tuple[int, ...]
    chunk_key_encoding: ChunkKeyEncoding
    fill_value: np.ndarray | None
    codecs: tuple
    data_type: DataType | None = None
    attributes: dict = field(default_factory=dict)
    dimension_names: tuple[str | None, ...] | None = None
    order: str | None = None
    filters: list | None = None
    compressor: dict | None = None
    unknown: dict = field(default_factory=dict)
    # What has been made of the codecs, shared by all that differ in shape and attributes only.
    _made: dict = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "data_type", _describing(self.data_type, self.dtype))
        if self.fill_value is not None and self.fill_value.flags.writeable:
            fill_value = self.fill_value.copy()
            fill_value.flags.writeable = False
            object.__setattr__(self, "fill_value", fill_value)
        codecs = bound_codecs(self.codecs, self.dtype, self.chunk_shape, self.fill_value)
        object.__setattr__(self, "codecs", codecs)
        if self.zarr_format == 2 and self.order is None:
            self._check_for_v2()
            said = version2.description_in_v2(codecs, self.dtype, self.chunk_shape)
            for name, value in said.items():
                object.__setattr__(self, name, value)

    def __setstate__(self, state):
        """Take over what was pickled, which NumPy does in the byte order of the machine."""
        fill_value = state["fill_value"]
        if fill_value is not None:
            fill_value = fill_value.astype(state["dtype"])
            fill_value.flags.writeable = False
        vars(self).update(state, fill_value=fill_value)

    def _check_for_v2(self):
        if self.chunk_key_encoding.name != "v2":
            raise ValueError(
                f"chunk_key_encoding: found {self.chunk_key_encoding.name!r}, expected 'v2', the "
                "one that Zarr v2 has"
            )
        if self.dimension_names is not None:
            raise ValueError(
                f"dimension_names: found {self.dimension_names}, expected none, as in Zarr v2"
            )

    def __eq__(self, other):
        if not isinstance(other, ArrayMetadata):
            return NotImplemented
        mine, others = vars(self), vars(other)
        return all(mine[name] == others[name] for name in COMPARED) and same_fill_value(
            self.fill_value, other.fill_value
        )

    def __hash__(self):
        return hash((self.zarr_format, self.shape, self.dtype, self.chunk_shape, self.codecs))

    @property
    def chain(self) -> CodecChain:
        """The codecs, ready to run on what is stored under one key."""
        chain = self._made.get("chain")
        if chain is None:
            warn_of_waste(self.codecs)
            chain = self._made["chain"] = CodecChain(self.codecs, self.dtype, self.chunk_shape)
        return chain

    @property
    def sharding(self) -> Sharding | None:
        """How inner chunks lie in shards; None where chunks are treated as a whole."""
        if "sharding" not in self._made:
            self._made["sharding"] = sharding_of(self.chain)
        return self._made["sharding"]

    @property
    def shards(self) -> tuple[int, ...] | None:
        """The shape of a shard; None without sharding."""
        return None if self.sharding is None else self.chunk_shape

    @property
    def chunks(self) -> tuple[int, ...]:
        """The shape of a chunk: of an inner one, where there are shards."""
        return self.chunk_shape if self.sharding is None else self.sharding.chunks

    @property
    def inner_codecs(self) -> tuple:
        """The codecs that a chunk goes through: an inner one, where there are shards."""
        return self.codecs if self.sharding is None else self.sharding.layout.inner.codecs

    @property
    def dimension_separator(self) -> str:
        """What stands between the coordinates in a chunk's key."""
        return self.chunk_key_encoding.separator

    @classmethod
    def from_document(
        cls, document: dict, place: str = "", attributes: dict | None = None
    ) -> "ArrayMetadata":
        """Return the metadata that a document holds.

        Parameters
        ----------
        document : dict
            As `read_document` returns it: a ``zarr.json``, or a ``.zarray`` of Zarr v2.
        place : str, optional
            Its key; messages begin with it.
        attributes : dict, optional
            Of a v2 array, which has them in a document of their own.

        Raises
        ------
        MetadataError
            When it does not say what the specification lets it say.
        """
        version = version2 if document.get("zarr_format") == 2 else version3
        members = version.array_members(document, place)
        if attributes is not None:
            members["attributes"] = attributes
        try:
            return cls(**members)
        except MetadataError:
            raise
        except ValueError as error:
            raise MetadataError(f"{place}: {error}" if place else str(error)) from error

    def to_document(self) -> dict:
        """Return the document: a ``zarr.json``, or a ``.zarray`` of Zarr v2 without attributes.

        Raises
        ------
        ValueError
            When the format has no data type for the dtype.
        """
        version = version2 if self.zarr_format == 2 else version3
        return version.array_document(self)

    def with_changes(
        self, *, shape: tuple[int, ...] | None = None, attributes: dict | None = None
    ) -> "ArrayMetadata":
        """Return the metadata with another shape, of as many axes, or other attributes.

        Raises
        ------
        ValueError
            When the shape has another number of axes, or is none.

        Examples
        --------
        >>> from zarr.codecs import BytesCodec
        >>> metadata = ArrayMetadata(
        ...     shape=(10,), dtype=np.dtype('i1'), chunk_shape=(5,), fill_value=np.array(0, 'i1'),
        ...     chunk_key_encoding=ChunkKeyEncoding('default'), codecs=[BytesCodec()])
        >>> metadata.with_changes(shape=(20,)).shape
        (20,)
        """
        # What depends on neither is taken over, and not worked out again.
        changed = object.__new__(type(self))
        vars(changed).update(vars(self))
        if shape is not None:
            if len(shape) != len(self.shape):
                raise ValueError(
                    f"shape: found {shape}, expected {len(self.shape)} lengths, as many as before"
                )
            if not all(type(n) is int and 0 <= n <= MAX_LENGTH for n in shape):
                raise ValueError(f"shape: found {shape}, expected integers from 0 to 2**63 - 1")
            vars(changed)["shape"] = tuple(shape)
        if attributes is not None:
            vars(changed)["attributes"] = attributes
        return changed


#: The fields that are compared as they are.
COMPARED = tuple(
    part.name for part in fields(ArrayMetadata) if part.compare and part.name != "fill_value"
)
