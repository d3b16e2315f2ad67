"""Memory shortage raises MemoryError: the process lives, and what was stored before is intact.

Attacked in three ways: a preloaded library (allocations.c) has the first, the second ... allocation
of a call fail, or all from that one on, until the call has no more of them; it has no thread be
started; and the address space of a process is capped while it reads and writes. After each failure
a chunk, or a shard, is old or new as a whole; the same call is then made again, and is right.
"""

import sys
from pathlib import Path

import pytest
from processes import compiled, end, preloading, run, start

HERE = Path(__file__).parent
#: Large blocks go back to the system at once, so that a limit on memory is felt.
THRIFTY = {"MALLOC_MMAP_THRESHOLD_": "65536"}


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """The library that has allocations fail."""
    return compiled(HERE / "allocations.c", tmp_path_factory.mktemp("allocations"))


@pytest.mark.forks
@pytest.mark.parametrize("workers", [1, 2])
def test_each_allocation_of_a_call_fails_once_and_for_good(shim, tmp_path, scale, workers):
    count = scale(6, 0) if workers > 1 else scale(6, 200)  # of calls; 0: all that are known
    process = start(HERE / "shortage.py", shim, tmp_path, count, workers, env=preloading(shim))
    output = end(process, scale(600, 10_000))
    calls, raised, went_on = map(int, output.split())
    print(f"{calls} calls, {raised} raised, {went_on} did without", file=sys.stderr)
    assert raised > 20 * calls


def test_where_no_thread_can_be_started_the_caller_does_the_work(shim):
    script = """
        import ctypes, os, sys
        import numpy as np
        import zarr

        shim = ctypes.CDLL(sys.argv[1])
        assert shim.allocations_of(os.path.dirname(zarr.__file__).encode()) > 25
        shim.allocations_failed.restype = ctypes.c_long
        shim.allocations_fail_threads(1)
        before = len(os.listdir("/proc/self/task"))
        zarr.set_options({"threading.max_workers": 4})
        for store in (None, {}):
            z = zarr.create_array(store, shape=(64, 10_000), chunks=(1, 10_000), dtype="i4")
            z[:] = np.arange(640_000).reshape(z.shape)
            assert (z[:] == np.arange(640_000).reshape(z.shape)).all()
            z[:, 5:] = 1
            assert z[:, 5:].sum() == 64 * 9995
        assert shim.allocations_failed() > 0, "no thread was wanted"
        assert len(os.listdir("/proc/self/task")) == before
        shim.allocations_fail_threads(0)
        z[:] = 2
        assert len(os.listdir("/proc/self/task")) > before, "threads come when they can be had"
        print("done")
    """
    assert run(script, shim, env=preloading(shim)) == "done\n"


# ------------------------------------------------------------------ the address space is capped


@pytest.mark.limits_memory
def test_a_capped_address_space_leaves_the_chunks_of_an_array_as_they_were():
    script = """
        import numpy as np
        import zarr
        from processes import address_space_left

        # On one thread: what is left over does not depend on how far another has come.
        zarr.set_options({"threading.max_workers": 1})
        for arguments in ({"clevel": 0}, {"cname": "lz4"}, {"cname": "zstd", "clevel": 1},
                          {"cname": "blosclz"}, {"cname": "zlib", "clevel": 1}):
            z = zarr.zeros(2**24, chunks=2**23, dtype="u1", **arguments)
            rng = np.random.default_rng(1)
            z[:2**23] = rng.integers(0, 4, 2**23, "u1")
            expected = z[:]
            original = z.copy()
            value = rng.integers(0, 256, 2**23, "u1")
            failed = 0
            for extra in [2**18, *range(2**20, 2**25, 2**22)]:
                for attempt in (
                    lambda: z[:],
                    lambda: z[5:2**23 - 5 : 3],
                    lambda: z.__setitem__(slice(7, 2**23 - 9), value[7:-9]),
                    lambda: z.__setitem__(slice(2**23, None), value),
                    lambda: z.resize(2**20),
                    lambda: z.append(value),
                ):
                    z = original.copy()
                    try:
                        with address_space_left(extra):
                            attempt()
                    except MemoryError:
                        failed += 1
                        assert np.array_equal(z[:], expected)
            assert np.array_equal(original[:], expected)
            assert failed > 5, (arguments, failed)
    """
    run(script, timeout=600, env=THRIFTY)


@pytest.mark.limits_memory
def test_a_capped_address_space_is_felt_by_c_blosc_itself():
    """C-Blosc does not look whether it got the buffer that it asked for: the guard does."""
    script = """
        import numpy as np
        from processes import address_space_left
        from zarr.codecs import BloscCodec

        data = np.random.default_rng(1).integers(0, 9, 2**21, "u1").tobytes()
        for cname in ("blosclz", "lz4", "zlib", "zstd"):
            codec = BloscCodec(cname=cname, clevel=9, shuffle=1, typesize=4)  # of large blocks
            frame = codec.encode(data)
            outcomes = {"encode": [], "decode": []}
            for extra in range(0, 2**22, 2**16):
                for name, attempt in (
                    ("encode", lambda: codec.encode(data) == frame),
                    ("decode", lambda: codec.decode(frame, len(data)) == data),
                ):
                    try:
                        with address_space_left(extra):
                            outcomes[name].append(attempt())
                    except MemoryError as error:
                        outcomes[name].append(str(error))
            for name, found in outcomes.items():
                assert False not in found, (cname, name)
                assert "blosc: no memory to encode or decode a chunk" in found, (cname, name)
    """
    run(script, timeout=600, env=THRIFTY)


@pytest.mark.limits_memory
def test_a_capped_address_space_is_felt_by_the_workers_too():
    script = """
        import numpy as np
        import zarr
        from processes import address_space_left

        z = zarr.zeros((64, 2**20), chunks=(1, 2**20), dtype="u1", cname="lz4")
        z[:] = np.random.default_rng(1).integers(0, 4, z.shape, "u1")
        expected = z[:]
        failed = 0
        for extra in range(2**20, 2**25, 2**20):
            try:
                with address_space_left(extra):
                    z[:, 3:-3] = expected[:, 3:-3]
                    z[:, ::2]
            except MemoryError:
                failed += 1
            assert np.array_equal(z[:], expected)
        assert failed
    """
    run(script, timeout=600, env=THRIFTY)


@pytest.mark.limits_memory
def test_a_capped_address_space_leaves_the_old_shards(tmp_path):
    script = """
        import sys
        import numpy as np
        import zarr
        from processes import address_space_left
        from zarr.storage import LocalStore, MemoryStore, WrapperStore

        # On one thread: what is left over does not depend on how far another has come.
        zarr.set_options({"threading.max_workers": 1})
        value = np.random.default_rng(1).integers(0, 2**31, (2048, 1024), "i4")
        places = [None, LocalStore(sys.argv[1]), WrapperStore(MemoryStore())]
        for store in places:
            for codecs in ({"compressors": None}, {"cname": "lz4", "checksum": True}):
                z = zarr.create_array(
                    store, shape=(2048, 1024), chunks=(128, 256), shards=(1024, 1024), dtype="i4",
                    overwrite=store is not None, **codecs,
                )
                z[:1024] = value[:1024]
                failed = 0
                for region in (np.s_[:], np.s_[:1024], np.s_[5:2000, 7:900], np.s_[100, ::3]):
                    for extra in [2**16, *range(2**20, 3 * 2**24, 2**22)]:
                        before = z[...]
                        wanted = value[region] + extra % 1000
                        try:
                            with address_space_left(extra):
                                z[region] = wanted
                        except MemoryError:
                            failed += 1
                        after = before.copy()
                        after[region] = wanted
                        found = z[...]
                        for rows in (slice(0, 1024), slice(1024, 2048)):
                            assert np.array_equal(found[rows], before[rows]) or np.array_equal(
                                found[rows], after[rows]
                            ), (store, region, extra)
                        z[region] = wanted
                        assert np.array_equal(z[...], after)
                assert failed > 5, (store, failed)
                for extra in [2**16, *range(2**20, 2**25, 2**22)]:
                    try:
                        with address_space_left(extra):
                            assert np.array_equal(z[3:2000, 4:1000], after[3:2000, 4:1000])
                    except MemoryError:
                        failed += 1
        print("done")
    """
    assert run(script, tmp_path, timeout=1800, env=THRIFTY) == "done\n"
