"""Indexing, with NumPy as the oracle: a basic selection gives and takes what it does there."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import zarr
from zarr.indexing import Grid
from zarr.selected_array import touched_chunks
from zarr.selections import normalize_coordinates, normalize_orthogonal, normalize_selection

DTYPES = [
    "?",
    "i1",
    "<u2",
    ">i4",
    "i8",
    "<f2",
    ">f4",
    "f8",
    "c8",
    ">c16",
    "M8[us]",
    "m8[D]",
    "S3",
    ">U2",
    "V5",
    "i2,>f4,S2",
    [("p", "f4"), ("q", [("r", "u1", (2,))])],
]


def random_array(shape, dtype, seed):
    """Any bits at all, but for the kinds that do not take them."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "U":
        return rng.integers(0, 99, shape).astype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(dtype)
    return rng.integers(0, 256, (*shape, dtype.itemsize), "u1").view(dtype).reshape(shape)


def same(result, expected):
    """Same kind of object, same dtype, shape and bits."""
    assert type(result) is type(expected)
    assert result.dtype == expected.dtype
    assert result.shape == expected.shape
    assert result.tobytes() == expected.tobytes()


@st.composite
def arrays(draw, max_ndim=4):
    """A pair of a NumPy array and the like of it, in chunks of any shape."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=max_ndim, min_side=0, max_side=12))
    chunks = tuple(draw(st.integers(1, max(1, length + 2))) for length in shape)
    data = random_array(shape, draw(st.sampled_from(DTYPES)), draw(st.integers(0, 99)))
    z = zarr.empty(
        data.shape,
        chunks=chunks,
        dtype=data.dtype,
        cname=draw(st.sampled_from(["lz4", "blosclz", "zstd"])),
        clevel=draw(st.sampled_from([0, 1, 5])),
        shuffle=draw(st.integers(0, 2)),
    )
    z[...] = data
    return data, z


def selections(shape):
    return hnp.basic_indices(shape, max_dims=8, allow_newaxis=True, allow_ellipsis=True)


@given(data=st.data(), pair=arrays())
def test_any_basic_selection_reads_as_in_numpy(data, pair):
    expected, z = pair
    selection = data.draw(selections(expected.shape))
    same(z[selection], expected[selection])


@given(data=st.data(), pair=arrays(), seed=st.integers(0, 99))
def test_any_basic_selection_takes_an_array(data, pair, seed):
    expected, z = pair
    selection = data.draw(selections(expected.shape))
    values = random_array(np.shape(expected[selection]), expected.dtype, seed)
    z[selection] = values
    expected[selection] = values
    same(z[...], expected)


@given(data=st.data(), pair=arrays(), seed=st.integers(0, 99))
def test_what_is_assigned_is_broadcast_whatever_its_strides(data, pair, seed):
    expected, z = pair
    selection = data.draw(selections(expected.shape))
    shape = np.shape(expected[selection])
    small = tuple(data.draw(st.sampled_from([1, length])) for length in shape)
    if shape:  # to a single item NumPy assigns by another rule, from version to version
        small = (1,) * data.draw(st.integers(0, 2)) + small[data.draw(st.integers(0, len(shape))) :]
    order = data.draw(st.permutations(range(len(small))))
    values = random_array(tuple(small[axis] for axis in order), expected.dtype, seed)
    values = values.transpose(np.argsort(order))
    z[selection] = values
    expected[selection] = values
    same(z[...], expected)


@pytest.mark.filterwarnings("ignore:Casting complex:numpy.exceptions.ComplexWarning")
@given(
    values=hnp.arrays(
        st.sampled_from(["i2", "f4", ">u4", "c8", "?", "S4"]), hnp.array_shapes(max_dims=3)
    ),
    target=st.sampled_from(["i8", ">f8", "u1", "c16", "?", "U6"]),
)
def test_values_of_other_dtypes_are_cast_as_numpy_casts_them(values, target):
    expected = np.zeros(values.shape, target)
    z = zarr.zeros(values.shape, dtype=target, chunks=2)
    try:
        with np.errstate(all="ignore"):
            expected[...] = values
    except (TypeError, ValueError) as error:
        with np.errstate(all="ignore"), pytest.raises(type(error)):
            z[...] = values
        return
    with np.errstate(all="ignore"):
        z[...] = values
    same(z[...], expected)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("i4", 7),
        ("f4", 1.5),
        ("u1", True),
        ("c8", 1j),
        ("S3", b"ab"),
        ("U3", "ab"),
        ("M8[D]", "2020-02-29"),
        ("i2,f4", (1, 2.5)),
        ("i4", [[1, 2, 3]]),
        ("i4", np.float32(3.7)),
        ("i4", range(3)),
        ("V3", b"\1\2\3"),
    ],
)
def test_plain_objects_are_assigned_as_in_numpy(dtype, value):
    expected = np.zeros((2, 3), dtype)
    z = zarr.zeros((2, 3), dtype=dtype, chunks=(1, 2))
    expected[...] = value
    z[...] = value
    same(z[...], expected)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("u1", 300),
        ("i4", "x"),
        ("i4", None),
        ("i4", 1j),
        ("M8[D]", "no date"),
        ("i2,f4", (1, 2, 3)),
        ("f4", object()),
    ],
)
def test_what_cannot_be_cast_raises_what_numpy_raises(dtype, value):
    z = (
        zarr.ones((2, 3), dtype=dtype)
        if np.dtype(dtype).kind != "V"
        else zarr.zeros((2, 3), dtype=dtype)
    )
    before = z[...]
    try:
        np.zeros((2, 3), dtype)[...] = value
    except (TypeError, ValueError, OverflowError) as error:
        with pytest.raises(type(error)):
            z[...] = value
    same(z[...], before)


def test_large_values_of_another_dtype_are_converted_in_pieces():
    data = np.arange(3 * 1500 * 1100, dtype="i4").reshape(3, 1500, 1100)
    z = zarr.zeros(data.shape, dtype="f8", chunks=(2, 400, 300))
    z[:, ::-1] = data
    same(z[...], data[:, ::-1].astype("f8"))
    z[:, 3:1499:2, ::-1] = data[:, :748]
    assert (z[:, 3:1499:2, ::-1] == data[:, :748]).all()
    assert (z[:, 2:1499:2] == data[:, ::-1][:, 2:1499:2]).all()


def test_a_value_that_is_larger_than_the_selection_is_refused():
    z = zarr.zeros((4, 6), chunks=3)
    with pytest.raises(
        ValueError, match=re.escape("value: shape (7,) cannot be broadcast to the selection's (6,)")
    ):
        z[1] = np.ones(7)
    assert z.nchunks_initialized == 0


INVALID = [
    (4, "axis 0: index 4 is out of range for length 4"),
    (-5, "axis 0: index -5 is out of range for length 4"),
    ((0, 6), "axis 1: index 6 is out of range for length 6"),
    ((slice(None), -7), "axis 1: index -7 is out of range for length 6"),
    ((..., None, np.int64(2**40)), "axis 1: index 1099511627776 is out of range for length 6"),
    ((0, 2**70), "axis 1: index 1180591620717411303424 is out of range for length 6"),
    ((0, 0, 0), "selection: found 3 indices, expected at most 2, one for each axis"),
    ((..., 0, ...), "selection: found 2 ellipses, expected at most one"),
    ((0, {1}), "axis 1: found {1}, expected an integer, a slice, a list of integers or booleans,"),
    (True, "axis 0: found True, expected an integer, a slice, a list of integers or booleans,"),
    ((0, np.True_), "axis 1: found np.True_, expected an integer"),
    (1.0, "axis 0: found 1.0, expected an integer"),
    ("p", "fields: found 'p', but items of float64 have no fields"),
    (np.array([0.5]), "axis 0: found array([0.5]), expected an integer"),
    ((None,) * 63, "selection: found a result of over 64 dimensions, NumPy's limit"),
]


@pytest.mark.parametrize(("selection", "message"), INVALID, ids=str)
def test_an_index_that_does_not_fit_names_its_axis(selection, message):
    z = zarr.zeros((4, 6), chunks=3)
    with pytest.raises(IndexError, match="^" + re.escape(message)):
        z[selection]
    with pytest.raises(IndexError, match="^" + re.escape(message)):
        z[selection] = 1
    assert z.nchunks_initialized == 0


@pytest.mark.parametrize(
    ("selection", "error", "message"),
    [
        ((0, slice(None, None, 0)), ValueError, "axis 1: slice step cannot be zero"),
        (slice("a", None), TypeError, "axis 0: slice indices must be integers"),
    ],
)
def test_a_slice_that_is_none_names_its_axis(selection, error, message):
    z = zarr.zeros((4, 6))
    with pytest.raises(error, match=message):
        z[selection]
    with pytest.raises(error, match=message):
        z[selection] = 1


class Index:
    """An integer of a kind of its own."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


@pytest.mark.parametrize(
    "index", [3, np.int8(3), np.uint64(3), np.array(3), Index(3), -3, np.int16(-3)], ids=repr
)
def test_integers_of_all_kinds_drop_their_axis(index):
    data = np.arange(24).reshape(6, 4)
    z = zarr.array(data, chunks=(4, 3))
    same(z[index], data[int(index)])
    same(z[2, index], data[2, int(index)])
    same(z[Index(1) : index : Index(1)], data[1 : int(index)])
    z[index, index] = 99
    assert z[int(index), int(index)] == 99


def test_thirty_two_axes():
    shape = (1, 2) * 16
    data = np.arange(2**16, dtype="i4").reshape(shape)
    z = zarr.array(data, chunks=(1,) * 20 + (1, 2) * 6)
    same(z[...], data)
    selection = (0, slice(None, None, -1)) * 10 + (..., 1, 0, 1)
    same(z[selection], data[selection])


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 0, 5)])
def test_axes_of_length_zero(shape):
    z = zarr.ones(shape, chunks=2, dtype="i2")
    same(z[...], np.ones(shape, "i2"))
    z[...] = 5
    assert z.nchunks == 0
    with pytest.raises(IndexError, match=r"axis \d: index 0 is out of range for length 0"):
        z[(0,) * len(shape)]


def test_an_array_without_axes():
    z = zarr.zeros((), dtype="f4")
    same(z[()], np.float32(0))
    same(z[...], np.zeros((), "f4"))
    z[()] = 3
    z[...] += 1
    assert z[()] == 4
    same(z[None], np.full(1, 4, "f4"))
    with pytest.raises(IndexError, match="selection: found 1 indices, expected at most 0"):
        z[0]


def test_results_are_fresh_and_writable():
    z = zarr.ones((4, 4), chunks=2)
    result = z[1:3]
    result[:] = 9
    assert (z[:] == 1).all()
    assert result.flags.owndata
    assert result.flags.c_contiguous


@st.composite
def grids(draw):
    """A shape, and chunks within shards of any shape, counted in any order."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=15))
    chunks = tuple(draw(st.integers(1, 4)) for _ in shape)
    shards = tuple(length * draw(st.integers(1, 4)) for length in chunks)
    order = tuple(draw(st.permutations(range(len(shape)))))
    return Grid(shape, chunks, 1, None, shards, order)


def blocks(indices, chunk_shape):
    """For each place of a grid the items there, of an array that holds anything."""
    grid_shape = [
        -(-length // chunk) for length, chunk in zip(indices.shape, chunk_shape, strict=True)
    ]
    for coords in np.ndindex(*grid_shape):
        region = tuple(
            slice(coord * length, (coord + 1) * length)
            for coord, length in zip(coords, chunk_shape, strict=True)
        )
        yield coords, indices[region]


@st.composite
def normalized_selections(draw, items):
    """A selection of any kind, and what it gives of the items."""
    shape = items.shape
    kind = draw(st.sampled_from(["basic", "orthogonal", "mask", "points"]))
    if kind == "basic":
        selection = draw(selections(shape))
        return normalize_selection(selection, len(shape)), np.asarray(items[selection])
    if kind == "mask" and shape:
        mask = draw(hnp.arrays("?", shape))
        return normalize_selection(mask, len(shape)), items[mask]
    lists = tuple(
        draw(st.lists(st.integers(-length, length - 1), max_size=12)) if length else []
        for length in shape
    )
    if kind == "points" and shape:
        count = min(map(len, lists))
        lists = tuple(np.array(indices[:count], int) for indices in lists)
        return normalize_coordinates(lists, len(shape)), items[lists]
    mesh = np.ix_(*[np.array(indices, int) for indices in lists])
    return normalize_orthogonal(lists, len(shape)), np.asarray(items[mesh])


@given(data=st.data(), grid=grids())
def test_a_selection_is_cut_into_the_parts_of_it_in_each_shard_and_chunk(data, grid):
    items = np.arange(np.prod(grid.shape, dtype=int)).reshape(grid.shape)
    selection, selected = data.draw(normalized_selections(items))
    result = np.full_like(selected, -1)
    indices = np.arange(grid.chunk_count).reshape(grid.grid_shape)
    expected = [
        (shard_index, np.isin(shard_items, selected).all(), indices[place], inner)
        for shard_index, (shard_coords, shard_items) in enumerate(
            blocks(items, grid.shards.chunk_shape)
        )
        for place, inner in inner_places(grid, shard_coords)
        if np.isin(chunk_items(items, grid, place), selected).any()
    ]
    found = touched_chunks(grid, selection)
    assert [(part[0], *part[2:4]) for part in found] == [(part[0], *part[2:4]) for part in expected]
    for part, (_, is_shard_covered, _, _) in zip(found, expected, strict=True):
        _, is_shard_whole, index, _, is_whole, chunk_region, array_region = part
        chunk = chunk_items(items, grid, np.unravel_index(index, grid.grid_shape))
        is_covered = np.isin(chunk, selected).all()
        # Of points in any order it is not looked for whether they are all there.
        assert is_whole == is_covered or (selection.lists and not is_whole)
        assert is_shard_whole == is_shard_covered or (selection.lists and not is_shard_whole)
        result[array_region] = chunk[chunk_region]
    same(result, selected)


def chunk_items(items, grid, place):
    return items[
        tuple(
            slice(coord * length, (coord + 1) * length)
            for coord, length in zip(place, grid.chunk_shape, strict=True)
        )
    ]


def inner_places(grid, shard_coords):
    """The places of a shard's inner chunks within the array, in C order, with their numbers."""
    counts = [s // c for s, c in zip(grid.shards.chunk_shape, grid.chunk_shape, strict=True)]
    numbers = np.arange(np.prod(counts, dtype=int)).reshape(
        [counts[axis] for axis in grid.shard_order]
    )
    numbers = numbers.transpose(np.argsort(grid.shard_order)) if counts else numbers
    for coords in np.ndindex(*counts):
        place = tuple(
            shard * count + coord
            for shard, count, coord in zip(shard_coords, counts, coords, strict=True)
        )
        if all(coord < count for coord, count in zip(place, grid.grid_shape, strict=True)):
            yield place, numbers[coords]


@pytest.mark.parametrize(
    ("shards", "order", "message"),
    [
        ((8, 4), None, "inner chunk shape (2, 3): must divide shard shape (8, 4) on axis 1"),
        ((0, 3), None, "inner chunk shape (2, 3): must divide shard shape (0, 3) on axis 0"),
        ((8,), None, "shards: found 1 lengths, expected 2"),
        ((8, 6), (0, 0), "order: found (0, 0), expected each of 2 axes once"),
    ],
)
def test_shards_that_do_not_fit_are_refused(shards, order, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Grid((9, 9), (2, 3), 1, None, shards, order)


class Grown(RuleBasedStateMachine):
    """Long random use of one array: write, resize, append, copy, next to a NumPy array."""

    @initialize(
        shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=9),
        chunk=st.integers(1, 5),
        dtype=st.sampled_from(["i2", ">f8", "S3"]),
        clevel=st.sampled_from([0, 5]),
        keeps_empty=st.booleans(),
    )
    def start(self, shape, chunk, dtype, clevel, keeps_empty):
        self.expected = np.zeros(shape, dtype)
        self.z = zarr.zeros(
            shape, chunks=chunk, dtype=dtype, clevel=clevel, write_empty_chunks=keeps_empty
        )

    @rule(data=st.data(), seed=st.integers(0, 99))
    def write(self, data, seed):
        selection = data.draw(selections(self.expected.shape))
        values = random_array(np.shape(self.expected[selection]), self.expected.dtype, seed)
        self.z[selection] = values
        self.expected[selection] = values

    @rule(data=st.data())
    def clear(self, data):
        selection = data.draw(selections(self.expected.shape))
        self.z[selection] = np.zeros((), self.expected.dtype)
        self.expected[selection] = np.zeros((), self.expected.dtype)

    @rule(data=st.data())
    def resize(self, data):
        shape = tuple(
            data.draw(st.one_of(st.none(), st.integers(0, 12))) for _ in self.expected.shape
        )
        self.z.resize(shape)
        before = self.expected
        self.expected = np.zeros(
            [b if a is None else a for a, b in zip(shape, before.shape, strict=True)], before.dtype
        )
        common = tuple(
            slice(min(a, b)) for a, b in zip(self.expected.shape, before.shape, strict=True)
        )
        self.expected[common] = before[common]

    @precondition(lambda self: max(self.expected.shape) < 25)
    @rule(data=st.data(), seed=st.integers(0, 99), length=st.integers(0, 4))
    def append(self, data, seed, length):
        axis = data.draw(st.integers(0, self.expected.ndim - 1))
        shape = list(self.expected.shape)
        shape[axis] = length
        values = random_array(tuple(shape), self.expected.dtype, seed)
        shape = self.z.append(values, axis=axis - data.draw(st.sampled_from([0, len(shape)])))
        self.expected = np.concatenate(
            [self.expected, values], axis=axis, dtype=self.expected.dtype
        )
        assert shape == self.expected.shape

    @rule()
    def copy(self):
        before, self.z = self.z, self.z.copy()
        before[...] = np.ones((), before.dtype)

    @invariant()
    def is_as_numpys(self):
        same(self.z[...], self.expected)
        assert self.z.nchunks_initialized == self.z.is_initialized.sum()


TestGrown = Grown.TestCase
TestGrown.settings = settings(max_examples=settings().max_examples // 5, stateful_step_count=20)
