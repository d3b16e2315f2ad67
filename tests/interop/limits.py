"""What the peers, and we, cannot do, as data, found by trying; a test fails when it is learned.

A case has features, see `features`; who does not have one of them, for writing, for reading
or both, is not asked to be right. `before` is the version of zarr-python that first has it. Cases
on which a peer takes its whole process down, `aborts`, are not given to it.
"""

import itertools
import math

from content import dtype_of, levels_of, named

__all__ = ["BY_CHANCE", "LIMITS", "aborts", "features", "limit_of"]


def limits(peers, does, reason, *named_features, **others):
    """Return a limit for each peer and feature."""
    return [
        {"peer": peer, "does": does, "feature": feature, "reason": reason, **others}
        for peer, feature in itertools.product(peers.split(), named_features)
    ]


BOTH = ("write", "read")
OF_A_WHOLE_TYPESIZE = "parts of a chunk end at a whole typesize"
#: Reasons that hold now and then: memory that nobody has set may hold the right bytes.
BY_CHANCE = {OF_A_WHOLE_TYPESIZE}
OF_TEXT_AND_BYTES = [
    f"data type {name}"
    for name in ("null_terminated_bytes", "fixed_length_utf32", "string", "bytes",
                 "variable_length_bytes")
]  # fmt: skip
OF_TIME = ["data type numpy.datetime64", "data type numpy.timedelta64"]

LIMITS = [
    *limits("tensorstore", ["write"], "aborts", "data type raw_bytes", aborts=True),
    *limits("tensorstore", ["read"], "makes bytes an axis of the array", "data type raw_bytes"),
    *limits("tensorstore", BOTH, "not one of its data types", *OF_TEXT_AND_BYTES, *OF_TIME),
    *limits("tensorstore", BOTH, "opens one field at a time", "data type struct", "v2 struct"),
    *limits("zarr-python zarrs", BOTH, "older", "data type struct", before="3.2"),
    *limits(
        "zarrs", BOTH, "not one of its data types, in zarr-python", *OF_TEXT_AND_BYTES, *OF_TIME,
        "data type struct", "data type raw_bytes", *(f"v2 dtype {kind}" for kind in "SUVMO"),
        "v2 struct",
    ),
    *limits("zarr-python", ["write"], "refused when written, known when read", "blosc snappy"),
    *limits("ours", BOTH, "the C-Blosc that we build against has none", "blosc snappy"),
    *limits(
        "zarr-python zarrs", BOTH, "compares the axes of inner chunks with those of the array",
        "shards of other axes",
    ),
    *limits("tensorstore", BOTH, "refuses them", "codecs behind shards"),
    *limits("zarrs", ["read"], "parts of a chunk have swapped components", "complex big"),
    *limits(
        "zarrs", ["read"], OF_A_WHOLE_TYPESIZE,
        "blosc of what is compressed", "blosc with a remainder",
    ),
    *limits("zarr-python zarrs", ["write"], "writes NaN as \"NaN\", whatever its bits", "NaN bits"),
    *limits("zarr-python", ["read"], "bits are lost in a Python float", "NaN bits, lost as float"),
    *limits("zarrs", ["read"], "gets the fill value from zarr-python as \"NaN\"", "NaN bits"),
    *limits("zarr-python", ["write"], "older", "shards of no axes", before="3.4"),
    *limits("tensorstore", ["write"], "knows no groups", "groups"),
    *limits("tensorstore", BOTH, "names have to differ", "names equal"),
    *limits("tensorstore", ["write"], "insists on C", "v2 order F, one axis"),
    *limits("tensorstore", ["write"], "insists on C", "v2 order F, no axis"),
    *limits("tensorstore", ["write"], "knows no attributes of Zarr v2", "v2 attributes"),
    *limits("tensorstore", BOTH, "makes bytes an axis of the array", "v2 dtype S", "v2 dtype V"),
    *limits("tensorstore", BOTH, "not one of its dtypes", *(f"v2 dtype {kind}" for kind in "UMO")),
    *limits(
        "tensorstore zarrs", BOTH, "not one of its compressors", "v2 compressor lz4",
        "v2 compressor lzma",
    ),
    *limits("tensorstore", BOTH, "knows no filters", "v2 filter shuffle"),
    *limits("tensorstore zarrs", BOTH, "not one of its filters", "v2 filter delta"),
    *limits("tensorstore zarrs", BOTH, "not one of its filters", "v2 filter packbits"),
    *limits("zarrs", ["read"], "refuses to read the other byte order", "v2 big"),
    *limits("zarrs", ["read"], "refuses to read it into an array of that order", "v2 order F"),
    *limits("zarrs", BOTH, "refuses to transpose no axes", "v2 order F, no axis"),
]  # fmt: skip


def nan_features(document):
    """Yield what is special about a NaN among the fill values."""
    parts = document["fill_value"]
    for part in parts if isinstance(parts, list) else [parts]:
        if isinstance(part, str) and part.startswith("0x"):
            yield "NaN bits"
            # As a float64 a signalling NaN of float32 is quiet, and of float16 the sign is left.
            if (len(part) == 6 and part != "0xfe00") or part == "0x7f800001":
                yield "NaN bits, lost as float"


def features_v3(case):
    document = case["document"]
    name, _ = named(document["data_type"])
    yield f"data type {name}"
    yield from nan_features(document)
    names = [name for name in document.get("dimension_names", []) if name]
    if len(set(names)) < len(names):
        yield "names equal"
    for chunk_shape, codecs in levels_of(document):
        if name.startswith("complex") and ("bytes", {"endian": "big"}) in codecs:
            yield "complex big"
        yield from blosc_features(math.prod(chunk_shape) * dtype_of(case).itemsize, codecs)
        yield from shard_features(chunk_shape, codecs)


def shard_features(chunk_shape, codecs):
    for i, (name, configuration) in enumerate(codecs):
        if name == "sharding_indexed":
            lengths = zip(chunk_shape, configuration["chunk_shape"], strict=True)
            if any(length % inner_length for length, inner_length in lengths):
                yield "shards of other axes"
            if codecs[i + 1 :]:
                yield "codecs behind shards"
            if not chunk_shape:
                yield "shards of no axes"


def blosc_features(nbytes, codecs):
    is_compressed = False
    for name, configuration in codecs:
        if name == "blosc":
            yield f"blosc {configuration['cname']}"
            if is_compressed or nbytes % configuration["typesize"]:
                yield "blosc of what is compressed" if is_compressed else "blosc with a remainder"
        is_compressed = is_compressed or name in ("blosc", "gzip", "zstd")
        nbytes += 4 * (name == "crc32c")


def features_v2(case):
    document, dtype = case["document"], dtype_of(case)
    yield "v2 struct" if dtype.names else f"v2 dtype {dtype.kind}"
    if document["compressor"]:
        yield f"v2 compressor {document['compressor']['id']}"
    for configuration in document["filters"] or []:
        yield f"v2 filter {configuration['id']}"
    if ">" in str(document["dtype"]):
        yield "v2 big"
    if document["order"] == "F":
        axes = {0: ", no axis", 1: ", one axis"}.get(len(document["shape"]), "")
        yield f"v2 order F{axes}"
    if case.get("attributes"):
        yield "v2 attributes"


def features(case) -> set[str]:
    """Return what a peer has to know for this case."""
    is_v3 = case["document"]["zarr_format"] == 3
    found = set(features_v3(case) if is_v3 else features_v2(case))
    return found | {"groups"} if case.get("groups") else found


def numbers(version):
    return [int(part) for part in version.split(".")[:2]]


def limits_of(peer, case):
    own = features(case)
    return (limit for limit in LIMITS if limit["peer"] == peer and limit["feature"] in own)


def limit_of(peer, does, case, versions) -> str | None:
    """Return why a peer cannot write or read a case, or None."""
    for limit in limits_of(peer, case):
        is_older = "before" not in limit or numbers(versions["zarr"]) < numbers(limit["before"])
        if does in limit["does"] and is_older:
            return limit["reason"]
    return None


def aborts(peer, does, case) -> bool:
    """Return whether a peer takes its process down over a case."""
    return any(limit.get("aborts") and does in limit["does"] for limit in limits_of(peer, case))
