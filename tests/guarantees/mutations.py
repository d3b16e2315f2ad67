"""What is done to good bytes to make hostile ones: to any bytes, and to those of a known form.

Each function draws from the `random.Random` that it is given, so that who knows its seed makes the
same bytes again.
"""

import json
import struct

__all__ = [
    "mutated_archive",
    "mutated_bytes",
    "mutated_document",
    "mutated_frame",
    "mutated_index",
]

#: Where numbers are stored, these reach over some edge.
EDGES = [0, 1, 0x7F, 0x80, 0xFF, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1]
LONG_EDGES = [*EDGES, 2**32, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 8, 2**64 - 1]

#: What stands in for a value of a document.
VALUES = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        3,
        7,
        31,
        33,
        255,
        2**31,
        2**53 + 1,
        2**62,
        2**63,
        2**64,
        10**400,
    ),
    *(1.5, -0.0, 1e300, 5e-324, "", "a", "NaN", "Infinity", "-Infinity", "0x7f", "0x", "AQL/", "="),
    *("int8", "int32", "float64", "complex64", "string", "bytes", "r24", "r8", "bool", "<i4", "|O"),
    *("c", "/", ".", "..", "\0", "\ud800", "\U0001f388" * 3, "x" * 300, "end", "start", "big"),
    *([], {}, [[]], [1], [0], [3, 5], [2**40, 2**40], [2**62], [1] * 32, [1] * 33, [1, 0], [1, 1]),
    *(
        [None],
        [-1, -1],
        [0, 1, 2],
        ["bytes"],
        ["crc32c", "bytes"],
        ["bytes", "crc32c"],
        "vlen-utf8",
    ),
    {"name": "bytes"},
    {"name": "bytes", "configuration": {"endian": "big"}},
    {"must_understand": False},
    {"name": "blosc"},
    {"name": "gzip", "configuration": {"level": 1}},
    {"name": "transpose", "configuration": {"order": [1, 0]}},
    {"name": "default", "configuration": {"separator": "."}},
    {"name": "regular", "configuration": {"chunk_shape": [2, 2]}},
    {"name": "sharding_indexed", "configuration": {"chunk_shape": [1, 1], "codecs": ["bytes"]}},
    {"name": "numpy.datetime64", "configuration": {"unit": "ns", "scale_factor": 0}},
    {"name": "fixed_length_utf32", "configuration": {"length_bytes": 2**31}},
    {"name": "raw_bytes", "configuration": {"length_bytes": 2**40}},
    {"name": "struct", "configuration": {"fields": []}},
    {"id": "zlib", "level": 1},
    [{"id": "delta", "dtype": "<i4"}],
    [["a", "<i2"], ["b", ">f8"]],
]

#: What stands in the text of a document where it should not.
TOKENS = [
    *(b"NaN", b"-Infinity", b"1e999", b"9" * 5000, b"[" * 70, b"[" * 100_000, b'{"a":' * 2000),
    *(b"\xff", b"\xef\xbb\xbf", b'"\\ud800"', b"\\u0000", b'"shape": [1],', b"//", b",", b"\0"),
    *(b'{"zarr_format": 3, "node_type": "group"}', b"}", b"]", b'"', b"-", b"0", b"e5", b".5"),
]


def mutated_bytes(random, data: bytes, others=()) -> bytes:
    """Return bytes with one or several things wrong; pieces of `others` are among them."""
    data = bytearray(data)
    for _ in range(random.choice([1, 1, 1, 2, 2, 5])):
        # The beginning, where most formats say what follows, is as likely as all that follows.
        reach = min(len(data), random.choice([8, 40, len(data) + 1]))
        at = random.randrange(reach) if reach else 0
        match random.randrange(10):
            case 0 | 1 if data:
                data[at] ^= 1 << random.randrange(8)
            case 2 | 3 if data:
                data[at] = random.choice([0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)])
            case 4:
                del data[random.randrange(len(data) + 1) :]
            case 5:
                data[at:at] = random.randbytes(random.choice([1, 4, 100, 5000]))
            case 6:
                del data[at : at + random.choice([1, 4, 16])]
            case 7:
                end = min(len(data), at + random.choice([2, 4, 8, 64]))
                data[at:end] = random.choice([b"\0", b"\xff", random.randbytes(1)]) * (end - at)
            case 8 if others:
                other = random.choice(others)
                piece = other[: random.randrange(len(other) + 1)]
                data[at : at + random.choice([1, 16, 10**6])] = piece
            case 9:
                _put_number(random, data, at, random.choice(["<I", ">I", "<Q", ">Q"]))
    return bytes(data)


def _put_number(random, data, at, form):
    """Overwrite bytes by a number: an edge, or one near to how many bytes there are."""
    edges = [*(EDGES if form[1] in "HI" else LONG_EDGES), len(data), len(data) - 1, len(data) + 1]
    nbytes = struct.calcsize(form)
    number = random.choice(edges) & (1 << 8 * nbytes) - 1
    if at + nbytes <= len(data):
        data[at : at + nbytes] = struct.pack(form, number)


# ------------------------------------------------------------------------------------- documents


def mutated_document(random, data: bytes, others=()) -> bytes:
    """Return a document of which a value, or the text, is not what it was."""
    kind = random.random()
    if kind < 0.15:
        return mutated_bytes(random, data, others)
    if kind < 0.25:
        at = random.randrange(len(data) + 1)
        return data[:at] + random.choice(TOKENS) + data[at + random.choice([0, 0, 1, 5]) :]
    document = json.loads(data)
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        document = _changed(random, document, others)
    return json.dumps(document).encode()


def _changed(random, value, others, depth=0):
    """Return a value in which something somewhere is changed."""
    if isinstance(value, dict) and value and (depth == 0 or random.random() < 0.85):
        name = random.choice(list(value))
        kind = random.random()
        if kind < 0.08:
            del value[name]
        elif kind < 0.16:
            names = [
                "x",
                "configuration",
                "name",
                "attributes",
                "must_understand",
                "id",
                "../a",
                "",
            ]
            value[random.choice(names)] = _any_value(random, others)
        else:
            value[name] = _changed(random, value[name], others, depth + 1)
        return value
    if isinstance(value, list) and value and random.random() < 0.8:
        at = random.randrange(len(value))
        kind = random.random()
        if kind < 0.15:
            value.insert(at, random.choice([value[at], _any_value(random, others)]))
        elif kind < 0.3:
            del value[at]
        else:
            value[at] = _changed(random, value[at], others, depth + 1)
        return value
    if isinstance(value, str) and value and random.random() < 0.3:
        at = random.randrange(len(value))
        return value[:at] + chr(random.choice([0, 32, 46, 47, 48, 255, 0x65E5])) + value[at + 1 :]
    if isinstance(value, int) and random.random() < 0.3:
        return int(value) + random.choice([-1, 1, -2 * int(value), 2**31, 2**62])
    return _any_value(random, others)


def _any_value(random, others):
    """Return a value, or a part of another document."""
    if not others or random.random() < 0.6:
        return json.loads(json.dumps(random.choice(VALUES)))
    value = json.loads(random.choice(others))
    while isinstance(value, (dict, list)) and value and random.random() < 0.75:
        value = random.choice(list(value.values()) if isinstance(value, dict) else value)
    return value


# ----------------------------------------------------------------------------------------- values


def mutated_frame(random, frame: bytes, others=()) -> bytes:
    """Return a blosc frame with something wrong, of which the header may tell the lengths right."""
    changed = bytearray(mutated_bytes(random, frame, others))
    if len(changed) >= 16 and random.random() < 0.6:
        changed[4:8] = frame[4:8]
        changed[12:16] = struct.pack("<I", len(changed))
    return bytes(changed)


def mutated_index(random, layout, shard: bytes) -> bytes:
    """Return a shard with wrong entries, or other bytes, and an index whose checksum is right."""
    entries = layout.entries(shard).reshape(-1, 2).tolist()
    start = layout.index_nbytes if layout.is_at_start else 0
    body = bytearray(shard[start : start + len(shard) - layout.index_nbytes])
    for _ in range(random.choice([1, 1, 2, 4])):
        entry = random.choice(entries)
        at = random.randrange(len(body) + 1)
        match random.randrange(9):
            case 0:
                wrong = [*LONG_EDGES, len(shard), len(body), random.randrange(2**64)]
                entry[random.randrange(2)] = random.choice(wrong)
            case 1:
                entry[0] = random.randrange(len(shard) + 9)
            case 2:
                entry[1] = random.randrange(len(shard) + 9)
            case 3:
                entry[:] = random.choice(entries)
            case 4:
                entry[:] = 2**64 - 1, 2**64 - 1
            case 5:
                entry[:] = random.choice(LONG_EDGES), random.choice(LONG_EDGES)
            case 6 if at < len(body):
                body[at] ^= 1 << random.randrange(8)
            case 7:
                body[at:at] = random.randbytes(random.choice([1, 8, 4000]))
            case 8:
                del body[at:][1:]
    index = layout.encode_index(entries)
    return index + bytes(body) if layout.is_at_start else bytes(body) + index


#: The records of a zip archive, by their signatures: offsets and forms of the numbers in them.
RECORDS = {
    b"PK\x03\x04": ["4<H", "6<H", "8<H", "14<I", "18<I", "22<I", "26<H", "28<H"],
    b"PK\x01\x02": [
        *("4<H", "6<H", "8<H", "10<H", "16<I", "20<I", "24<I", "28<H", "30<H", "32<H", "34<H"),
        *("38<I", "42<I"),
    ],
    b"PK\x05\x06": ["4<H", "6<H", "8<H", "10<H", "12<I", "16<I", "20<H"],
    b"PK\x06\x06": ["4<Q", "16<I", "20<I", "24<Q", "32<Q", "40<Q", "48<Q"],
    b"PK\x06\x07": ["4<I", "8<Q", "16<I"],
}


def mutated_archive(random, archive: bytes, others=()) -> bytes:
    """Return a zip archive of which a number of a record, a name or anything is wrong."""
    kind = random.random()
    if kind < 0.35:
        return mutated_bytes(random, archive, others)
    data = bytearray(archive)
    for _ in range(random.choice([1, 1, 2, 3])):
        signature = random.choice(list(RECORDS))
        places = [at for at in range(len(data)) if data.startswith(signature, at)]
        if not places:
            continue
        at = random.choice(places)
        if signature == b"PK\x01\x02" and random.random() < 0.35:
            nbytes = int.from_bytes(data[at + 28 : at + 30], "little")
            name = random.choice([b"../x", b"/etc/x", b"c/0\0x", b"a\\b", b"\xff\xfe", b"a/", b"."])
            data[at + 46 : at + 46 + nbytes] = (name * nbytes)[:nbytes]
            continue
        field = random.choice(RECORDS[signature])
        offset, form = field.split("<")
        _put_number(random, data, at + int(offset), f"<{form}")
    return bytes(data)
