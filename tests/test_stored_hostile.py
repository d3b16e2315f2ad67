"""Stores in which anything may stand: whatever is done to a chunk or a document is found out.

It runs in processes of their own, so that a crash is a failed test.
"""

import os
import subprocess
import sys
import textwrap

import pytest

COMMON = """
    import json, random, sys
    import numpy as np
    import zarr
    from zarr.codecs import *
    from zarr.errors import *

    seed, rounds, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    rng = random.Random(seed)
    numbers = np.cumsum(np.random.default_rng(seed).integers(1, 4, (60, 70)), axis=1)

    LAYOUTS = {
        "default": {},
        "zstd": {"cname": "zstd"},
        "zlib and blosc": {"cname": "zlib", "shuffle": 2},
        "no checksum": {"checksum": False, "cname": "lz4"},
        "blosclz": {"checksum": False},
        "stored": {"compressors": None},
        "checked": {"compressors": None, "checksum": True},
        "gzip": {"compressors": GzipCodec(level=1)},
        "zstd alone": {"compressors": ZstdCodec(level=1)},
        "zlib, checked": {"compressors": [ZlibCodec(level=1), Crc32cCodec()]},
        "lz4": {"compressors": Lz4Codec()},
        "checked within": {"compressors": [Crc32cCodec(), GzipCodec(level=1)]},
        "transpose": {"filters": TransposeCodec((1, 0)), "compressors": GzipCodec(level=1)},
        "v2": {"zarr_format": 2, "cname": "lz4"},
        "v2, zlib, F": {"zarr_format": 2, "order": "F", "compressors": ZlibCodec(level=1)},
        "text": {"dtype": str},
        "text, bare": {"dtype": str, "compressors": None},
        "bytes": {"dtype": bytes, "compressors": ZstdCodec(level=1)},
        "truth": {"dtype": bool},
    }

    def data_of(layout):
        dtype = LAYOUTS[layout].get("dtype", "i4")
        if dtype is bytes:
            return np.array([[b"%d" % n for n in row] for row in numbers], object)
        if dtype is bool:
            return numbers % 3 == 0
        return numbers.astype(dtype if dtype is not str else "U8")

    def mutated(data, others):
        \"\"\"Bytes with one or several things wrong.\"\"\"
        data = bytearray(data)
        for _ in range(rng.choice([1, 1, 1, 2, 5])):
            kind = rng.randrange(9)
            at = rng.randrange(len(data)) if data else 0
            if kind <= 2 and data:
                data[at] ^= 1 << rng.randrange(8)
            elif kind == 3 and data:
                data[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
            elif kind == 4:
                del data[at:]
            elif kind == 5:
                data[at:at] = rng.randbytes(rng.choice([1, 4, 100, 5000]))
            elif kind == 6 and data:
                del data[at : at + rng.choice([1, 4, 16])]
            elif kind == 7 and data:
                end = min(len(data), at + rng.choice([2, 4, 8, 64]))
                data[at:end] = rng.choice([b"\\0", b"\\xff", rng.randbytes(1)]) * (end - at)
            elif kind == 8:
                other = rng.choice(others)
                data[at : at + rng.choice([1, 16, 10**6])] = other[: rng.randrange(len(other) + 1)]
        return bytes(data)
"""


def run(script, *arguments, timeout=900):
    """Run a script in a process of its own and return what it printed; its crash is a failure."""
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(COMMON) + textwrap.dedent(script),
            *map(str, arguments),
        ],
        capture_output=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    error = result.stderr.decode()[-3000:]
    assert result.returncode == 0, f"exit status {result.returncode}\n{error}"
    return result.stdout.decode()


@pytest.mark.parametrize("place", ["folder", "memory"])
def test_chunks_in_which_anything_may_stand(place, tmp_path, scale):
    """A read gives the items of the chunk or a CodecError; with a checksum, the right items."""
    script = """
        root = zarr.open_group(folder if sys.argv[4] == "folder" else {}, mode="w")
        store = root.store
        chunks = {}
        for name, layout in LAYOUTS.items():
            options = {"dtype": "i4", **layout}
            z = root.create_array(name, shape=(60, 70), chunks=(40, 50), **options)
            z[...] = data_of(name)
            for coords in np.ndindex(2, 2):
                chunks[name, coords] = z.get_encoded_chunk(coords)
        everything = list(chunks.values())

        def has_checksum(z):
            return z.codecs[-1].name == "crc32c"

        def key_of(z, coords):
            return z.path + "/" + z.metadata.chunk_key_encoding.encode(coords)

        refused = passed = 0
        for i in range(rounds):
            name, coords = rng.choice(list(chunks))
            z = zarr.open(store, path=name)
            expected = data_of(name)
            good = chunks[name, coords]
            bad = mutated(good, everything)
            store.set_sync(key_of(z, coords), bad)
            rows = slice(40 * coords[0], min(60, 40 * coords[0] + 40))
            columns = slice(50 * coords[1], min(70, 50 * coords[1] + 50))
            row = rng.randrange(rows.start, rows.stop)
            column = rng.randrange(columns.start, columns.stop)
            attempts = [
                (lambda region: z[region], (rows, columns)),
                (lambda region: z[region], (row, columns)),
                (lambda region: z[region], (rows, column)),
                (lambda region: z[region], (row, column)),
                (lambda region: z[...][region], (rows, columns)),
                (lambda region: z.copy()[region], (rows, columns)),
            ]
            for attempt, region in attempts:
                try:
                    result = attempt(region)
                except CodecError as error:
                    # In memory, where undecoded damage was copied to, chunks have no keys.
                    places = (key_of(z, coords) + ": ", f"chunk {coords}: ")
                    assert str(error).startswith(places), error
                    refused += 1
                    continue
                passed += 1
                assert np.shape(result) == np.shape(expected[region]), (name, bad)
                assert bad, (name, "an empty value was taken for none")
                if has_checksum(z) or bad == good:
                    assert np.array_equal(result, expected[region]), (name, coords, bad)
            if rng.random() < 0.3:
                before = store.get_sync(key_of(z, coords))
                try:
                    z[row, column] = expected[row, column]
                except CodecError:
                    assert store.get_sync(key_of(z, coords)) == before, (name, "changed")
                else:
                    if has_checksum(z):
                        assert np.array_equal(z[rows, columns], expected[rows, columns])
            if rng.random() < 0.3:
                try:
                    z.set_encoded_chunk(coords, bad)
                except CodecError:
                    pass
                else:
                    z[rows, columns]
            store.set_sync(key_of(z, coords), good)
        for name in LAYOUTS:
            assert np.array_equal(root[name][...], data_of(name)), name
        assert refused > passed, (refused, passed)
        print("done")
    """
    rounds = scale(700, 30_000)
    assert run(script, 1, rounds, tmp_path / "root", place) == "done\n"


def test_documents_in_which_anything_may_stand(tmp_path, scale):
    """A document is understood, or refused with its key; what was opened reads or refuses."""
    script = """
        from zarr.storage import MemoryStore

        def values():
            return rng.choice([
                None, True, False, 0, 1, -1, 7, 2**31, 2**63, 2**64, 1.5, -0.0, 1e300, "", "a",
                "NaN", "0x7f", "int8", "float64", "string", "r24", "c", "/", ".", [], {}, [1], [0],
                [[1]], [None], {"name": "bytes"}, {"name": "blosc"}, {"must_understand": False},
                {"name": "default", "configuration": {"separator": "."}}, ["a", None], "crc32c",
                {"name": "regular", "configuration": {"chunk_shape": [3, 3]}}, [2**40, 2**40],
                [60, 70, 1], {"name": "transpose", "configuration": {"order": [1, 0]}},
            ])

        def change(value, depth=0):
            \"\"\"Change something somewhere in a value.\"\"\"
            if isinstance(value, dict) and value and (depth == 0 or rng.random() < 0.8):
                name = rng.choice(list(value))
                kind = rng.random()
                if kind < 0.1:
                    del value[name]
                elif kind < 0.2:
                    value[rng.choice(["x", "configuration", "name", "attributes"])] = values()
                else:
                    value[name] = change(value[name], depth + 1)
                return value
            if isinstance(value, list) and value and rng.random() < 0.7:
                i = rng.randrange(len(value))
                if rng.random() < 0.2:
                    value.insert(i, values())
                elif rng.random() < 0.2:
                    del value[i]
                else:
                    value[i] = change(value[i], depth + 1)
                return value
            return values()

        documents, everything = [], []
        for name, layout in LAYOUTS.items():
            store = MemoryStore()
            attributes = {"a": [1, {"b": None}], "c": "d"}
            z = zarr.create_array(
                store, name="x/a", shape=(60, 70), chunks=(40, 50), attributes=attributes,
                **{"dtype": "i4", **layout},
            )
            z[...] = data_of(name)
            if rng.random() < 0.5:
                zarr.consolidate_metadata(store)
            contents = {key: bytes(store.get_sync(key)) for key in store.list_sync()}
            for key in contents:
                if "zarr.json" in key or "/.z" in f"/{key}":
                    documents.append((contents, key))
                    everything.append(contents[key])

        opened = refused = 0
        for i in range(rounds):
            contents, key = rng.choice(documents)
            if rng.random() < 0.3:
                document = mutated(contents[key], everything)
            else:
                document = json.loads(contents[key])
                for _ in range(rng.choice([1, 1, 2])):
                    document = change(document)
                document = json.dumps(document).encode()
            store = MemoryStore({**contents, key: document})
            try:
                nodes = [zarr.open(store, mode="r"), zarr.open(store, path="x/a", mode="r")]
                nodes += [node for _, node in zarr.open_group(store, mode="r").members(None)]
            except (MetadataError, NodeNotFoundError) as error:
                # Of consolidated metadata it is the part that is named.
                places = (key.rpartition("/")[2], "consolidated metadata: x", "x/a/.zarray: ")
                assert isinstance(error, NodeNotFoundError) or any(
                    place in str(error) for place in places
                ), error
                refused += 1
                continue
            opened += 1
            for node in nodes:
                repr(node.metadata)
                dict(node.attrs)
                repr(node)
                try:
                    if not isinstance(node, zarr.Array):
                        repr(node.tree())
                        continue
                    if node.size:
                        node[(0,) * node.ndim]
                        node[tuple(n - 1 for n in node.shape)]
                    if node.nbytes < 10**7 and node.nchunks < 10**5:
                        assert node[...].shape == node.shape
                except (CodecError, MemoryError, MetadataError):
                    pass
        assert opened > rounds // 50 and refused > rounds // 3, (opened, refused)
        print("done")
    """
    assert run(script, 2, scale(2500, 100_000), tmp_path) == "done\n"


def test_metadata_that_no_longer_fit_the_chunks_are_found_out(tmp_path):
    """With another dtype, chunk shape or codecs each chunk is refused, not read as something."""
    script = """
        for name in ("default", "no checksum", "stored", "checked", "gzip", "zstd alone", "lz4"):
            root = zarr.open_group(folder, mode="w")
            options = {"dtype": "i4", **LAYOUTS[name]}
            z = root.create_array(name, shape=(60, 70), chunks=(40, 50), **options)
            z[...] = numbers
            key = name + "/zarr.json"
            document = json.loads(root.store.get_sync(key))
            del z
            for change in (
                {"data_type": "int64"},
                {"data_type": "uint8"},
                {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [40, 49]}}},
                {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [80, 50]}}},
            ):
                changed = {**document, **change}
                root.store.set_sync(key, json.dumps(changed).encode())
                y = zarr.open(root.store, path=name)
                for access in (lambda: y[...], lambda: y[0, 0], lambda: y[0:2, 0:2]):
                    try:
                        access()
                    except CodecError as error:
                        assert str(error).startswith(name + "/c/0/0: "), error
                    else:
                        raise AssertionError((name, change))
                del y
        print("done")
    """
    assert run(script, 3, 0, tmp_path / "root") == "done\n"
