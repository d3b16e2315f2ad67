"""Every kind of selection, read and assigned to, with NumPy as the oracle."""

import re
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import zarr
from zarr.codecs import (
    BloscCodec,
    BytesBytesCodec,
    Crc32cCodec,
    TransposeCodec,
    ZstdCodec,
    register_codec,
)
from zarr.points import true_positions

STRUCTURE = np.dtype([("p", ">f4"), ("q", "i2"), ("r", "u1", (2,)), ("s", "S3")])
DTYPES = ["?", "i1", "<u2", ">i4", "f8", "c16", "S3", STRUCTURE, "T"]


class Downwards(BytesBytesCodec):
    """One written in Python, so that chunks go through the codecs' methods."""

    name = "test.downwards"

    def encode(self, data):
        return bytes(data)[::-1]

    def decode(self, data, max_nbytes):
        return bytes(data)[::-1]


register_codec("test.downwards", Downwards)


def random_array(shape, dtype, seed):
    """Items that differ; any bits that the dtype takes."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "T":
        return rng.integers(0, 10**9, shape).astype(str).astype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(dtype)
    return rng.integers(1, 128, (*shape, dtype.itemsize), "u1").view(dtype).reshape(shape)


def same(result, expected):
    """Same kind of object, same dtype, shape and items."""
    assert type(result) is type(expected)
    if isinstance(expected, str):
        assert result == expected
        return
    assert result.dtype == expected.dtype
    assert result.shape == expected.shape
    if expected.dtype.kind == "T":
        assert (result == expected).all()
    else:
        assert result.tobytes() == expected.tobytes()


@st.composite
def arrays(draw, dtypes=DTYPES, min_dims=1, max_dims=4):
    """A NumPy array and the like of it, in memory or on a store, with codecs of each kind."""
    shape = draw(hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=0, max_side=9))
    data = random_array(shape, draw(st.sampled_from(dtypes)), draw(st.integers(0, 99)))
    options = {"chunks": tuple(draw(st.integers(1, max(1, length + 1))) for length in shape)}
    if draw(st.integers(0, 2)) == 0:
        options["shards"] = tuple(length * draw(st.integers(1, 3)) for length in options["chunks"])
    kind = draw(st.sampled_from(["blosc", "stored", "checked", "transposed", "python"]))
    if kind == "blosc":
        options.update(cname=draw(st.sampled_from(["lz4", "zstd"])), clevel=5)
    elif kind == "stored":
        options.update(compressors=None)
    elif kind == "checked":
        options.update(compressors=[ZstdCodec(), Crc32cCodec()])
    elif kind == "python":
        options.update(compressors=[Downwards()])
    else:
        order = tuple(draw(st.permutations(range(data.ndim))))
        options.update(filters=[TransposeCodec(order)])
    if data.dtype.names or (draw(st.booleans()) and data.dtype.kind != "T"):
        z = zarr.zeros(shape, dtype=data.dtype, **options)
    else:
        z = zarr.create_array({}, shape=shape, dtype=data.dtype, **options)
    if draw(st.integers(0, 4)) > 0:
        z[...] = data
    else:
        data = z[...]  # nothing is stored: what is read is the fill value
    return data, z


def index_lists(length, max_size=12):
    """Indices of an axis: repeated, unsorted, negative, as a list or an array."""
    if length == 0:
        return st.just([])
    lists = st.lists(st.integers(-length, length - 1), max_size=max_size)
    return st.one_of(lists, lists.map(lambda indices: np.array(indices, "i2")))


def masks(shape):
    return hnp.arrays("?", shape)


def entries(length):
    """What orthogonal indexing takes for an axis."""
    kinds = [st.slices(length), index_lists(length), masks((length,))]
    kinds.append(masks((length,)).map(lambda mask: mask.tolist()))
    if length > 0:
        kinds.append(st.integers(-length, length - 1))
        kinds.append(hnp.arrays("i8", (2, 3), elements=st.integers(-length, length - 1)))
    return st.one_of(kinds)


@st.composite
def orthogonal_selections(draw, shape):
    """A selection for some of the axes, with an Ellipsis or not, and new axes."""
    given_count = draw(st.integers(0, len(shape)))
    front = draw(st.integers(0, given_count))
    has_ellipsis = draw(st.booleans()) or front < given_count
    back = shape[len(shape) - (given_count - front) :] if given_count > front else ()
    result = [draw(entries(length)) for length in shape[:front]]
    result += [...] if has_ellipsis else []
    result += [draw(entries(length)) for length in back]
    if draw(st.integers(0, 4)) == 0:
        result.insert(draw(st.integers(0, len(result))), None)
    return tuple(result)


def expand(selection, ndim):
    """Put slices in the place of the Ellipsis, or at the end."""
    count = sum(entry is not None and entry is not Ellipsis for entry in selection)
    rest = [slice(None)] * (ndim - count)
    for i, entry in enumerate(selection):
        if entry is Ellipsis:
            return [*selection[:i], *rest, *selection[i + 1 :]]
    return [*selection, *rest]


def is_list(entry):
    return isinstance(entry, (list, np.ndarray))


def as_indices(entry):
    return np.asarray(entry, None if len(entry) else int)


def taken_orthogonally(data, selection):
    """What orthogonal indexing gives, one axis after the other from the last."""
    selection = expand(selection, data.ndim)
    axis = data.ndim
    for entry in reversed(selection):
        if entry is None:
            data = np.expand_dims(data, axis)
            continue
        axis -= 1
        entry = as_indices(entry) if is_list(entry) else entry
        data = data[(slice(None),) * axis + (entry, ...)]
    return data


def taken_by_coordinates(data, selection):
    """What indexing by coordinates gives: the lists' axes are moved to the front, and taken."""
    selection = expand(selection, data.ndim)
    if not any(is_list(entry) for entry in selection):
        return data[(*selection, ...)]
    for i, entry in enumerate(selection):
        if entry is None:
            data = np.expand_dims(data, i)
    axes = [i for i, entry in enumerate(selection) if is_list(entry) or isinstance(entry, int)]
    others = [
        slice(None) if entry is None else entry
        for i, entry in enumerate(selection)
        if i not in axes
    ]
    arrays = np.broadcast_arrays(
        *[as_indices(selection[i]) if is_list(selection[i]) else selection[i] for i in axes]
    )
    data = np.moveaxis(data, axes, range(len(axes)))[tuple(arrays)]
    return data[(slice(None),) * arrays[0].ndim + tuple(others)]


def same_items(result, expected):
    """The same array, or where a scalar is given, the one in an array of no axes."""
    expected = np.asarray(expected)
    same(result, expected if isinstance(result, np.ndarray) else expected[()])


def check_read(read, data, take):
    """Compare what is read with the oracle; also when it is read to memory of any strides."""
    expected = take(data)
    result = read(None)
    same_items(result, expected)
    for make in (
        lambda shape: np.empty(shape, data.dtype),
        lambda shape: np.empty(shape[::-1], data.dtype).T,
        lambda shape: np.empty((*shape, 2), data.dtype)[..., 1],
        lambda shape: np.empty(shape, data.dtype)[..., ::-1] if shape else np.empty((), data.dtype),
    ):
        out = make(np.shape(expected))
        assert read(out) is out
        same(np.array(out), np.asarray(expected))


def check_write(write, z, data, take, draw):
    """Assign values that are broadcast, and compare the whole array with the oracle."""
    places = take(np.arange(data.size).reshape(data.shape))
    shape = np.shape(places)
    small = tuple(draw(st.sampled_from([1, length])) for length in shape)
    values = random_array(small[draw(st.integers(0, len(shape))) :], data.dtype, 5)
    write(values)
    expected = data.copy().reshape(-1)
    expected[places] = values
    same(z[...], expected.reshape(data.shape))


@given(data=st.data(), pair=arrays())
def test_orthogonal_selections_read(data, pair):
    expected, z = pair
    selection = data.draw(orthogonal_selections(expected.shape))
    check_read(
        lambda out: z.get_orthogonal_selection(selection, out=out),
        expected,
        lambda items: taken_orthogonally(items, selection),
    )
    same_items(z.oindex[selection], taken_orthogonally(expected, selection))


@given(data=st.data(), pair=arrays())
def test_orthogonal_selections_take_values(data, pair):
    expected, z = pair
    selection = data.draw(orthogonal_selections(expected.shape))
    check_write(
        lambda values: z.oindex.__setitem__(selection, values),
        z,
        expected,
        lambda items: taken_orthogonally(items, selection),
        data.draw,
    )


@st.composite
def coordinate_selections(draw, shape, min_count=1):
    """Lists that are broadcast together for some axes, beside slices, integers and new axes."""
    axes = draw(st.permutations(range(len(shape))))
    axes = axes[: draw(st.integers(min(min_count, len(shape)), len(shape)))]
    common = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5))
    if any(shape[axis] == 0 for axis in axes):
        common = (0,)
    result = []
    for axis, length in enumerate(shape):
        if axis not in axes:
            kinds = [st.slices(length)]
            if length:
                kinds.append(st.integers(-length, length - 1))
            result.append(draw(st.one_of(kinds)))
            continue
        own = tuple(draw(st.sampled_from([1, side])) for side in common)
        own = common if 0 in common else own[draw(st.integers(0, len(own) - 1)) :]
        indices = hnp.arrays("i8", own, elements=st.integers(-length, max(0, length - 1)))
        result.append(draw(indices))
    slices = [i for i, entry in enumerate(result) if isinstance(entry, slice)]
    if slices and draw(st.booleans()):
        place = draw(st.sampled_from(slices))
        result[place] = Ellipsis
    if draw(st.integers(0, 4)) == 0:
        result.insert(draw(st.integers(0, len(result))), None)
    return tuple(result)


@given(data=st.data(), pair=arrays())
def test_coordinates_read(data, pair):
    expected, z = pair
    selection = data.draw(coordinate_selections(expected.shape))
    check_read(
        lambda out: z.get_coordinate_selection(selection, out=out),
        expected,
        lambda items: taken_by_coordinates(items, selection),
    )
    same_items(z.vindex[selection], taken_by_coordinates(expected, selection))


@given(data=st.data(), pair=arrays())
def test_coordinates_take_values(data, pair):
    expected, z = pair
    selection = data.draw(coordinate_selections(expected.shape))
    check_write(
        lambda values: z.vindex.__setitem__(selection, values),
        z,
        expected,
        lambda items: taken_by_coordinates(items, selection),
        data.draw,
    )


def taken(data, selection):
    """What `z[selection]` gives: NumPy's, but that a single list stays in its place."""
    if sum(is_list(entry) for entry in selection) == 1:
        return taken_orthogonally(data, selection)
    return data[selection]


def numpy_selections(shape):
    return st.one_of(
        coordinate_selections(shape, min_count=2),
        coordinate_selections(shape, min_count=0),
        hnp.basic_indices(shape, allow_newaxis=True).map(
            lambda selection: selection if isinstance(selection, tuple) else (selection,)
        ),
    )


@given(data=st.data(), pair=arrays())
def test_any_selection_reads_as_in_numpy(data, pair):
    expected, z = pair
    selection = data.draw(numpy_selections(expected.shape))
    result = taken(expected, selection)
    same(z[selection], result)
    if len(selection) == 1:
        same(z[selection[0]], result)


@given(data=st.data(), pair=arrays())
def test_any_selection_takes_values_as_in_numpy(data, pair):
    expected, z = pair
    selection = data.draw(numpy_selections(expected.shape))
    check_write(
        lambda values: z.__setitem__(selection, values),
        z,
        expected,
        lambda items: taken(items, selection),
        data.draw,
    )


@given(data=st.data(), pair=arrays(), density=st.sampled_from([0, 0.1, 0.5, 1]))
def test_masks_read_and_take_values(data, pair, density):
    expected, z = pair
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    mask = rng.random(expected.shape) < density
    same(z[mask], expected[mask])
    same(z.vindex[mask], expected[mask])
    same(z.get_mask_selection(mask), expected[mask])
    values = random_array((int(mask.sum()),), expected.dtype, 5)
    z.set_mask_selection(mask, values)
    expected[mask] = values
    same(z[...], expected)
    z[mask] = values[:1] if len(values) else random_array((), expected.dtype, 3)
    expected[mask] = values[:1] if len(values) else random_array((), expected.dtype, 3)
    same(z[...], expected)


@given(data=st.data(), pair=arrays(min_dims=2))
def test_masks_of_some_axes_read_and_take_values(data, pair):
    expected, z = pair
    first = data.draw(st.integers(0, expected.ndim - 1))
    end = data.draw(st.integers(first + 1, expected.ndim))
    mask = data.draw(masks(expected.shape[first:end]))
    selection = (slice(None),) * first + (mask,)
    same(z[selection], expected[selection])
    values = random_array((), expected.dtype, 5)
    z[selection] = values
    expected[selection] = values
    same(z[...], expected)


@given(data=st.data(), pair=arrays())
def test_blocks_read_and_take_values(data, pair):
    expected, z = pair
    selection = []
    region = []
    for count, chunk in zip(z.cdata_shape, z.chunks, strict=True):
        entry = data.draw(
            st.integers(-count, count - 1)
            if count and data.draw(st.booleans())
            else st.builds(slice, *[st.none() | st.integers(-count - 1, count + 1)] * 2)
        )
        places = np.atleast_1d(np.arange(count)[entry])
        selection.append(entry)
        region.append(
            slice(places[0] * chunk, (places[-1] + 1) * chunk) if len(places) else slice(0)
        )
    if data.draw(st.booleans()):
        selection = [*selection[:-1], ...]
        region = region[:-1]
    selection, region = tuple(selection), tuple(region)
    same(z.blocks[selection], expected[region])
    out = np.empty(expected[region].shape, expected.dtype)
    assert z.get_block_selection(selection, out=out) is out
    same(out, expected[region])
    values = random_array(expected[region].shape, expected.dtype, 5)
    z.blocks[selection] = values
    expected[region] = values
    same(z[...], expected)


def packed(items, names):
    """Some fields of items, without gaps."""
    result = np.empty(items.shape, [(name, items.dtype[name]) for name in names])
    for name in names:
        result[name] = items[name]
    return result


@given(data=st.data(), pair=arrays(dtypes=[STRUCTURE], max_dims=3))
def test_fields_read_and_take_values(data, pair):
    expected, z = pair
    selection = data.draw(orthogonal_selections(expected.shape))
    items = np.asarray(taken_orthogonally(expected, selection))
    places = taken_orthogonally(np.arange(expected.size).reshape(expected.shape), selection)
    name = data.draw(st.sampled_from(STRUCTURE.names))
    names = data.draw(st.lists(st.sampled_from(STRUCTURE.names), min_size=1, unique=True))
    shown = items[name]
    if len(selection) == expected.ndim and all(isinstance(entry, int) for entry in selection):
        shown = shown[()]
    same(z.get_orthogonal_selection(selection, fields=name), shown)
    same(z.oindex[(name, *selection)], shown)
    same(np.asarray(z.get_orthogonal_selection(selection, fields=names)), packed(items, names))
    out = np.empty(items[name].shape[::-1], items[name].dtype).T
    assert z.get_orthogonal_selection(selection, fields=name, out=out) is out
    same(np.array(out), np.asarray(items[name]))
    values = random_array(items.shape, STRUCTURE, 5)
    flat = expected.reshape(-1).copy()
    z.set_orthogonal_selection(selection, values[name], fields=name)
    flat[name][places] = values[name]
    same(z[...], flat.reshape(expected.shape))
    values = random_array(items.shape, STRUCTURE, 7)
    z.set_orthogonal_selection(selection, packed(values, names), fields=names)
    for other in names:
        flat[other][places] = values[other]
    same(z[...], flat.reshape(expected.shape))


INVALID = [
    (lambda z: z[[6]], "axis 0: index 6 is out of range for length 6"),
    (lambda z: z[[0, -7], [1, 1]], "axis 0: index -7 is out of range for length 6"),
    (lambda z: z.oindex[[0, 1], [2, 10]], "axis 1: index 10 is out of range for length 10"),
    (lambda z: z.vindex[[0, 1], :, [2]], "selection: found 3 indices, expected at most 2"),
    (lambda z: z[np.array([2**63], "u8")], f"axis 0: index {2**63} is out of range for any"),
    (lambda z: z.vindex[2**70, [1]], f"selection: index {2**70} is out of range for any length"),
    (lambda z: z[0, [[1], [2, 3]]], "axis 1: found [[1], [2, 3]], expected an integer, a slice,"),
    (lambda z: z[..., [1.5]], "axis 1: found [1.5], expected an integer, a slice, a list of"),
    (lambda z: z[[1, None]], "axis 0: found [1, None], expected an integer"),
    (lambda z: z.oindex[True], "axis 0: found True, expected an integer"),
    (lambda z: z[np.array(True)], "axis 0: found array(True), expected an integer"),
    (
        lambda z: z[[0, 1], [0, 1, 2]],
        "selection: found lists of shapes (2,), (3,), which cannot be broadcast together",
    ),
    (lambda z: z[..., ..., [1]], "selection: found 2 ellipses, expected at most one"),
    (lambda z: z[np.ones(5, bool)], "axis 0: found a mask of shape (5,), expected (6,)"),
    (lambda z: z.oindex[0, [True]], "axis 1: found a mask of shape (1,), expected (10,)"),
    (lambda z: z[np.ones((6, 9), bool)], "axis 0: found a mask of shape (6, 9), expected (6, 10)"),
    (
        lambda z: z.get_mask_selection(np.ones((6, 10))),
        "mask: found float64 of shape (6, 10), expected booleans of 2 axes, and at least one",
    ),
    (lambda z: z.get_basic_selection([1]), "selection: found a list, expected integers and"),
    (lambda z: z.blocks[3], "axis 0: chunk 3 is out of range for 3 chunks"),
    (lambda z: z.blocks[0, ::2], "axis 1: found slice(None, None, 2), expected an integer or a"),
    (lambda z: z.blocks[[0]], "axis 0: found array([0]), expected an integer or a slice with a"),
    (lambda z: z["p"], "fields: found 'p', but items of int64 have no fields"),
    (lambda z: z[(0,) * 3 + ([1],)], "selection: found 4 indices, expected at most 2"),
    (
        lambda z: z[np.zeros((1,) * 63, int), ..., None],
        "selection: found a result of over 64 dimensions, NumPy's limit",
    ),
]


@pytest.mark.parametrize(("read", "message"), INVALID, ids=[message for _, message in INVALID])
def test_what_does_not_fit_says_where(read, message):
    z = zarr.array(np.arange(60).reshape(6, 10), chunks=(2, 3))
    with pytest.raises(IndexError, match="^" + re.escape(message)):
        read(z)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.empty(4, "i4"), "out: found shape (4,), expected (3,)"),
        (np.empty(3, "i8"), "out: found dtype int64, expected int32"),
        (np.broadcast_to(np.int32(1), 3), "out: found memory that is read only"),
        (bytes(3), "out: found dtype uint8, expected int32"),
    ],
)
def test_memory_that_does_not_fit_is_refused(out, message):
    z = zarr.zeros(9, chunks=2, dtype="i4")
    with pytest.raises(ValueError, match=re.escape(message)):
        z.get_orthogonal_selection([1, 2, 8], out=out)


def test_any_buffer_is_written_to():
    z = zarr.array(np.arange(9, dtype="u1"), chunks=2)
    out = bytearray(3)
    assert z.get_coordinate_selection([8, 0, 3], out=out) is out
    assert out == b"\x08\x00\x03"


def test_fields_that_do_not_exist_are_named():
    z = zarr.zeros(3, dtype=[("p", "f4"), ("q", "i2")])
    with pytest.raises(IndexError, match="fields: found 'x', expected one of 'p', 'q'"):
        z["x", 0]
    with pytest.raises(IndexError, match=r"fields: found \('p', 'p'\), expected different names"):
        z["p", "p"]
    with pytest.raises(IndexError, match="fields: found 'q', and 'p' in the selection as well"):
        z.get_basic_selection("p", fields="q")
    with pytest.raises(ValueError, match=r"value: shape \(2,\) cannot be broadcast to the"):
        z["p"] = [1, 2]
    assert not z[:]["p"].any()


def test_what_fails_changes_nothing():
    data = np.arange(60).reshape(6, 10)
    z = zarr.array(data, chunks=(2, 3))
    for selection, value in [
        (([0, 1, 6], slice(None)), 1),
        (([0, 1], [0, 10]), 1),
        (([0, 1], [0, 1]), [1, 2, 3]),
        (([0, 1], [0, 1]), "no number"),
    ]:
        with pytest.raises((IndexError, ValueError)):
            z[selection] = value
    same(z[...], data)


def test_items_by_integers_are_scalars():
    z = zarr.array(np.arange(6).reshape(2, 3), chunks=2)
    for result in (
        z.oindex[1, 2],
        z.vindex[1, -1],
        z.get_basic_selection((1, 2)),
        z.get_coordinate_selection((np.int8(1), 2)),
    ):
        same(result, np.int64(5))
    same(z.get_basic_selection((..., 1, 2)), np.array(5))


def test_values_of_another_dtype_are_converted():
    data = np.zeros((300, 400), "f4")
    z = zarr.zeros(data.shape, dtype="f4", chunks=(70, 90))
    rows = np.random.default_rng(0).permutation(300)
    values = np.arange(300 * 400).reshape(300, 400)
    z.oindex[rows, ::-1] = values
    data[rows[:, None], np.arange(400)[::-1]] = values
    same(z[...], data)


def test_large_values_of_another_dtype_are_converted_in_pieces():
    data = np.zeros((1200, 1000), "f4")
    z = zarr.zeros(data.shape, dtype="f4", chunks=(500, 90))
    columns = np.random.default_rng(0).permutation(1000)
    values = np.arange(1200 * 1000).reshape(1200, 1000)
    z.oindex[:, columns] = values
    data[:, columns] = values
    same(z[...], data)


@pytest.mark.parametrize("kind", ["memory", "folder", "checked", "shards"])
@pytest.mark.parametrize("cname", ["lz4", "zstd", "blosclz"])
def test_few_points_of_large_chunks(tmp_path, kind, cname):
    """Of which only some blocks are decoded, and of files read."""
    rng = np.random.default_rng(1)
    data = np.cumsum(rng.integers(0, 9, 10**6)).astype("i4").reshape(1000, 1000)
    options = {"chunks": (500, 1000), "cname": cname}
    if kind == "memory":
        z = zarr.array(data, **options)
    else:
        if kind == "shards":
            options["shards"] = (1000, 1000)
        z = zarr.create_array(
            tmp_path, shape=data.shape, dtype=data.dtype, checksum=kind == "checked", **options
        )
        z[:] = data
    for count in (1, 2, 3, 10, 40, 300, 3000, 100000):
        rows, columns = rng.integers(-1000, 1000, (2, count))
        same(z.vindex[rows, columns], data[rows, columns])
        rows = rows[:50] % 20 + 300
        same(z.oindex[rows, columns[:3]], data[rows][:, columns[:3]])
        same(z.oindex[rows[:2]], data[rows[:2]])
        same(z.oindex[[3, 998], 100:900:7], data[[3, 998], 100:900:7])


@pytest.mark.parametrize("is_stored", [False, True])
def test_few_points_among_many_small_blocks(tmp_path, is_stored):
    """Rows reach over the ends of blocks; and what lies between blocks is not taken as known."""
    data = np.cumsum(np.random.default_rng(1).integers(0, 9, 10**5)).astype("i4")
    data = data.reshape(100, 1000)
    codec = BloscCodec(cname="lz4", typesize=4, blocksize=6144)
    options = {"shape": data.shape, "dtype": "i4", "chunks": data.shape, "compressors": codec}
    if is_stored:
        z = zarr.create_array(tmp_path, checksum=False, **options)
    else:
        z = zarr.zeros(options.pop("shape"), **options)
    z[:] = data
    for row in range(100):
        rows = [row, 99 - row]
        same(z.oindex[rows], data[rows])
        same(z.oindex[rows, 10:990], data[rows, 10:990])
        between = (7 * row + 50) % 100
        same(z[between, 3:9], data[between, 3:9])
        same(z.vindex[[row, between], [0, 999]], data[[row, between], [0, 999]])


def test_thirty_two_axes():
    data = np.arange(2**16, dtype="i4").reshape((1, 2) * 16)
    z = zarr.array(data, chunks=(1,) * 20 + (1, 2) * 6)
    selection = (0, [1, 0, 0]) * 8 + (..., [0, 1, 1])
    same(z[selection], data[selection])
    lists = ([0], [1, 0, 1]) * 16
    same(z.oindex[lists[:20]], taken_orthogonally(data, lists[:20]))


@pytest.mark.parametrize("kind", ["memory", "shards"])
def test_threads_that_write_to_the_same_chunks_lose_nothing(scale, kind):
    """Each thread has its own items; those of all lie side by side in every chunk."""
    count = 4
    length = 5000
    options = {"shards": 2000} if kind == "shards" else {}
    z = zarr.zeros(length, chunks=500, dtype="i4", **options)
    owners = np.random.default_rng(0).integers(0, count, length)
    failures = []

    def work(number):
        own = np.flatnonzero(owners == number)
        try:
            for turn in range(scale(20, 500)):
                np.random.default_rng(turn).shuffle(own)
                z.vindex[own] = own + turn
                if turn % 5 == 0:
                    z[owners == number] = np.flatnonzero(owners == number) + turn
                if not (z.oindex[own] == own + turn).all():
                    failures.append((number, turn))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (z[:] == np.arange(length) + scale(20, 500) - 1).all()


def test_an_index_that_resizes_the_array_is_asked_before():
    z = zarr.zeros(10, chunks=3, dtype="i4")

    class Index(list):
        def __array__(self, dtype=None, copy=None):
            z.resize(5)
            return np.array([1, 7])

    with pytest.raises(IndexError, match="axis 0: index 7 is out of range for length 5"):
        z[Index()] = 1
    assert not z[:].any()


def test_within_a_buffered_block_the_last_value_stays():
    z = zarr.zeros(10, chunks=4, dtype=[("p", "i4"), ("q", "i4")])
    with z.buffered():
        z[2:8] = (1, 2)
        assert z.oindex[[2, 9]].tolist() == [(1, 2), (0, 0)]
        z["q"] = 3
        z.vindex[[2, 3]] = (4, 4)
        z[3] = (5, 5)
    assert z[1:5].tolist() == [(0, 3), (4, 4), (5, 5), (1, 3)]


def test_arrays_of_other_libraries_are_lists():
    """They have `__index__` too, for arrays of one item."""

    class Foreign:
        ndim = 1

        def __index__(self):
            raise TypeError("more than one item")

        def __array__(self, dtype=None, copy=None):
            return np.array([4, 2])

    z = zarr.array(np.arange(6), chunks=4)
    same(z[Foreign()], np.array([4, 2]))
    z[Foreign()] = 9
    same(z[:], np.array([0, 1, 9, 3, 9, 5]))
    same(z[zarr.array([5, 1])], np.array([5, 1]))


def test_unwritten_chunks_give_the_fill_value():
    z = zarr.full((1000, 1000), 7, chunks=(10, 10), dtype="i2")
    z[5, 5] = 1
    result = z.vindex[[5, 6, 999], [5, 5, 0]]
    same(result, np.array([1, 7, 7], "i2"))
    assert z.nchunks_initialized == 1
    z.vindex[[900, 901], [3, 3]] = 7
    assert z.nchunks_initialized == 1


def test_the_indexers_name_their_array():
    z = zarr.zeros(3)
    assert repr(z.oindex) == f"<OIndex of {z!r}>"
    assert repr(z.vindex) == f"<VIndex of {z!r}>"
    assert repr(z.blocks) == f"<BlockIndex of {z!r}>"


@given(
    hnp.arrays(np.bool_, st.integers(0, 700), elements=st.booleans()),
    st.sampled_from([1, 2, -1]),
    st.integers(0, 700),
)
def test_where_a_mask_is_true(mask, step, empty):
    mask = np.concatenate([np.zeros(empty, bool), mask, np.zeros(empty % 130, bool)])
    found = true_positions(mask[::step])
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, np.flatnonzero(mask[::step]))
    np.testing.assert_array_equal(true_positions(np.ones(5000, bool)), np.arange(5000))
