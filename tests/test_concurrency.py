"""Any number of threads on one array: nothing lost, nothing torn, nobody stuck."""

import contextlib
import itertools
import pickle
import sys
import threading
import time

import numpy as np
import pytest

import zarr

THREADS = 8


@pytest.fixture(autouse=True)
def lively():
    """Have Python's threads take turns a hundred times as often as they do."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 100)
    yield
    sys.setswitchinterval(before)


def in_threads(*functions):
    """Run each function in a thread of its own, all starting together; raise what one raised."""
    errors = []
    start = threading.Barrier(len(functions))

    def run(function):
        try:
            start.wait()
            function()
        except BaseException as error:
            errors.append(error)

    # Daemons: threads that hang are not waited for at the end of the process as well.
    threads = [threading.Thread(target=run, args=(f,), daemon=True) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def until_done(workers, watcher):
    """Run the workers in threads, and the watcher again and again for as long as they run."""
    done = threading.Event()
    left = [len(workers)]
    guard = threading.Lock()

    def worker(function):
        try:
            function()
        finally:
            with guard:
                left[0] -= 1
                if left[0] == 0:
                    done.set()

    def watch():
        while not done.is_set():
            watcher()

    in_threads(*[lambda f=f: worker(f) for f in workers], watch, watch)


COMPRESSION = [
    {"cname": "lz4"},
    {"cname": "zstd", "clevel": 1},
    {"clevel": 0},
    {"cname": "blosclz", "write_empty_chunks": True},
]


@pytest.mark.parametrize("compression", COMPRESSION, ids=str)
def test_no_update_of_a_shared_chunk_is_lost(compression, scale):
    """Each thread counts in slots of its own; all slots lie in the same few chunks."""
    rounds = scale(40_000, 1_000_000) // THREADS // 10
    z = zarr.zeros(THREADS * 10, chunks=27, dtype="i8", **compression)

    def count(thread):
        for _ in range(rounds):
            for i in range(thread, THREADS * 10, THREADS):
                z[i] = z[i] + 1

    in_threads(*[lambda t=t: count(t) for t in range(THREADS)])
    assert z[:].tolist() == [rounds] * THREADS * 10


def test_no_update_is_lost_while_chunks_come_and_go(scale):
    """Slots return to the fill value all the time, so that whole chunks vanish and reappear."""
    rounds = scale(500, 20_000)
    z = zarr.zeros(THREADS, chunks=THREADS // 2, dtype="i4", cname="lz4")

    def toggle(slot):
        for i in range(rounds):
            z[slot] = i % 3
            assert z[slot] == i % 3

    in_threads(*[lambda s=s: toggle(s) for s in range(THREADS)])
    assert z[:].tolist() == [(rounds - 1) % 3] * THREADS


@pytest.mark.parametrize("compression", COMPRESSION, ids=str)
@pytest.mark.parametrize("part", [slice(0, 1000), slice(100, 900)], ids=["whole", "part"])
def test_readers_see_whole_versions_of_a_chunk(part, compression, scale):
    """Within a chunk all items of the part are written at once, so they are always the same."""
    z = zarr.full(1000, 1, chunks=1000, dtype="i4", **compression)
    rounds = scale(2000, 50_000)

    def overwrite(value):
        for i in range(rounds):
            z[part] = value + 2 * (i % 3)

    seen = set()

    def read():
        values = z[part]
        assert (values == values[0]).all()
        assert z[part.start] in range(1, 8)
        some = z[part.start : part.stop : 7]
        assert (some == some[0]).all()
        seen.add(int(values[0]))

    until_done([lambda: overwrite(1), lambda: overwrite(2)], read)
    assert seen <= {1, 2, 3, 4, 5, 6}
    assert len(seen) > 1


def test_readers_see_whole_versions_of_thousands_of_small_chunks(scale):
    """Their values are exchanged, and freed, while readers take hold of them."""
    z = zarr.full((20_000, 2), 1, chunks=(1, 2), dtype="i4", clevel=0)

    def overwrite(value):
        for i in range(scale(60, 3000)):
            z[:] = value + i % 5

    def read():
        values = z[:]
        assert (values[:, 0] == values[:, 1]).all()
        assert values.min() > 0
        assert values.max() < 17

    until_done([lambda: overwrite(1), lambda: overwrite(11)], read)


def test_copies_and_pickles_made_meanwhile_are_whole(scale):
    """A copy waits for the writes under way, so it shows each of them in all chunks or in none."""
    z = zarr.zeros((4, 500), chunks=(1, 250), dtype="i4", cname="lz4")
    rounds = scale(300, 5_000)

    def overwrite():
        for i in range(rounds):
            z[:] = i

    def look():
        for y in (z.copy(), pickle.loads(pickle.dumps(z))):
            values = y[:]
            assert (values == values[0, 0]).all()
        for chunk in z.iter_chunks():
            values = chunk.read()
            assert (values == values[0, 0]).all()
        assert z.nchunks_initialized <= 8
        assert repr(z)

    until_done([overwrite], look)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("length", [1, 7])
def test_every_appended_block_is_there_once_and_whole(axis, length, scale):
    count = scale(100, 1000)
    shape = [5, 5]
    shape[axis] = 0
    z = zarr.zeros(shape, chunks=4, dtype="i4", cname="lz4")
    shape[axis] = length
    shapes = []

    def append(thread):
        for value in range(thread * count + 1, (thread + 1) * count + 1):
            shape_then = z.append(np.full(shape, value), axis=axis)
            shapes.append(shape_then)

    def read():
        """What is there is whole blocks."""
        data = np.moveaxis(z[:], axis, 0)
        assert len(data) % length == 0
        assert (data.reshape(-1, length * 5) == data[::length, :1]).all()
        assert (data > 0).all()

    until_done([lambda t=t: append(t) for t in range(THREADS)], read)
    assert z.shape[axis] == THREADS * count * length
    assert len(set(shapes)) == THREADS * count
    blocks = np.moveaxis(z[:], axis, 0)[::length, 0]
    assert sorted(blocks) == list(range(1, THREADS * count + 1))
    for thread in range(THREADS):
        own = [b for b in blocks if (b - 1) // count == thread]
        assert own == sorted(own)


def test_writes_to_an_array_that_is_resized_are_kept_where_they_fit(scale):
    z = zarr.zeros((50, 50), chunks=(7, 9), dtype="i4", cname="lz4")
    rounds = scale(300, 5000)

    def resize():
        for i in range(rounds):
            z.resize(50 + i % 40, 60 - i % 10)

    def write(row):
        for i in range(rounds):
            z[row, :50] = i + 1
            assert (z[row, :50] == i + 1).all()

    in_threads(resize, *[lambda r=r: write(r) for r in range(4)])
    assert (z[:4, :50] == rounds).all()
    assert (z[4:] == 0).all()


def test_nothing_of_what_was_cut_off_comes_back(scale):
    """Two threads write to the chunk that another cuts and grows, up to where it is cut."""
    z = zarr.full(100, -1, chunks=16, dtype="i2", clevel=0)
    done = threading.Event()

    def cut():
        for _ in range(scale(100, 5000)):
            z.resize(37)
            z.resize(100)
        done.set()

    def fill():
        while not done.is_set():
            z[:37] = 5

    in_threads(cut, fill, fill)
    z[:37] = 5
    assert z[:].tolist() == [5] * 37 + [-1] * 63


def test_a_cut_takes_with_it_what_is_written_at_the_same_time(scale):
    """Writers fill all of the array, whatever its length, and know no error but IndexError."""
    z = zarr.full((100, 6), -1, chunks=(16, 4), dtype="i2", cname="lz4")

    def fill(value):
        for _ in range(3):
            z[:] = value
            for row in (37, 99):
                with contextlib.suppress(IndexError):
                    z[row, 5] = value

    for value in range(scale(300, 5000)):
        in_threads(lambda v=value: fill(v), lambda: z.resize(37, 3), lambda v=value: fill(v))
        z.resize(100, 6)
        assert (z[:37, :3] == value).all()
        assert (z[37:] == -1).all()
        assert (z[:, 3:] == -1).all()


def test_reads_of_an_array_that_is_cut_are_of_one_shape(scale):
    z = zarr.zeros((40, 30), chunks=(8, 7), dtype="i4", cname="lz4")
    z[:] = 3

    def resize():
        for _ in range(scale(500, 10_000)):
            z.resize(20, 30)
            z.resize(40, 30)
            z[20:] = 3

    def read():
        data = z[:]
        assert data.shape in [(20, 30), (40, 30)]
        assert (data[:20] == 3).all()
        with contextlib.suppress(IndexError):
            assert z[39, 29] in (0, 3)

    until_done([resize], read)


def test_what_an_array_tells_of_itself_while_it_grows_and_shrinks(scale):
    """Each figure is of one moment; none is of an append that is not done yet."""
    z = zarr.zeros((30, 4), chunks=(2, 4), dtype="i4", cname="lz4")
    z[:] = 1

    def change():
        for _ in range(scale(300, 10_000)):
            z.append(np.ones((40, 4), "i4"))
            z.resize(30, 4)

    def look():
        assert len(list(z.iter_chunks())) <= 35
        assert z.is_initialized.all()
        for chunk in z.iter_chunks():
            with contextlib.suppress(IndexError):
                assert (chunk.read() == 1).all()
        for _, chunk in zip(range(50), z.enumerate_chunks(), strict=False):
            assert chunk is not None
        assert repr(z).startswith("zarr.ext.Array((")
        assert repr(z.info)
        assert z._repr_html_()

    until_done([change], look)


def test_parallel_writes_give_what_serial_writes_give(scale):
    """Eight regions of random bounds, which share chunks on all axes but no item."""

    def write(array, piece):
        region, step, value = piece
        array[(*region, slice(None, None, step))] = value
        array[(*region, 3)] = -value

    for seed in range(scale(20, 1000)):
        rng = np.random.default_rng(seed)
        serial = zarr.zeros((60, 60, 8), chunks=(11, 13, 3), dtype="f4", cname="zstd", clevel=1)
        parallel = zarr.zeros_like(serial)
        rows, columns = (np.sort(rng.choice(61, count + 1, replace=False)) for count in (4, 2))
        pieces = [
            ((slice(*rows_), slice(*columns_)), rng.choice([1, 2, -1, -3]), rng.random(dtype="f4"))
            for rows_ in itertools.pairwise(rows)
            for columns_ in itertools.pairwise(columns)
        ]
        for piece in pieces:
            write(serial, piece)
        in_threads(*[lambda p=p, z=parallel: write(z, p) for p in pieces])
        assert np.array_equal(serial[:], parallel[:]), seed
        frames = [[chunk.encoded for chunk in z.iter_chunks()] for z in (serial, parallel)]
        assert frames[0] == frames[1], seed


def test_arrays_are_assigned_to_each_other_from_both_sides(scale):
    """Neither waits for the other: a value is read before the gate of the target is passed."""
    a = zarr.full((20, 20), 1, chunks=6, dtype="i4")
    b = zarr.full((20, 20), 2, chunks=6, dtype="i4")

    def assign(target, source):
        for _ in range(scale(50, 2000)):
            target[:] = source
            target[3:9] = source[3:9]

    in_threads(lambda: assign(a, b), lambda: assign(b, a), lambda: assign(a, a))
    assert set(np.unique([a[:], b[:]])) <= {1, 2}


def test_attributes_set_by_several_threads_are_all_there(scale):
    z = zarr.zeros(3)
    count = scale(100, 500)

    def put(thread):
        for i in range(count):
            z.attrs[f"{thread}.{i}"] = i
            list(z.attrs)
            z.attrs.asdict()

    in_threads(*[lambda t=t: put(t) for t in range(THREADS)])
    assert len(z.attrs) == THREADS * count


def test_an_array_may_vanish_while_others_share_its_chunks():
    """Copies share encoded chunks; each count of them must be right from any thread."""
    z = zarr.array(np.arange(10000).reshape(100, 100), chunks=10)
    expected = z[:]

    def churn():
        for i in range(50):
            y = z.copy()
            y[i] = -1
            del y
            x = pickle.loads(pickle.dumps(z.copy()))
            assert (x[:] == expected).all()

    in_threads(*[churn] * 4)
    assert (z[:] == expected).all()


def test_a_read_does_not_wait_for_a_write():
    """While a long write of the same chunk runs, small reads go on, and see the old version."""
    rng = np.random.default_rng(1)
    data = rng.integers(0, 1000, 6_000_000)
    z = zarr.zeros(6_000_000, chunks=6_000_000, dtype="i8", cname="zstd", clevel=9)
    z[5] = 7
    started, ended = threading.Event(), threading.Event()

    def write():
        started.set()
        z[: len(data) - 1] = data[:-1]
        ended.set()

    seen = []

    def read():
        started.wait()
        time.sleep(0.05)
        while not ended.is_set():
            value = z[5]
            if not ended.is_set():
                seen.append(value)

    in_threads(write, read)
    assert len(seen) > 10
    assert seen[0] == 7
    assert z[5] == data[5]
