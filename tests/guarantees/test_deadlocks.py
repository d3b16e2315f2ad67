"""No deadlock: whatever runs in the middle of a call may use arrays, and nobody waits for ever.

Attacked with code that Python runs where nobody wrote it: destructors and callbacks of weak
references of what the garbage collector finds, in the main thread and in workers, in stores and
codecs written in Python, and while objects are converted; handlers of signals in the middle of all
that; callbacks of an event loop. What they do is done, or refused by the documented RuntimeError.
"""

import textwrap

import pytest
from processes import run

#: Arrays in the middle of whose calls Python runs code; each runs in a process of its own.
ARRAYS = """
    import asyncio, gc, os, signal, sys, threading, time, weakref
    import numpy as np
    import zarr
    from zarr.codecs import BytesBytesCodec, BytesCodec, ShardingCodec, register_codec
    from zarr.storage import LocalStore, MemoryStore, WrapperStore

    class Busy(BytesBytesCodec):
        '''A codec that makes garbage, and lets others run.'''
        name = "test.busy"
        def encode(self, data):
            make_garbage()
            return bytes(data)
        def decode(self, data, max_nbytes):
            make_garbage()
            return bytes(data)

    class BusyStore(WrapperStore):
        def _get(self, key, byte_range=None):
            make_garbage()
            return super()._get(key, byte_range)
        def _set(self, key, value):
            make_garbage()
            super()._set(key, value)

    register_codec("test.busy", Busy)
    kind = sys.argv[1]
    layout = {"shape": (40, 30_000), "chunks": (1, 30_000), "dtype": "i4"}
    store = None
    match kind:
        case "codec": layout["compressors"] = [Busy()]
        case "store": store = BusyStore(MemoryStore())
        case "text": layout.update(dtype=str, shape=(40, 300), chunks=(1, 300))
        case "shards":
            codecs = [BytesCodec("little"), Busy()]
            layout.update(chunks=(4, 30_000), codecs=[ShardingCodec((1, 30_000), codecs=codecs)])
        case "sharded store":
            store = BusyStore(MemoryStore())
            layout.update(shards=(4, 30_000))

    done, refused, is_using = [], [], threading.Lock()

    def use_arrays():
        '''All that changes an array, the one in whose call this runs, and another.

        Not in the middle of itself, nor in two threads at once.
        '''
        if not is_using.acquire(blocking=False):
            return
        try:
            for change in (
                lambda: z.__setitem__((slice(None), slice(2)), one),
                lambda: z.__setitem__((3, 3), one),
                lambda: z.__setitem__(5, one),
                lambda: z.append(np.full((1, z.shape[1]), one)),
                lambda: z.resize(40, z.shape[1]),
                lambda: z.attrs.__setitem__("a", 1),
                lambda: other.append([1]),
                lambda: other.__setitem__(0, 1),
                lambda: z[:3, :9],
                lambda: z.copy(),
            ):
                try:
                    change()
                    done.append(change)
                except RuntimeError as error:
                    refused.append(str(error))
        finally:
            is_using.release()

    used = [0]

    def make_garbage():
        pass

    one = "1" if kind == "text" else 1
    other = zarr.zeros(3, chunks=1, compressors=[Busy()])
    z = zarr.create_array(store, **layout)
    z[...] = one

    def calls():
        z[...] = one
        z[:, 1:-1] = one
        z[...]
        z.oindex[[1, 5, 7], :5] = one
        z.append(np.full((2, z.shape[1]), one))
        z.resize(40, z.shape[1])
        z.write_future(slice(None), one).result(60)
        z.copy()

    def check():
        for message in refused:
            assert "in the middle of a" in message, message
        found = z[...]
        assert (found[:40] == one).all()
        assert done, refused
        print("done")
"""

ATTACKS = {
    "destructor": """
        class Garbage:
            def __init__(self):
                self.itself = self
            def __del__(self):
                use_arrays()

        def make_garbage():
            if not is_using.locked() and used[0] < 60:
                used[0] += 1
                Garbage()
                gc.collect(0)

        calls()
        gc.set_threshold(1)
        for _ in range(3):
            Garbage()
            calls()
        gc.set_threshold(700)
        check()
    """,
    "weak reference": """
        class Garbage:
            pass

        known = []

        def make_garbage():
            if not is_using.locked() and used[0] < 60:
                used[0] += 1
                thing = Garbage()
                known.append(weakref.ref(thing, lambda _: use_arrays()))
                del thing

        calls()
        thing = Garbage()
        known.append(weakref.ref(thing, lambda _: use_arrays()))
        del thing
        calls()
        check()
    """,
    "signal": """
        signal.signal(signal.SIGALRM, lambda *_: use_arrays())

        def make_garbage():
            time.sleep(0.0005)

        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.03)
        for _ in range(5):
            calls()
        signal.setitimer(signal.ITIMER_REAL, 0)
        check()
    """,
    "threads": """
        def make_garbage():
            if not is_using.locked() and used[0] < 60:
                used[0] += 1
                use_arrays()

        threads = [threading.Thread(target=use_arrays) for _ in range(3)]
        for thread in threads: thread.start()
        calls()
        for thread in threads: thread.join()
        check()
    """,
    "event loop": """
        async def main():
            loop = asyncio.get_running_loop()
            for _ in range(3):
                task = asyncio.ensure_future(z.async_[:].set(one))
                for _ in range(3):
                    loop.call_soon(use_arrays)
                    await asyncio.sleep(0)
                await task
                more = np.full((1, z.shape[1]), one)
                await asyncio.gather(z.async_[:3].get(), z.append_async(more))
                await z.resize_async(40, z.shape[1])

        asyncio.run(main())
        check()
    """,
}


@pytest.mark.parametrize("kind", ["native", "codec", "store", "text", "shards", "sharded store"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_code_in_the_middle_of_a_call_may_use_arrays(attack, kind):
    script = textwrap.dedent(ARRAYS) + textwrap.dedent(ATTACKS[attack])
    assert run(script, kind, timeout=100) == "done\n"
