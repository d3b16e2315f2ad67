"""Lazy views: indices composed without reading; NumPy is the oracle."""

import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import zarr
from zarr.lazy import LazyView

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6)


def outer(items, selection):
    """Return NumPy's view or copy of items, each list of indices being for its own axis."""
    entries = list(selection)
    lists = [(i, e) for i, e in enumerate(entries) if isinstance(e, (list, np.ndarray))]
    for i, _ in lists:
        entries[i] = slice(None)
    # Lists behind entries that drop axes are applied first, on the axes of the array.
    axis = 0
    for i, entry in enumerate(selection):
        if entry is not None:
            if isinstance(entry, (list, np.ndarray)):
                items = items[(slice(None),) * axis + (np.asarray(entry, selected_dtype(entry)),)]
            axis += 1
        assert i < len(entries)
    return items[tuple(entries)]


def selected_dtype(entry):
    return bool if len(entry) and isinstance(entry[0], (bool, np.bool_)) else np.intp


@st.composite
def selections(draw, shape):
    """Draw an entry for each axis, and new axes between."""
    entries = []
    for length in shape:
        if draw(st.integers(0, 9)) == 0:
            entries.append(None)
        kinds = [st.slices(length), st.just(slice(None))]
        if length:
            kinds.append(st.integers(-length, length - 1))
            kinds.append(st.lists(st.integers(-length, length - 1), min_size=1, max_size=5))
            kinds.append(st.lists(st.booleans(), min_size=length, max_size=length))
        entries.append(draw(st.one_of(kinds)))
    return tuple(entries)


def make(shape, draw):
    items = np.arange(np.prod(shape, dtype=int), dtype="i4").reshape(shape)
    z = zarr.empty(shape, chunks=tuple(draw(st.integers(1, n + 1)) for n in shape), dtype="i4")
    z[...] = items
    return z, items


def composed(data, view, items, depth):
    for _ in range(depth):
        selection = data.draw(selections(view.shape))
        view, items = view[(*selection, ...)], outer(items, selection)
        assert isinstance(view, LazyView)
        assert (view.shape, view.ndim, view.size) == (items.shape, items.ndim, items.size)
    return view, items


@given(data=st.data(), shape=SHAPES, depth=st.integers(0, 3))
def test_views_of_views_read_what_numpy_reads(data, shape, depth):
    z, items = make(shape, data.draw)
    view, items = composed(data, z.lazy[...], items, depth)
    for result in (np.asarray(view), view[...], view.result(), view[()]):
        np.testing.assert_array_equal(result, items)
        assert np.shape(result) == items.shape
    assert view.dtype == "i4"
    assert view.nbytes == items.nbytes


@given(data=st.data(), shape=SHAPES, depth=st.integers(0, 2))
def test_views_write_through(data, shape, depth):
    z, items = make(shape, data.draw)
    numbers = np.arange(items.size).reshape(shape)
    view, numbers = composed(data, z.lazy[...], numbers, depth)
    selection = data.draw(selections(view.shape))
    chosen = outer(numbers, selection)
    # One of the values is kept for an item that was selected twice.
    value = -1 - chosen.astype("i4")
    if data.draw(st.booleans()) and chosen.size:
        value = np.int32(-7)
    elif data.draw(st.booleans()):
        value = value[None]
    view[(*selection, ...)] = value
    expected = items.ravel().copy()
    expected[chosen.ravel()] = np.broadcast_to(
        value, chosen.shape if np.ndim(value) <= chosen.ndim else value.shape
    ).ravel()
    np.testing.assert_array_equal(z[...], expected.reshape(shape))


def test_nothing_is_read_before_it_is_asked_for():
    reads = []

    class Watched(zarr.Array):
        def __getitem__(self, selection):
            reads.append(selection)
            return super().__getitem__(selection)

    z = Watched((10**12, 10**6), chunks=(10**3, 10**3), dtype="i1")
    view = z.lazy[10 : 10**11, ::2][::3][5:, 7:9]
    assert view.shape == (33333333325, 2)
    assert repr(view).startswith("<zarr.lazy.LazyView (33333333325, 2) int8 of ")
    assert not reads
    assert view[-2:][...].tolist() == [[0, 0], [0, 0]]
    assert reads == [(slice(99999999994, 100000000000, 3), slice(14, 18, 2))]


def test_scalars_and_zero_dimensions():
    z = zarr.array([[1, 2], [3, 4]])
    assert z.lazy[1, 0][...] == 3
    assert isinstance(z.lazy[1, 0].result(), np.int64)
    assert z.lazy[1, 0].shape == ()
    with pytest.raises(TypeError, match="0-d"):
        len(z.lazy[1, 0])
    view = z.lazy[1]
    assert len(view) == 2
    assert [int(item[...]) for item in view] == [3, 4]
    z.lazy[0, 1][...] = 9
    assert z[0, 1] == 9
    assert np.asarray(z.lazy[0], dtype="f4").dtype == "f4"
    with pytest.raises(ValueError, match=r"^copy: found False"):
        np.asarray(z.lazy[0], copy=False)


def test_new_axes_take_and_lose_nothing():
    z = zarr.array(np.arange(6).reshape(2, 3))
    view = z.lazy[:, None][..., 1]
    assert view.shape == (2, 1)
    assert view[:, 0][...].tolist() == [1, 4]
    assert view[:, [0]].shape == (2, 1)
    view[...] = [[7], [8]]
    assert z[:, 1].tolist() == [7, 8]
    assert view[:, 1:].shape == (2, 0)
    view[:, 1:][...] = 5
    assert view[:, [0, 0]][...].tolist() == [[7, 7], [8, 8]]
    view[:, [0, 0]] = [[1, 2], [3, 4]]
    assert z[:, 1].tolist() == [2, 4]
    with pytest.raises(ValueError, match=r"^value: shape \(3,\) cannot be broadcast"):
        view[...] = [1, 2, 3]


def test_a_view_of_an_array_that_is_resized():
    z = zarr.array(np.arange(10), chunks=3)
    view, last = z.lazy[2:5], z.lazy[[9, 0]]
    z.append([10, 11])
    assert z.lazy[...].shape == (12,)
    assert view[...].tolist() == [2, 3, 4]
    z.resize(5)
    assert view[...].tolist() == [2, 3, 4]
    z.resize(4)
    message = "^axis 0: found length 4, expected at least 5: the array was resized"
    with pytest.raises(IndexError, match=message):
        view.result()
    with pytest.raises(IndexError, match=message):
        view[:] = 1
    with pytest.raises(IndexError, match="expected at least 10"):
        last.result()
    assert view[:1][...].tolist() == [2]
    assert z.lazy[4:][...].shape == (0,)


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ((0, 0, 0), "selection: found 3 indices, expected at most 2, one for each axis"),
        ((..., ...), "selection: found 2 ellipses, expected at most one"),
        (4, "axis 0: index 4 is out of range for length 4"),
        ([0, -5], "axis 0: index -5 is out of range for length 4"),
        ((0, np.array([5], "u8")), "axis 1: index 5 is out of range for length 5"),
        ([True, False], "axis 0: found 2 booleans, expected 4"),
        (1.5, "axis 0: found 1.5, expected an integer, a slice, a list"),
        (True, "axis 0: found True, expected"),
        ("f", "axis 0: found 'f', expected"),
        ([[0]], "axis 0: found [[0]], expected"),
        ((0, [0.5]), "axis 1: found [0.5], expected"),
    ],
)
def test_errors(selection, message):
    z = zarr.zeros((4, 5))
    for view in (z.lazy, z.lazy[...], z.lazy[[0, 1, 2, 3]]):
        with pytest.raises(IndexError, match="^" + re.escape(message)):
            view[selection]


def test_views_are_pickled_with_their_array():
    view = pickle.loads(pickle.dumps(zarr.array([1, 2, 3]).lazy[::-1]))
    assert view[...].tolist() == [3, 2, 1]
