"""When a call has returned or raised, it is over: nothing is written behind its back.

Ctrl-C raises KeyboardInterrupt within 0.1 s and the time of one chunk. Attacked with SIGINT, sent
by a thread and by another process at random moments of every kind of call, on every kind of place;
with one chunk of many that cannot be written; and with futures and tasks that are cancelled. Then
all that is stored is watched for a while: it stays as it is, each chunk is old or new as a whole,
and the array goes on.
"""

import asyncio
import json
import sys
import time
from concurrent.futures import CancelledError
from pathlib import Path

import interrupts
import numpy as np
import pytest
from processes import end, run, start

import zarr
from zarr.errors import CodecError

HERE = Path(__file__).parent
#: What a busy machine may add to the figure of the promise.
PATIENCE = 2


@pytest.mark.parametrize("place", interrupts.PLACES)
def test_ctrl_c_ends_a_call_soon_and_for_good(place, tmp_path, scale):
    rounds, count = scale((1, 4), (12, 0))  # times; of so many calls, or of all
    process = start(HERE / "interrupts.py", place, tmp_path, rounds, count, 1)
    results = json.loads(end(process, scale(300, 3000)))
    latencies = [(seconds - chunk, name) for name, seconds, chunk in results if seconds is not None]
    print(f"{place}: {len(latencies)} interrupted, the latest {max(latencies)}", file=sys.stderr)
    assert len(latencies) >= len(results) // 2
    assert max(latencies)[0] < 0.1 + PATIENCE


WAITING = """
    import os, signal, threading, time
    import numpy as np
    import zarr
    from zarr.codecs import BytesBytesCodec

    signal.signal(signal.SIGINT, signal.default_int_handler)
    goes_on, is_there = threading.Event(), threading.Event()

    class Waiting(BytesBytesCodec):
        name = "test.waiting"
        def encode(self, data):
            is_there.set()
            goes_on.wait()
            return bytes(data)
        def decode(self, data, max_nbytes):
            return bytes(data)

    z = zarr.zeros(10, chunks=5, dtype="i4", compressors=[Waiting()])
    other = threading.Thread(target=z.append, args=([7] * 10,))
    other.start()
    is_there.wait()
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    begin = time.monotonic()
    try:
        {call}
    except KeyboardInterrupt:
        seconds = time.monotonic() - begin
    goes_on.set()
    other.join()
    assert z[:].tolist() == [0] * 10 + [7] * 10
    z.append([5])
    z[3] = 1
    assert z.shape == (21,)
    print(seconds)
"""


@pytest.mark.parametrize("call", ["z[2] = 5", "z.append([1])", "z.resize(3)", "z.copy()"])
def test_ctrl_c_ends_the_wait_for_another_threads_append(call):
    """The others go on in their order, as if the one who gives up had never come."""
    assert float(run(WAITING.format(call=call))) < 0.3 + PATIENCE


# ------------------------------------------------------------------ errors in one chunk of many


def left_alone(stored):
    """Assert that nothing is written any more."""
    before = stored()
    time.sleep(interrupts.WATCH_SECONDS)
    assert stored() == before


@pytest.mark.parametrize("at", [0, 60, 119])
@pytest.mark.parametrize("damage", ["a folder", "wrong bytes"])
def test_after_an_error_in_one_chunk_of_many_nothing_is_written(tmp_path, at, damage):
    z = zarr.create_array(
        tmp_path / "a", shape=(120, 3000), chunks=(1, 3000), dtype="i4",
        compressors=[interrupts.Slow()], checksum=True,
    )  # fmt: skip
    z[...] = 1
    chunk = tmp_path / "a" / "c" / str(at) / "0"
    if damage == "a folder":
        chunk.unlink()
        (chunk / "inside").mkdir(parents=True)
    else:
        chunk.write_bytes(b"\0" * chunk.stat().st_size)
    interrupts.Slow.delay = 0.002
    try:
        with pytest.raises((OSError, CodecError), match=f"c/{at}/0"):
            z[:, 5:] = 2
        left_alone(lambda: interrupts.files_below(tmp_path))
    finally:
        interrupts.Slow.delay = 0.0
    others = np.delete(np.arange(120), at)
    found = z.oindex[others]
    for row in found:
        assert (row == 1).all() or ((row[:5] == 1).all() and (row[5:] == 2).all())
    # The chunks before it are handed out before it, those behind it not for long after it.
    assert (found[:, 5] == 2).sum() <= at + 8
    z.oindex[others] = 3
    assert (z.oindex[others] == 3).all()


# ------------------------------------------------------------------------------- cancelled calls


@pytest.mark.parametrize("place", ["memory", "folder", "store", "shards"])
def test_after_a_cancelled_future_nothing_is_written(place, tmp_path, scale):
    z, stored = interrupts.made(place, tmp_path, delay=0.002)
    try:
        for i in range(scale(2, 50)):
            future = z.write_future(slice(None), i + 2)
            time.sleep(0.03 + i % 5 / 100)
            future.cancel()
            with pytest.raises(CancelledError):
                future.result(60)
            left_alone(stored)
    finally:
        interrupts.Slow.delay = 0.0
    assert all((row == row[0]).all() for row in z[...])
    z[...] = 1
    assert (z[...] == 1).all()


@pytest.mark.parametrize("place", ["memory", "folder", "store", "shards"])
def test_after_a_cancelled_task_nothing_is_written(place, tmp_path):
    z, stored = interrupts.made(place, tmp_path, delay=0.002)

    async def main():
        before = stored()
        task = asyncio.ensure_future(z.async_[:].set(2))
        while stored() == before:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left_alone(stored)

    try:
        asyncio.run(main())
    finally:
        interrupts.Slow.delay = 0.0
    assert set(np.unique(z[...])) == {1, 2}
    z[...] = 1
    assert (z[...] == 1).all()


def test_a_cancelled_verification_does_not_tell_of_damage():
    z, _ = interrupts.made("store", None, delay=0.02)
    future = zarr.futures.submit(z.verify)
    time.sleep(0.1)
    future.cancel()
    begin = time.monotonic()
    with pytest.raises(CancelledError):
        future.result(60)
    assert time.monotonic() - begin < PATIENCE
