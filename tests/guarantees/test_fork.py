"""fork works, idle or busy: the child reads, writes, appends, makes arrays, and ends.

Attacked with forks of a process whose threads read and write all the time, in memory, on disk and
in shards, append, set attributes and wait for futures; with the pools of the standard library, by
every way to start processes; and with workers as a data loader has them, which are forked from a
busy process, live for several epochs, and read batches from a sharded array.
"""

import sys
import textwrap
from pathlib import Path

import pytest
from processes import end, run, start

HERE = Path(__file__).parent


@pytest.mark.forks
@pytest.mark.parametrize(("state", "share"), [("idle", 0.2), ("busy", 0.8)])
def test_no_child_hangs(state, share, scale, tmp_path):
    count = int(scale(60, 1000) * share)
    longest = end(start(HERE / "forking.py", tmp_path, state, count), scale(300, 7200))
    print(f"{state}: {count} forks, the longest took {longest.strip()} s", file=sys.stderr)


POOL = """
    import itertools, multiprocessing, sys, threading
    from concurrent.futures import ProcessPoolExecutor
    import numpy as np
    import zarr

    def part(z, i):
        z[i, 1:] = -i
        return int(z[i, 0])

    def main():
        place, method, pool_kind = sys.argv[1:]
        z = zarr.create_array(place, shape=(40, 300), chunks=(1, 50), shards=(1, 300), dtype="i4")
        z[...] = np.arange(12_000).reshape(z.shape)
        in_memory = zarr.array(z[...], chunks=(1, 50))
        is_over = threading.Event()

        def keep_busy():
            while not is_over.is_set():
                in_memory[::2, 3:] = 5
                in_memory[...]
                in_memory.read_future(3).result(60)

        threads = [threading.Thread(target=keep_busy) for _ in range(2)]
        for thread in threads:
            thread.start()
        context = multiprocessing.get_context(method)
        if pool_kind == "Pool":
            with context.Pool(3) as pool:
                found = pool.starmap_async(part, [(z, i) for i in range(40)], chunksize=1).get(100)
        else:
            with ProcessPoolExecutor(3, mp_context=context) as pool:
                found = list(pool.map(part, itertools.repeat(z), range(40), timeout=100))
        is_over.set()
        for thread in threads:
            thread.join()
        assert found == list(range(0, 12_000, 300)), found
        assert (z[:, 1:] == -np.arange(40)[:, None]).all()
        print("done")

    if __name__ == "__main__":
        main()
"""


@pytest.mark.parametrize(
    "method", [pytest.param("fork", marks=pytest.mark.forks), "spawn", "forkserver"]
)
@pytest.mark.parametrize("pool", ["Pool", "ProcessPoolExecutor"])
def test_pools_of_processes(pool, method, tmp_path):
    script = tmp_path / "main.py"  # which the processes that are spawned import
    script.write_text(textwrap.dedent(POOL))
    assert end(start(script, tmp_path / "a", method, pool), 120) == "done\n"


@pytest.mark.forks
def test_workers_of_a_data_loader(tmp_path, scale):
    """As torch has them: one queue of indices for each worker, one of batches for all."""
    script = """
        import multiprocessing, queue, sys, threading
        import numpy as np
        import zarr
        from zarr.storage import LocalStore

        EPOCHS, WORKERS = int(sys.argv[2]), 3
        items = np.arange(600 * 64, dtype="f4").reshape(600, 8, 8)
        z = zarr.create_array(
            LocalStore(sys.argv[1]), shape=items.shape, chunks=(1, 8, 8), shards=(50, 8, 8),
            dtype="f4",
        )
        z[...] = items
        other = zarr.array(items, chunks=(10, 8, 8))

        def work(dataset, indices, batches):
            while (batch := indices.get()) is not None:
                number, chosen = batch
                one_by_one = np.stack([dataset[i] for i in chosen])
                assert (dataset.oindex[chosen] == one_by_one).all()
                batches.put((number, one_by_one))

        is_over = threading.Event()

        def keep_busy():
            while not is_over.is_set():
                assert (z[...] == items).all()
                other[::2] = 1
                z.read_future(5).result(60)

        threads = [threading.Thread(target=keep_busy) for _ in range(2)]
        for thread in threads:
            thread.start()
        context = multiprocessing.get_context("fork")
        batches = context.Queue()
        indices = [context.Queue() for _ in range(WORKERS)]
        workers = [
            context.Process(target=work, args=(z, own, batches), daemon=True) for own in indices
        ]
        for worker in workers:
            worker.start()
        rng = np.random.default_rng(0)
        for epoch in range(EPOCHS):
            order = rng.permutation(600).reshape(-1, 12)
            for number, chosen in enumerate(order):
                indices[number % WORKERS].put((number, chosen.tolist()))
            for _ in order:
                number, found = batches.get(timeout=100)
                assert (found == items[order[number]]).all()
        for own in indices:
            own.put(None)
        for worker in workers:
            worker.join(60)
            assert worker.exitcode == 0, worker.exitcode
        is_over.set()
        for thread in threads:
            thread.join()
        print("done")
    """
    assert run(script, tmp_path / "a", scale(3, 200), timeout=scale(120, 1200)) == "done\n"
