"""Slabs: how whole arrays are cut in parts, and the threads that treat these."""

import math
import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr
from zarr import slabs

AXES = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 9), st.integers(1, 9)), min_size=0, max_size=3
)


@given(axes=AXES, itemsize=st.integers(1, 16), max_nbytes=st.integers(1, 5000))
def test_a_slab_is_made_of_whole_units_and_as_large_as_fits(axes, itemsize, max_nbytes):
    shape = tuple(length for length, _, _ in axes)
    unit = tuple(unit for _, unit, _ in axes)
    grown = slabs.grown_unit(unit, shape, itemsize, max_nbytes)
    assert all(n % u == 0 and n >= u for n, u in zip(grown, unit, strict=True))
    nbytes = slabs.nbytes_of(grown, shape, itemsize)
    assert nbytes <= max(max_nbytes, slabs.nbytes_of(unit, shape, itemsize))
    for axis in range(len(shape)):
        wider = tuple(n + unit[a] * (a == axis) for a, n in enumerate(grown))
        is_all = grown[axis] >= shape[axis]
        fits = slabs.nbytes_of(wider, shape, itemsize) <= max_nbytes
        has_room_behind = any(
            n < length for n, length in zip(grown[axis + 1 :], shape[axis + 1 :], strict=True)
        )
        # Only along the axis that growing ended at, and those before it, is there room.
        assert is_all or not fits or has_room_behind


@given(axes=AXES, max_nbytes=st.integers(1, 5000))
def test_units_are_joined_where_they_fit(axes, max_nbytes):
    shape = tuple(length for length, _, _ in axes)
    one, other = tuple(u for _, u, _ in axes), tuple(u for _, _, u in axes)
    common = slabs.common_unit(one, [other], shape, 2, max_nbytes)
    both = tuple(map(math.lcm, one, other))
    assert common == (both if slabs.nbytes_of(both, shape, 2) <= max_nbytes else one)


@given(data=st.data(), axes=AXES)
def test_slabs_cover_all_items_once(data, axes):
    shape = tuple(length for length, _, _ in axes)
    order = data.draw(st.permutations(range(len(shape))))
    seen = np.zeros(shape, int)
    last = None
    for slab in slabs.slabs_of(shape, tuple(unit for _, unit, _ in axes), order):
        seen[slab] += 1
        starts = [slab[axis].start for axis in order]
        assert last is None or last < starts
        last = starts
    assert (seen == 1).all()


def test_a_slab_of_an_array_that_shrank_is_refused():
    z = zarr.ones((6, 4))
    assert slabs.read_slab(z, (slice(2, 4), slice(0, 4))).shape == (2, 4)
    assert isinstance(slabs.read_slab(zarr.ones(()), ()), np.ndarray)
    z.resize(3, 4)
    with pytest.raises(ValueError, match=r"^array: was resized during the call, found \(1, 4\)"):
        slabs.read_slab(z, (slice(2, 4), slice(0, 4)))


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_order_on_the_callers_thread(workers):
    taken = []
    here = threading.current_thread()
    started = threading.active_count()

    def take(result):
        assert threading.current_thread() is here
        taken.append(result)

    with zarr.config.set({"threading.max_workers": workers}):
        slabs.run_in_order(lambda n: n * n, iter(range(200)), take)
    assert taken == [n * n for n in range(200)]
    assert threading.active_count() == started


def test_as_many_threads_work_at_once_as_are_set_and_memory_allows():
    barrier = threading.Barrier(3)
    with zarr.config.set({"threading.max_workers": 3}):
        # Returns only if three are in there at the same time.
        slabs.run_in_order(lambda _: barrier.wait(30), range(9))
        names = set()
        slabs.run_in_order(
            lambda _: names.add(threading.current_thread()),
            range(9),
            slab_nbytes=slabs.MAX_NBYTES,
        )
    assert names == {threading.current_thread()}


@pytest.mark.parametrize("workers", [1, 3])
def test_the_first_failure_is_raised_and_stops_the_others(workers):
    begun = []
    started = threading.active_count()

    def work(n):
        begun.append(n)
        if n in (4, 5):
            raise KeyError(n)

    with zarr.config.set({"threading.max_workers": workers}), pytest.raises(KeyError, match=r"^4$"):
        slabs.run_in_order(work, range(1000))
    assert len(begun) < 50
    assert threading.active_count() == started


def test_what_interrupts_the_caller_stops_the_threads():
    begun = []

    def take(_):
        raise KeyboardInterrupt

    with zarr.config.set({"threading.max_workers": 2}), pytest.raises(KeyboardInterrupt):
        slabs.run_in_order(begun.append, range(1000), take)
    assert len(begun) < 50


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_stops_the_threads(workers):
    begun = []
    here = threading.main_thread().ident

    def work(n):
        begun.append(n)
        if n == 5:
            signal.pthread_kill(here, signal.SIGINT)
        time.sleep(0.001)

    with zarr.config.set({"threading.max_workers": workers}), pytest.raises(KeyboardInterrupt):
        slabs.run_in_order(work, range(10**6))
    assert len(begun) < 1000


def test_what_is_under_way_stops_at_its_next_chunk(hooked):
    """And a second interruption leaves nothing of it behind."""
    z = zarr.zeros((2, 100), chunks=1, dtype="i4", compressors=[hooked()])
    z[...] = 1
    treated = []
    here = threading.main_thread().ident

    def hook():
        treated.append(None)
        if len(treated) in (5, 10):
            signal.pthread_kill(here, signal.SIGINT)
        time.sleep(0.005)

    hooked.hook = hook
    with zarr.config.set({"threading.max_workers": 2}), pytest.raises(KeyboardInterrupt):
        slabs.run_in_order(lambda row: z[row], range(2))
    count = len(treated)
    assert count < 100
    time.sleep(0.05)
    assert len(treated) == count


def test_numpys_error_state_holds_in_the_threads():
    with (
        zarr.config.set({"threading.max_workers": 2}),
        np.errstate(divide="raise"),
        pytest.raises(FloatingPointError),
    ):
        slabs.run_in_order(lambda n: np.float64(n) / np.zeros(1), [1.0])
