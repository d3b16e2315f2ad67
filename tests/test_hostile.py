"""Bytes that nobody made in good faith, objects that misbehave.

What could bring the process down runs in a process of its own, so that a crash is a failed test.
"""

import os
import pickle
import random
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import zarr
from zarr.codecs import BloscCodec
from zarr.codecs.blosc import COMPRESSORS
from zarr.errors import CodecError
from zarr.ext import Array, Chunk, array_from_values


def run(script, *arguments, stdin=b"", timeout=600):
    """Run a script in a process of its own and return what it printed; its crash is a failure."""
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        timeout=timeout,
        check=False,
        # Large blocks go back to the system at once, so that a limit on memory is felt.
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "MALLOC_MMAP_THRESHOLD_": "65536",
        },
    )
    error = result.stderr.decode()[-2000:]
    assert result.returncode == 0, f"exit status {result.returncode}\n{error}"
    return result.stdout.decode()


def header(version=2, flags=0x1, typesize=4, nbytes=4000, blocksize=4000, cbytes=None, body=b""):
    """A frame put together by hand."""
    sizes = (nbytes, blocksize, 16 + len(body) if cbytes is None else cbytes)
    return bytes([version, 1, flags, typesize]) + np.array(sizes, "<i4").tobytes() + body


FRAME = BloscCodec(cname="lz4", clevel=5, shuffle=1, typesize=4).encode(np.arange(1000, dtype="i4"))

REFUSED = {
    "empty": (b"", "found 0 bytes, expected at least the 16 of a header"),
    "short": (FRAME[:15], "found 15 bytes, expected at least the 16 of a header"),
    "version": (
        b"\x01" + FRAME[1:],
        "found format version 1 and typesize 4, expected version 2 and typesize 1 to 255",
    ),
    "typesize": (header(typesize=0), "found format version 2 and typesize 0, expected version 2"),
    "truncated": (FRAME[:-1], f"found {len(FRAME) - 1} stored bytes, header tells {len(FRAME)}"),
    "extended": (FRAME + b"x", f"found {len(FRAME) + 1} stored bytes, header tells {len(FRAME)}"),
    "negative": (header(cbytes=-1), "found 16 stored bytes, header tells -1"),
    "stored": (header(flags=0x2, body=bytes(3999)), "found 4015 stored bytes, header tells 4015"),
    # Of a stored frame the blocks say nothing; who reads a part of it divides by their length.
    "stored in blocks of nothing": (
        header(flags=0x2, blocksize=0, body=bytes(4000)),
        "found blocks of 0 bytes in 4016 stored bytes, impossible for 4000",
    ),
    "stored in negative blocks": (
        header(flags=0x2, blocksize=-1, body=bytes(4000)),
        "found blocks of -1 bytes in 4016 stored bytes",
    ),
    "size": (
        header(nbytes=8000, body=bytes(100)),
        "116 stored bytes decode to 8000, expected 4000",
    ),
    "blocks of nothing": (
        header(blocksize=0, body=bytes(100)),
        "found blocks of 0 bytes in 116 stored bytes, impossible for 4000",
    ),
    "negative blocks": (header(blocksize=-4, body=bytes(100)), "found blocks of -4 bytes in 116"),
    "blocks over the chunk": (
        header(blocksize=4001, body=bytes(100)),
        "found blocks of 4001 bytes in 116 stored bytes",
    ),
    "too many blocks": (
        header(blocksize=4, body=bytes(100)),
        "found blocks of 4 bytes in 116 stored bytes",
    ),
    "compressor": (
        header(flags=2 << 5, body=bytes(100)),
        "found compressor number 2, expected one of 0 (blosclz), 1 (lz4), 1 (lz4hc), 3 (zlib)",
    ),
    "payload": (
        FRAME[:20] + b"\xff" * (len(FRAME) - 20),
        f"found {len(FRAME)} damaged stored bytes, expected 4000 decoded",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_frame_is_refused_with_the_reason(name):
    frame, message = REFUSED[name]
    with pytest.raises(CodecError, match="^" + re.escape(f"blosc: {message}")):
        BloscCodec().decode(frame, 4000)


@pytest.mark.parametrize("name", [name for name in REFUSED if name != "payload"])
def test_a_chunk_does_not_take_it_and_is_named(name):
    frame, message = REFUSED[name]
    z = zarr.array(np.arange(2000, dtype="i4").reshape(2, 1000), chunks=(1, 1000))
    chunk = Chunk(z, (1, 0))
    with pytest.raises(CodecError, match=r"^chunk \(1, 0\): blosc: " + re.escape(message)):
        chunk.encoded = frame
    assert chunk.read().tolist() == [list(range(1000, 2000))]


def test_a_damaged_payload_is_named_when_it_is_read_and_others_are_read_still():
    z = zarr.array(np.arange(3000, dtype="i4"), chunks=1000, cname="lz4")
    z.set_encoded_chunk((1,), REFUSED["payload"][0], validate=False)
    for selection in (
        slice(None),
        slice(None, None, 7),
        1500,
        slice(1500, 1510),
        slice(1000, 2000),
    ):
        with pytest.raises(
            CodecError, match=r"chunk \(1,\): blosc: found \d+ damaged stored bytes"
        ):
            z[selection]
    with pytest.raises(CodecError, match=r"chunk \(1,\): blosc: found \d+ damaged stored bytes"):
        z[1500] = 1
    assert z[:1000].tolist() == list(range(1000))
    assert z[2999] == 2999
    z[1000:2000] = 5
    assert z[1999] == 5


@pytest.mark.parametrize("blocksize", [0, -1, 4001])
def test_parts_of_a_stored_frame_with_wrong_blocks_are_refused(tmp_path, blocksize):
    """Of a file, and of a value that a store gives."""
    frame = header(flags=0x2, blocksize=blocksize, body=bytes(4000))
    codec = BloscCodec(cname="blosclz", typesize=4, clevel=0)
    for store in ({}, tmp_path / "a"):
        z = zarr.create_array(store, shape=900, chunks=1000, dtype="i4", compressors=codec)
        z.store.set_sync("c/0", frame)
        for selection in (3, slice(5, 20), slice(0, 900, 7)):
            with pytest.raises(CodecError, match=f"^c/0: blosc: found blocks of {blocksize} bytes"):
                z[selection]


def long_match_frame(nbytes=2**24, length_bytes=8_421_506):
    """A blosclz frame whose one match has so many bytes of length that 32 bits overflow."""
    stream = b"\x00A" + b"\xe0" + b"\xff" * length_bytes + b"\x00" + b"\x00" + b"\x00A"
    body = np.array([20, len(stream)], "<i4").tobytes() + stream
    return header(flags=0x10, typesize=1, nbytes=nbytes, blocksize=nbytes, body=body)


def test_a_blosclz_match_of_over_31_bits_is_refused_before_it_is_decoded():
    """Blosc/c-blosc issue 405: C-Blosc's own validation accepts it and its decoder writes wild."""
    message = "found a blosclz split of 8421504 bytes or more, refused because"
    with pytest.raises(CodecError, match=f"^blosc: {message}"):
        BloscCodec().decode(long_match_frame(), 2**24)
    z = zarr.zeros(2**24, chunks=2**24, dtype="u1")
    with pytest.raises(CodecError, match=rf"^chunk \(0,\): blosc: {message}"):
        Chunk(z, (0,)).encoded = long_match_frame()
    assert z.nchunks_initialized == 0


@pytest.mark.parametrize(
    ("split_nbytes", "reason"), [(8_421_503, "damaged stored bytes"), (8_421_504, "blosclz split")]
)
def test_the_longest_split_that_is_decoded_does_no_harm(split_nbytes, reason):
    """Its match is of 2**31 bytes all but some hundreds, which the decoder can still tell."""
    frame = long_match_frame(length_bytes=split_nbytes - 7)
    assert len(frame) == 24 + split_nbytes
    script = """
        import sys
        from zarr.codecs import BloscCodec
        from zarr.errors import CodecError

        try:
            BloscCodec().decode(sys.stdin.buffer.read(), 2**24)
        except CodecError as error:
            print(error)
    """
    assert reason in run(script, stdin=frame)


def test_a_long_match_in_a_later_split_is_refused_too():
    """Two blocks of four splits, the harmful one the last of the first block."""
    harmful = long_match_frame()[20:]
    harmless = np.array([3], "<i4").tobytes() + b"\x01AB"
    first = harmless * 3 + harmful
    body = np.array([24, 24 + len(first)], "<i4").tobytes() + first + harmless * 4
    frame = header(flags=0, typesize=4, nbytes=2**24, blocksize=2**23, body=body)
    with pytest.raises(CodecError, match="found a blosclz split of 8421504 bytes or more"):
        BloscCodec().decode(frame, 2**24)


@pytest.mark.parametrize("offset", [-1, 2**30, 8_500_000])
def test_splits_that_lie_outside_the_frame_are_found_in_long_frames(offset):
    body = np.array([offset], "<i4").tobytes() + b"\xff" * 8_500_000
    frame = header(flags=0x10, typesize=1, nbytes=2**24, blocksize=2**24, body=body)
    with pytest.raises(CodecError, match="damaged stored bytes"):
        BloscCodec().decode(frame, 2**24)


def test_a_frame_that_changes_while_it_is_decoded():
    """What was checked is what is decoded, also when another thread writes to the buffer."""
    run("""
        import threading
        import numpy as np
        from zarr.codecs import BloscCodec
        from zarr.errors import CodecError

        data = (np.arange(20_000) % 1000).astype("i4").tobytes()
        good = BloscCodec(cname="blosclz", clevel=5, shuffle=1, typesize=4).encode(data)
        memory = np.zeros(4 + len(good), "u1")
        frame = memory[4:]
        frame[:] = np.frombuffer(good, "u1")

        # The frame's size and the place of its first block, as one word: NumPy writes what is
        # right and what is harmful to it in turn, for about a microsecond each, without the GIL.
        word = memory[16:24].view("i8")
        words = np.tile(np.repeat([2**30 << 32 | 2**31 - 1, word[0]], 3000), 300)
        target = np.lib.stride_tricks.as_strided(word, words.shape, (0,))
        done = threading.Event()

        def change():
            while not done.is_set():
                np.copyto(target, words)

        changer = threading.Thread(target=change)
        changer.start()
        refused = 0
        for _ in range(30_000):
            try:
                assert BloscCodec().decode(frame, len(data)) == data
            except CodecError:
                refused += 1
        done.set()
        changer.join()
        assert 0 < refused < 30_000, refused
    """)


@pytest.mark.parametrize("dtype", ["u1", "i4", "(2,2)u1", "V16"])
def test_a_refusal_counts_the_bytes_of_any_buffer(dtype):
    frame = np.frombuffer(FRAME[:80], np.dtype(dtype))
    message = f"^blosc: found 80 stored bytes, header tells {len(FRAME)}$"
    with pytest.raises(CodecError, match=message):
        BloscCodec().decode(frame, 4000)


def test_an_array_of_one_item_is_a_short_frame():
    with pytest.raises(CodecError, match=r"^blosc: found 4 bytes, expected at least the 16"):
        BloscCodec().decode(np.array(5, "i4"), 4000)


@pytest.mark.parametrize("clevel", [0, 5])
@pytest.mark.parametrize("cname", COMPRESSORS)
def test_every_truncation_and_every_change_of_a_byte_of_the_header(cname, clevel):
    """A truncated frame is refused; a changed one is as well, or gives as many bytes as asked."""
    script = """
        import sys
        import numpy as np
        import zarr
        from zarr.codecs import BloscCodec
        from zarr.errors import CodecError
        from zarr.ext import Chunk

        data = np.arange(1000, dtype="i4")
        cname, clevel = sys.argv[1], int(sys.argv[2])
        frame = BloscCodec(cname=cname, clevel=clevel, shuffle=1, typesize=4).encode(data)

        def is_decoded(frame):
            try:
                assert len(BloscCodec().decode(frame, data.nbytes)) <= data.nbytes
            except CodecError:
                return False
            return True

        assert is_decoded(frame)
        for length in range(len(frame)):
            assert not is_decoded(frame[:length])
            telling = frame[:12] + length.to_bytes(4, "little") + frame[16:]
            assert not is_decoded(telling[:length])

        VERSION, SIZES = {0}, {*range(4, 8), *range(12, 16)}
        decoded = set()
        for at in range(16):
            for byte in set(range(256)) - {frame[at]}:
                changed = frame[:at] + bytes([byte]) + frame[at + 1 :]
                if is_decoded(changed):
                    decoded.add(at)
                z = zarr.zeros(len(data), chunks=len(data), dtype=data.dtype)
                try:
                    z.set_encoded_chunk((0,), changed, validate=False)
                    z[999], z[500:510], z[::-7], z[:]
                except CodecError:
                    pass
        assert decoded, "no change came as far as the decoders"
        assert not decoded & (VERSION | SIZES), decoded
    """
    run(script, cname, clevel)


def test_pickles_made_by_hand():
    metadata = zarr.zeros(10, chunks=5, dtype="i4").metadata
    frame = BloscCodec(cname="lz4", clevel=5, shuffle=1, typesize=4).encode(
        np.arange(5, dtype="i4")
    )
    z = array_from_values(metadata, [(1, frame)], False)
    assert z[:].tolist() == [0] * 5 + [0, 1, 2, 3, 4]
    for index in (2, -1, 10**18):
        with pytest.raises(ValueError, match=rf"chunk {index}: found in a pickle of 2 chunks$"):
            array_from_values(metadata, [(index, frame)], False)
    with pytest.raises(CodecError, match=r"chunk \(1,\): blosc: found 3 bytes"):
        array_from_values(metadata, [(1, b"abc")], False)
    with pytest.raises(TypeError, match=r"bytes-like object is required"):
        array_from_values(metadata, [(1, 7)], False)
    for index in (1.5, "1", None):
        with pytest.raises(TypeError, match=rf"^chunk {index!r}: "):
            array_from_values(metadata, [(index, frame)], False)


def test_mutated_pickles_raise():
    z = zarr.array(np.arange(3000, dtype="i4"), chunks=1000, cname="lz4")
    original = pickle.dumps(z)
    at = original.index(Chunk(z, (1,)).encoded)
    rng = random.Random(3)
    for _ in range(300):
        changed = bytearray(original)
        changed[at + rng.randrange(16)] ^= 1 << rng.randrange(8)
        try:
            assert len(pickle.loads(bytes(changed))[:]) == 3000
        except CodecError as error:
            assert str(error).startswith("chunk (1,): blosc: ")  # noqa: PT017 (either is right)


def test_what_no_memory_can_hold_is_not_read():
    z = zarr.zeros((2**62, 4), chunks=(2**20, 4), dtype="u1")
    for read in (lambda: z[:], lambda: np.asarray(z), lambda: z[::-1, ::2]):
        with pytest.raises(MemoryError, match=r"too big|[Uu]nable to allocate"):
            read()
    z[-1, -1] = 7
    assert z[2**62 - 1].tolist() == [0, 0, 0, 7]
    assert z.nbytes == 2**64


def test_an_array_does_not_grow_over_what_64_bits_count():
    z = zarr.zeros(2**63 - 3, chunks=2**20, dtype="u1")
    z.append([1, 2])
    with pytest.raises(ValueError, match=r"^append, axis 0: found .*, expected .*2\*\*63 - 1"):
        z.append([3])
    assert z.shape == (2**63 - 1,)
    assert z[-3:].tolist() == [0, 1, 2]


def test_objects_that_were_never_initialized_raise():
    run("""
        import copy, pickle
        import numpy as np
        from zarr.chunks import Chunks
        from zarr.codecs import BloscCodec
        from zarr.ext import Array, Chunk
        from zarr.indexing import Grid

        def try_all(cls):
            try:
                thing = cls.__new__(cls)
            except TypeError:
                return
            for name in dir(thing):
                for use in (
                    lambda: getattr(thing, name),
                    lambda: getattr(thing, name)(),
                    lambda: getattr(thing, name)(1),
                    lambda: getattr(thing, name)(0, 1),
                    lambda: setattr(thing, name, None),
                    lambda: setattr(thing, name, b"x"),
                ):
                    if name not in ("__class__", "__init__"):
                        try:
                            use()
                        except (TypeError, AttributeError, ValueError, NotImplementedError):
                            pass
            for use in (repr, len, list, np.asarray, copy.copy, copy.deepcopy, pickle.dumps,
                        lambda x: x[0], lambda x: x[()], lambda x: x.append([1]),
                        lambda x: x.__setitem__(0, 1), lambda x: x.resize(1)):
                try:
                    use(thing)
                except (TypeError, AttributeError, ValueError, pickle.PicklingError):
                    pass

        for cls in (Array, Chunk, Chunks, BloscCodec, Grid):
            try_all(cls)
        for wrong in (None, 3, "x"):
            try:
                Chunk(wrong, (0,))
            except (TypeError, AttributeError):
                pass
    """)


def test_code_in_an_index_may_change_the_array_it_indexes():
    run(
        """
        import zarr

        z = zarr.zeros((4, 4), chunks=2)

        class Index:
            def __index__(self):
                z.append([[1] * z.shape[1]])
                z.resize(9, 5)
                z[0] = 5
                z.copy()
                return 1

        z[Index(), Index():] = 3
        assert z[1].tolist() == [0, 3, 3, 3, 3]
        z[Index()]
        z[Index():, 0]
        assert z.shape == (9, 5)
    """,
        timeout=60,
    )


def test_code_in_a_value_may_change_the_array_it_is_assigned_to():
    run(
        """
        import numpy as np
        import zarr

        z = zarr.zeros(4, chunks=2, dtype="f8")

        class Number:
            def __float__(self):
                z.append([1])
                return 5.0

        class Values:
            def __array__(self, dtype=None, copy=None):
                z.resize(6)
                return np.full(6, 7.0)

        z[0] = Number()
        z[1:3] = [Number(), Number()]
        z[3:4] = np.array([Number()], dtype=object)
        assert z[:].tolist() == [5, 5, 5, 5, 1, 1, 1, 1]
        z[:] = Values()
        assert z[:].tolist() == [7] * 6
    """,
        timeout=60,
    )


@pytest.mark.parametrize(
    "use", ["result = z[Index()]", "result = z[Index():]", "z[Index():] = value; result = z[0]"]
)
def test_code_in_an_index_may_initialize_the_array_anew(use):
    """What is read is of the array before or of the one after; to refuse is as well."""
    script = """
        import sys
        import numpy as np
        import zarr

        class Index:
            def __index__(self):
                z.__init__(10, dtype="u1", fill_value=1)
                return 0

        value = np.full(10, b"x" * 1_000_000)
        z = zarr.array(value, chunks=5)
        try:
            exec(sys.argv[1])
        except (TypeError, ValueError, RuntimeError):
            sys.exit()
        assert np.all(result == (value[0] if result.dtype == value.dtype else 1))
    """
    run(script, use)


def test_an_array_initialized_anew_while_others_use_it():
    run(
        """
        import threading
        import zarr

        z = zarr.ones(100_000, dtype="f8", chunks=1000)
        done = threading.Event()

        def use():
            while not done.is_set():
                try:
                    z[5:99_000] = 3
                    z[:]
                    z.copy()
                    z.append([1])
                    z.resize(100_000)
                except (TypeError, ValueError, RuntimeError):
                    pass

        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads: thread.start()
        for _ in range(20_000):
            try:
                z.__init__(100_000, dtype="f8", chunks=1000)
            except (TypeError, RuntimeError):
                pass
        done.set()
        for thread in threads: thread.join()
    """,
        timeout=60,
    )


class Broken:
    """Raises whatever it is asked."""

    def __index__(self):
        raise RuntimeError("no index")

    def __float__(self):
        raise RuntimeError("no number")


class BrokenArray:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no array")


def test_exceptions_of_users_code_pass_through_and_the_array_goes_on():
    z = zarr.zeros(4, chunks=2)
    for use in (
        lambda: z[Broken()],
        lambda: z[Broken() :],
        lambda: z.__setitem__(Broken(), 1),
        lambda: z.__setitem__(0, Broken()),
        lambda: z.__setitem__(0, np.array(Broken(), dtype=object)),
        lambda: z.__setitem__(slice(None), BrokenArray()),
        lambda: z.append(np.array([Broken()], dtype=object)),
        lambda: z.append(BrokenArray()),
        lambda: z.resize(Broken()),
    ):
        with pytest.raises(RuntimeError, match=r"no (index|number|array)"):
            use()
    z[:] = 1
    z.resize(5)
    assert z[:].tolist() == [1, 1, 1, 1, 0]


def test_an_array_subclass_is_an_array():
    class Named(Array):
        def __init__(self, name, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.given_name = name

    z = Named("a", 10, chunks=3, dtype="i4")
    z[:] = 5
    assert z.given_name == "a"
    assert z[4] == 5
