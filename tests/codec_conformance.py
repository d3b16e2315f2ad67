"""What every codec has to do. A codec gets its suite by naming itself in a subclass.

class TestGzip(BytesBytesTests):
    codecs = (GzipCodec(level=0), GzipCodec(level=9))
"""

import os
import pickle
import random
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import zarr.codecs
from zarr.codecs import Codec
from zarr.codecs.codec import decode_natively
from zarr.errors import CodecError, MetadataError


def run(script, *arguments, stdin=b""):
    """Run a script in a process of its own, so that its crash is a failed test."""
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        timeout=120,
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


MUTATE = """
    import pickle, random, sys
    import numpy as np
    from processes import address_space_left
    from zarr.codecs.codec import decode_natively
    from zarr.errors import CodecError

    rng = random.Random(1)
    originals, decode = pickle.load(sys.stdin.buffer)
    counts = {"decoded": 0, "refused": 0}

    def mutate_and_decode():
        codec, encoded, *expected = rng.choice(originals)
        mutated = bytearray(encoded)
        for _ in range(rng.choice([1, 1, 2, 8])):
            if mutated:
                at = rng.randrange(min(len(mutated), rng.choice([8, 40, len(mutated)])))
                mutated[at] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
        if rng.random() < 0.2:
            del mutated[rng.randrange(len(mutated) + 1):]
        if rng.random() < 0.1:
            mutated += rng.randbytes(rng.randrange(20))
        try:
            decode(codec, bytes(mutated), *expected)
            counts["decoded"] += 1
        except CodecError:
            counts["refused"] += 1

    with address_space_left(2**32):
        for _ in range(int(sys.argv[1])):
            mutate_and_decode()
    assert counts["refused"] > 0, counts
"""


def decode_bytes(codec, data, nbytes):
    """Decode by the method and by the C functions: both give the same, or refuse."""
    results = []
    for decode in (codec.decode, *([decode_natively_by(codec)] if codec.is_native else [])):
        try:
            results.append(decode(data, nbytes))
            assert len(results[-1]) <= nbytes
        except CodecError as error:
            results.append(error)
    first = results[0]
    if isinstance(first, CodecError):
        assert all(isinstance(result, CodecError) for result in results), results
        raise first
    assert all(result == first for result in results)
    return first


def decode_natively_by(codec):
    """Return the C side of a codec's decode, as a function with the same arguments."""
    return lambda data, nbytes: decode_natively(codec, data, nbytes)


def decode_array(codec, data, shape, dtype):
    """Decode an array: it has the shape and the dtype, or is refused."""
    array = codec.decode(data, shape, dtype)
    assert array.shape == shape
    assert array.dtype == dtype
    return array


class CodecTests:
    """What holds for each kind."""

    #: The codecs to try, as different from each other as they can be.
    codecs: tuple[Codec, ...] = ()

    def test_its_repr_makes_it_again(self):
        for codec in self.codecs:
            assert eval(repr(codec), vars(zarr.codecs)) == codec

    def test_it_is_pickled(self):
        for codec in self.codecs:
            again = pickle.loads(pickle.dumps(codec))
            assert type(again) is type(codec)
            assert again == codec

    def test_it_equals_itself_only(self):
        for codec in self.codecs:
            same = [other for other in self.codecs if other == codec]
            assert len(same) == 1
            assert hash(same[0]) == hash(codec)
            assert codec != codec.name

    def test_metadata_there_and_back(self):
        for codec in self.codecs:
            metadata = codec.to_dict()
            assert set(metadata) <= {"name", "configuration"}
            assert metadata.get("configuration", None) != {}
            assert type(codec).from_dict(metadata).to_dict() == metadata
            assert zarr.codecs.codec_from_json(metadata, "codecs[0]").to_dict() == metadata

    def test_unknown_members_are_refused(self):
        for codec in self.codecs:
            configuration = {**codec.configuration(), "extra": 1}
            with pytest.raises(MetadataError, match=r"^codecs\[2\]\.configuration.*extra"):
                type(codec).from_configuration(configuration, "codecs[2]")


class BytesBytesTests(CodecTests):
    """What holds for codecs from bytes to bytes."""

    #: Whether each byte that is missing at the end is noticed.
    is_whole = True

    def datas(self):
        """Return bytes to encode: few, many, repeating, random."""
        rng = np.random.default_rng(3)
        return [
            b"",
            b"a",
            b"zarr " * 20,
            bytes(100_000),
            np.cumsum(rng.integers(0, 5, 5000)).astype("<i4").tobytes(),
            rng.integers(0, 256, 70_000, "u1").tobytes(),
            rng.integers(0, 3, 70_000, "u1").tobytes(),
        ]

    def test_there_and_back(self):
        for codec in self.codecs:
            for data in self.datas():
                encoded = codec.encode(data)
                assert isinstance(encoded, bytes)
                for room in (0, 1, 1000):
                    assert decode_bytes(codec, encoded, len(data) + room) == data
                assert codec.decode(memoryview(encoded), len(data)) == data
                assert codec.decode(encoded, 2**31 - 1) == data

    def test_any_contiguous_buffer_is_encoded(self):
        items = np.arange(100, dtype=">i2")
        for codec in self.codecs:
            expected = codec.encode(items.tobytes())
            for data in (items, items.reshape(10, 10), bytearray(items), memoryview(items)):
                assert codec.encode(data) == expected
            assert codec.encode(np.empty((0, 3))) == codec.encode(b"")

    def test_the_same_data_gives_the_same_bytes(self):
        for codec in self.codecs:
            assert len({codec.encode(self.datas()[4]) for _ in range(3)}) == 1

    def test_more_than_expected_is_refused(self):
        for codec in self.codecs:
            for data in self.datas()[1:]:
                encoded = codec.encode(data)
                for most in {0, len(data) // 2, len(data) - 1}:
                    with pytest.raises(CodecError, match="expected"):
                        decode_bytes(codec, encoded, most)

    def test_what_is_cut_off_is_refused(self):
        for codec in self.codecs:
            for data in (b"zarr " * 20, self.datas()[4][:2000]):
                encoded = codec.encode(data)
                for length in range(len(encoded)):
                    try:
                        decoded = decode_bytes(codec, encoded[:length], len(data))
                    except CodecError:
                        continue
                    assert not self.is_whole
                    assert decoded != data

    def test_what_is_no_frame_is_refused(self):
        rng = random.Random(2)
        for codec in self.codecs:
            for nbytes in (0, 1, 3, 10, 100, 5000):
                data = rng.randbytes(nbytes)
                if self.is_whole or nbytes < 4:
                    with pytest.raises(CodecError):
                        decode_bytes(codec, data, 10_000)

    def test_mutated_bytes_are_refused_or_decode_to_no_more(self):
        originals = [
            (codec, codec.encode(data), len(data)) for codec in self.codecs for data in self.datas()
        ]
        for_child = pickle.dumps((originals, decode_bytes))
        run(MUTATE, 1500, stdin=for_child)

    def test_a_bomb_takes_no_memory(self):
        run(
            """
            import pickle, resource, sys
            from zarr.errors import CodecError

            bombs = pickle.load(sys.stdin.buffer)
            for codec, _ in bombs:
                codec.decode(codec.encode(b"x"), 1)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for codec, bomb in bombs:
                try:
                    codec.decode(bomb, 1000)
                    raise AssertionError
                except CodecError:
                    pass
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            # In KiB. What is compressed is copied, the 16 MiB that it holds are not made.
            assert after - before < 4096 + max(len(bomb) for _, bomb in bombs) // 512
            """,
            stdin=pickle.dumps([(codec, codec.encode(bytes(2**24))) for codec in self.codecs]),
        )

    @pytest.mark.limits_memory
    def test_memory_that_is_not_there_is_told_from_damage(self):
        run(
            """
            import pickle, sys
            from processes import address_space_left

            data = b"zarr" * 2**16
            for codec in pickle.load(sys.stdin.buffer):
                encoded = codec.encode(data)
                outcomes = set()
                for extra in range(0, 2**20, 2**17):
                    for expected, attempt in (
                        (encoded, lambda: codec.encode(data)),
                        (data, lambda: codec.decode(encoded, len(data))),
                    ):
                        try:
                            with address_space_left(extra):
                                outcomes.add(attempt() == expected)
                        except MemoryError:
                            outcomes.add("MemoryError")
                assert "MemoryError" in outcomes and False not in outcomes, (codec, outcomes)
            """,
            stdin=pickle.dumps(self.codecs),
        )


class ArrayBytesTests(CodecTests):
    """What holds for codecs from array to bytes."""

    #: Arrays that all of the codecs can treat.
    arrays: tuple[np.ndarray, ...] = ()

    def cases(self):
        """Return each codec bound to each array."""
        return [
            (codec.bind(array.dtype, array.shape), array)
            for codec in self.codecs
            for array in self.arrays
        ]

    def test_there_and_back(self):
        for codec, array in self.cases():
            encoded = codec.encode(array)
            assert isinstance(encoded, bytes)
            decoded = decode_array(codec, encoded, array.shape, array.dtype)
            np.testing.assert_array_equal(decoded, array)
            decoded = decode_array(codec, memoryview(encoded), array.shape, array.dtype)
            np.testing.assert_array_equal(decoded, array)

    def test_the_items_are_in_c_order(self):
        for codec, array in self.cases():
            assert codec.encode(np.asfortranarray(array)) == codec.encode(array)

    def test_more_or_fewer_bytes_are_refused(self):
        for codec, array in self.cases():
            encoded = codec.encode(array)
            for wrong in (encoded + b"\0", *(encoded[:length] for length in range(len(encoded)))):
                with pytest.raises(CodecError, match=f"^{codec.name}: .*found .*"):
                    codec.decode(wrong, array.shape, array.dtype)

    def test_mutated_bytes_are_refused_or_decode_to_the_shape(self):
        originals = [
            (codec, codec.encode(array), array.shape, array.dtype)
            for codec, array in self.cases()
            if array.size
        ]
        run(MUTATE, 1500, stdin=pickle.dumps((originals, decode_array)))


class ArrayArrayTests(CodecTests):
    """What holds for codecs from array to array."""

    #: Arrays that all of the codecs can treat.
    arrays: tuple[np.ndarray, ...] = ()

    def test_there_and_back(self):
        for codec in self.codecs:
            for array in self.arrays:
                bound = codec.bind(array.dtype, array.shape)
                encoded = bound.encode(array)
                assert (encoded.shape, encoded.dtype) == bound.resolve(array.shape, array.dtype)
                decoded = bound.decode(encoded, array.shape, array.dtype)
                assert decoded.dtype == array.dtype
                np.testing.assert_array_equal(decoded, array)
