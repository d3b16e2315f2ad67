"""What an array tells about itself: its repr, its table of figures, its picture of chunks."""

import math
from html import escape

from zarr.codecs import ShardingCodec

__all__ = ["ArrayInfo", "GroupInfo", "Tree", "array_html", "array_repr", "codec_text", "size_text"]

#: Characters and squares of a picture: more chunks than that share one.
PICTURE_COLUMNS = 64
PICTURE_ROWS = 16


def size_text(nbytes: int) -> str:
    """Return a number of bytes in short: as it is below 1024, else with one decimal and a letter.

    Examples
    --------
    >>> size_text(40000000)
    '38.1M'
    >>> size_text(512)
    '512'
    """
    if nbytes < 1024:
        return str(nbytes)
    size = float(nbytes)
    for unit in "KMGTPE":
        size /= 1024
        if size < 1024 or unit == "E":
            break
    return f"{size:.1f}{unit}"


def codec_text(codec) -> str:
    """Return a codec in short: its name, and what is said of it in parentheses.

    Examples
    --------
    >>> from zarr.codecs import BytesCodec, Crc32cCodec
    >>> codec_text(BytesCodec('big')), codec_text(Crc32cCodec())
    ('bytes(big)', 'crc32c')
    """
    if isinstance(codec, ShardingCodec):
        return f"{codec.name}({codec.chunk_shape}, {codecs_text(codec.codecs)})"
    values = codec.configuration().values()
    return f"{codec.name}({', '.join(map(str, values))})" if values else codec.name


def codecs_text(codecs) -> str:
    """Return codecs in short.

    Examples
    --------
    >>> from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec
    >>> codecs_text([ShardingCodec((2, 3), [BytesCodec('big')]), Crc32cCodec()])
    '[sharding_indexed((2, 3), [bytes(big)]), crc32c]'
    """
    return f"[{', '.join(codec_text(codec) for codec in codecs)}]"


def _codecs_text(array):
    """Return how a chunk is encoded: for the usual chain as the original did."""
    codecs = array.metadata.inner_codecs
    names = [codec.name for codec in codecs]
    if names[:2] == ["bytes", "blosc"] and names[2:] in ([], ["crc32c"]):
        text = f"cname={array.cname}, clevel={array.clevel}, shuffle={array.shuffle}"
        return text + ", crc32c" * (len(names) - 2)
    return f"codecs={codecs_text(codecs)}"


def array_repr(array) -> str:
    """Return the one line that shows an array. Of one on a store nothing is asked for it."""
    figures = f"nbytes={size_text(array.nbytes)}"
    place = ""
    shards = "" if array.shards is None else f"shards={array.shards}, "
    if array.store is None:
        cbytes = array.cbytes
        ratio = f", cratio={array.cratio:.1f}" if cbytes else ""
        figures += f", cbytes={size_text(cbytes)}{ratio}"
    else:
        place = f", store={array.store_path}"
    return (
        f"zarr.ext.Array({array.shape}, {array.dtype}, chunks={array.chunks}, {shards}"
        f"{figures}, {_codecs_text(array)}{place})"
    )


def stored_picture(array) -> list[list[float]]:
    """Return how much of the grid is stored, as rows of shares from 0 to 1.

    The first axis runs down, all others run to the right. A large grid is shown by fewer cells,
    each the share of the chunks that it stands for.
    """
    grid_shape = array.cdata_shape
    count = math.prod(grid_shape)
    if count == 0:
        return []
    height = grid_shape[0] if len(grid_shape) > 1 else 1
    width = count // height
    rows, columns = min(height, PICTURE_ROWS), min(width, PICTURE_COLUMNS)
    stored = [[0] * columns for _ in range(rows)]
    for chunk in array.iter_chunks():
        index = 0
        for coord, length in zip(chunk.coords, grid_shape, strict=True):
            index = index * length + coord
        row, column = divmod(index, width)
        if row < height:  # else the array has grown meanwhile
            stored[row * rows // height][column * columns // width] += 1
    row_bounds = [-(-i * height // rows) for i in range(rows + 1)]
    column_bounds = [-(-i * width // columns) for i in range(columns + 1)]
    return [
        [
            stored[i][j]
            / ((row_bounds[i + 1] - row_bounds[i]) * (column_bounds[j + 1] - column_bounds[j]))
            for j in range(columns)
        ]
        for i in range(rows)
    ]


class ArrayInfo:
    """The figures of an array, shown as a table.

    Examples
    --------
    >>> import zarr
    >>> zarr.zeros(100, chunks=25, dtype='i2').info
    Type               zarr.ext.Array
    Data type          int16
    Shape              (100,)
    Chunk shape        (25,)
    Grid shape         (4,)
    Fill value         0
    Compressor         blosclz, level 5, shuffle
    Bytes              200
    Bytes stored       0
    Chunks stored      0 of 4
    <BLANKLINE>
    ....
    """

    def __init__(self, array):
        self._array = array

    def items(self) -> list[tuple[str, str]]:
        """Return the figures as pairs of a name and a text."""
        array = self._array
        cbytes = array.cbytes
        stored = size_text(cbytes)
        if cbytes:
            stored += f" (ratio {array.cratio:.1f})"
        return [
            ("Type", "zarr.ext.Array"),
            *_store_rows(array),
            ("Data type", str(array.dtype)),
            ("Shape", str(array.shape)),
            *_shard_rows(array),
            ("Chunk shape", str(array.chunks)),
            ("Grid shape", str(array.cdata_shape)),
            ("Fill value", str(array.fill_value)),
            *_codec_rows(array),
            ("Bytes", size_text(array.nbytes)),
            ("Bytes stored", stored),
            ("Chunks stored", f"{array.nchunks_initialized} of {array.nchunks}"),
        ]

    def __repr__(self):
        lines = [f"{name:<18} {text}" for name, text in self.items()]
        picture = stored_picture(self._array)
        marks = [
            "".join("#" if share == 1 else "+" if share else "." for share in row)
            for row in picture
        ]
        return "\n".join([*lines, "", *marks] if marks else lines)

    def _repr_html_(self):
        return f"{_table_html(self.items())}{_picture_svg(self._array)}"


def _store_rows(node):
    """Return where a node lies, if it is on a store."""
    if node.store is None:
        return []
    return [("Store", str(node.store_path)), ("Zarr format", str(node.metadata.zarr_format))]


def _shard_rows(array):
    """Return the shape of shards, if there are some."""
    return [] if array.shards is None else [("Shard shape", str(array.shards))]


def _codec_rows(array):
    """Return how a chunk is encoded, as rows: for the usual chain in the original's words."""
    codecs = array.metadata.inner_codecs
    names = [codec.name for codec in codecs]
    if names == ["bytes", "blosc"]:
        shuffle = ("no shuffle", "shuffle", "bitshuffle")[array.shuffle]
        return [("Compressor", f"{array.cname}, level {array.clevel}, {shuffle}")]
    return [("Codecs", codecs_text(codecs)[1:-1])]


class GroupInfo:
    """The figures of a group, shown as a table.

    Examples
    --------
    >>> import zarr
    >>> group = zarr.group({})
    >>> a = group.create_array('a', shape=10)
    >>> group.info
    Type               zarr.Group
    Store              memory://...
    Zarr format        3
    Groups             0
    Arrays             1
    """

    def __init__(self, group):
        self._group = group

    def items(self) -> list[tuple[str, str]]:
        """Return the figures as pairs of a name and a text."""
        group = self._group
        return [
            ("Type", "zarr.Group"),
            *_store_rows(group),
            ("Groups", str(sum(1 for _ in group.group_keys()))),
            ("Arrays", str(sum(1 for _ in group.array_keys()))),
        ]

    def __repr__(self):
        return "\n".join(f"{name:<18} {text}" for name, text in self.items())

    def _repr_html_(self):
        return _table_html(self.items())


class Tree:
    """What lies below a group, as a picture of names.

    Parameters
    ----------
    group : zarr.Group
    level : int, optional
        How deep to look: 0 shows the group alone, 1 its members, and so on. None: all the way.

    Raises
    ------
    ValueError
        When `level` is negative.
    """

    def __init__(self, group, level: int | None = None):
        if level is not None and level < 0:
            raise ValueError(f"level: found {level}, expected 0 or more, or None")
        self._group = group
        self._level = level

    def _lines(self, group, level, prefix=""):
        if level == 0:
            return
        members = group.members()
        for i, (name, node) in enumerate(members):
            is_last = i == len(members) - 1
            is_group = not hasattr(node, "shape")
            text = name if is_group else f"{name} {node.shape} {node.dtype}"
            yield f"{prefix}{'└── ' if is_last else '├── '}{text}"
            if is_group:
                deeper = None if level is None else level - 1
                yield from self._lines(node, deeper, prefix + ("    " if is_last else "│   "))

    def __repr__(self):
        return "\n".join([self._group.name, *self._lines(self._group, self._level)])

    def _items_html(self, group, level):
        if level == 0:
            return ""
        rows = []
        for name, node in group.members():
            if hasattr(node, "shape"):
                rows.append(f"<li>{escape(f'{name} {node.shape} {node.dtype}')}</li>")
                continue
            inner = self._items_html(node, None if level is None else level - 1)
            title = f"<summary>{escape(name)}</summary>"
            rows.append(
                f"<li><details open>{title}{inner}</details></li>"
                if inner
                else f"<li>{escape(name)}</li>"
            )
        return f"<ul>{''.join(rows)}</ul>" if rows else ""

    def _repr_html_(self):
        return f"<div>{escape(self._group.name)}{self._items_html(self._group, self._level)}</div>"


def _table_html(items):
    """Return pairs of a name and a text as a table."""
    rows = "".join(
        f"<tr><th style='text-align: left'>{escape(name)}</th>"
        f"<td style='text-align: left'>{escape(text)}</td></tr>"
        for name, text in items
    )
    return f"<table><tbody>{rows}</tbody></table>"


def _picture_svg(array):
    """Return the picture of stored chunks as squares, the darker the more are stored."""
    cell = 8
    picture = stored_picture(array)
    if not picture:
        return ""
    squares = "".join(
        f"<rect x='{column * cell}' y='{row * cell}' width='{cell - 1}' height='{cell - 1}' "
        f"fill='#1f77b4' fill-opacity='{0.1 + 0.9 * share:.2f}'/>"
        for row, shares in enumerate(picture)
        for column, share in enumerate(shares)
    )
    width, height = len(picture[0]) * cell, len(picture) * cell
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
        f"role='img' aria-label='chunks stored'>{squares}</svg>"
    )


def array_html(array) -> str:
    """Return the repr for notebooks: the line, the figures and the picture."""
    return f"<code>{escape(array_repr(array))}</code>{ArrayInfo(array)._repr_html_()}"
