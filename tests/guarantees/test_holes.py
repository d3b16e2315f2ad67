"""An error is never a hole: only "not found" reads as the fill value, in every store.

"Not found" is None from a store's method, and KeyError from a user's mapping; `test_holes_on_disk`
has files and archives. Here the calls of a store are counted for each operation; then each of them
fails in turn, with each kind of error and each kind of wrong answer. What was asked raises that
error, by the name of the key; what is read later is the old value or the new one, chunk by chunk,
and never the fill value where there was another.
"""

import itertools

import numpy as np
import pytest
from flaky_store import ERRORS, FlakyStore, Plan, failure

import zarr
from zarr.codecs import BytesCodec, ShardingCodec
from zarr.errors import ZarrError
from zarr.storage import LatencyStore, LoggingStore, MemoryStore, ReadOnlyStore, WrapperStore

SHAPE, CHUNKS = (12, 10), (4, 5)
VALUES = np.arange(1, 121, dtype="u2").reshape(SHAPE)
FILL = 7

LAYOUTS = {
    "default": {},
    "bare": {"compressors": None},
    "shards": {"chunks": (2, 5), "shards": CHUNKS},
    "shards, start": {
        "chunks": CHUNKS,
        "codecs": [ShardingCodec((2, 5), codecs=[BytesCodec()], index_location="start")],
    },
    "shards behind": {
        "chunks": CHUNKS,
        "codecs": [ShardingCodec((2, 5), codecs=[BytesCodec()]), "crc32c"],
    },
    "v2": {"zarr_format": 2},
}


@pytest.fixture(params=LAYOUTS)
def flaky(request):
    """A flaky store with an array of values, another one beside it, and attributes."""
    store = FlakyStore(MemoryStore())
    layout = {"chunks": CHUNKS, **LAYOUTS[request.param]}
    form = {"zarr_format": layout.get("zarr_format", 3)}
    group = zarr.open_group(store, mode="w", attributes={"of": "group"}, **form)
    z = group.create_array(
        "a", shape=SHAPE, dtype="u2", fill_value=FILL, attributes={"of": "a"}, **layout
    )
    z[...] = VALUES
    group.create_array("g/b", shape=3, dtype="u1", fill_value=FILL)[:] = 1
    zarr.consolidate_metadata(store)
    store.contents = dict(store._store._store_dict)
    store.layout = layout
    return store


def a(store):
    return zarr.open_array(store, path="a")


READS = {
    "all": lambda s: a(s)[...],
    "a part": lambda s: a(s)[3:7, 2:],
    "a row": lambda s: a(s)[5],
    "an item": lambda s: a(s)[5, 5],
    "steps": lambda s: a(s)[::3, ::-4],
    "points": lambda s: a(s).vindex[[0, 5, 11], [9, 0, 4]],
    "lists": lambda s: a(s).oindex[[1, 10], [0, 9]],
    "a mask": lambda s: a(s)[VALUES % 7 == 0],
    "blocks": lambda s: a(s).blocks[1],
    "in a cache": lambda s: zarr.open_array(s, path="a", cache_nbytes=10**6)[2:9],
    "sum": lambda s: int(a(s).sum()),
    "copy": lambda s: a(s).copy()[...],
    "copy to a store": lambda s: a(s).copy({})[...],
    "copy of all": lambda s: zarr.copy(s, {})["a"][...],
    "load": lambda s: zarr.load(s)["a"][...],
    "rechunk": lambda s: zarr.rechunk(a(s), (3, 10))[...],
    "stored bytes": lambda s: a(s).cbytes,
    "stored chunks": lambda s: a(s).nchunks_initialized,
    "encoded": lambda s: bytes(a(s).get_encoded_chunk((1, 1))),
    "members": lambda s: [p for p, _ in zarr.open_group(s, use_consolidated=False).members(None)],
    "names": lambda s: list(zarr.open_group(s, use_consolidated=False)),
    "is there": lambda s: "a" in zarr.open_group(s, use_consolidated=False),
    "get": lambda s: zarr.open_group(s, use_consolidated=False).get("a")[0, 0],
    "no node": lambda s: zarr.open_group(s, use_consolidated=False).get("none"),
    "tree": lambda s: str(zarr.open_group(s, use_consolidated=False).tree()),
    "consolidated": lambda s: zarr.open_consolidated(s)["a"][4:8],
    "attributes": lambda s: dict(a(s).attrs),
    "attributes of a group": lambda s: dict(zarr.open_group(s).attrs),
    "open": lambda s: zarr.open(s)["g/b"][:],
    "verify": lambda s: bool(zarr.verify(s)),
}


def same(found, expected):
    return np.array_equal(found, expected) and type(found) is type(expected)


def outcome_of(read, store):
    """What a read returns, or the error that it raises."""
    try:
        return read(store), None
    except BaseException as error:
        return None, error


def names_the_key(error, store):
    """Whether an error, or a note to it, names the key or the folder that was asked for."""
    if not isinstance(error, Exception):
        return True  # an interruption is not about a key
    place = store.plan.failed[1]
    texts = (str(error), *getattr(error, "__notes__", ()))
    if str(error).startswith(("chunk (", "shard (")):
        return True  # it was noticed in a copy in memory, where there are no keys
    return any((place or "all keys") in text for text in texts)


def failing_runs(operation, store, failures, prepare=lambda: None):
    """Run an operation with each of its calls failing in turn, in each of some ways.

    Yields number, failure, result and error of each run, until one has fewer calls than that.
    """
    for number in itertools.count(1):
        for planned in failures(number):
            prepare()
            store.plan = Plan(number, **planned)
            found, error = outcome_of(operation, store)
            if store.plan.failed is None:
                assert error is None
                return
            yield number, planned, found, error


def kinds_of(number, scale):
    """The kinds of errors that the n-th call fails with."""
    return scale((KeyError, ERRORS[number % len(ERRORS)]), ERRORS)


@pytest.mark.parametrize("operation", READS)
def test_a_failure_at_any_call_of_a_read_is_raised(flaky, operation, scale):
    read = READS[operation]
    expected = read(flaky)

    def failures(number):
        return [{"error": failure(kind)} for kind in kinds_of(number, scale)]

    count = 0
    for number, planned, found, error in failing_runs(read, flaky, failures):
        count += 1
        if operation == "verify" and error is None:
            assert found  # it was told
            continue
        assert error is planned["error"], (number, flaky.plan.failed, found)
        assert names_the_key(error, flaky), (flaky.plan.failed, error)
    assert count > 0
    flaky.plan = Plan()
    assert same(read(flaky), expected)


def parts_changed(change):
    """Change the last of the parts of a value that are given."""
    return lambda parts: None if parts is None else [*parts[:-1], change(parts[-1])]


#: What may be given in the place of a value, by hook: not what it is, or more or less of it.
WRONG_ANSWERS = {
    "_get": {
        "text": lambda value: "text",
        "a number": lambda value: 5,
        "a fraction": lambda value: 1.5,
        "a list": lambda value: [1, 2],
        "an object": lambda value: object(),
        "nothing of it": lambda value: b"",
        "too short": lambda value: None if value is None else bytes(value)[:-1],
        "half of it": lambda value: None if value is None else bytes(value)[: len(value) // 2],
        "too long": lambda value: None if value is None else bytes(value) + b"x",
    },
    "_get_ranges": {
        "text": lambda parts: "text",
        "a number": lambda parts: 5,
        "bytes": lambda parts: b"0123",
        "no parts": lambda parts: [],
        "one part less": lambda parts: None if parts is None else parts[:-1],
        "one part more": lambda parts: None if parts is None else [*parts, b""],
        "none for a part": parts_changed(lambda part: None),
        "text for a part": parts_changed(lambda part: "text"),
        "a number for a part": parts_changed(lambda part: 5),
        "a part too short": parts_changed(lambda part: bytes(part)[:-1]),
        "nothing of a part": parts_changed(lambda part: b""),
        "a part too long": parts_changed(lambda part: bytes(part) + b"x"),
        "all of it for a part": parts_changed(lambda part: bytes(1000)),
    },
    "_list": {
        "numbers": lambda keys: [*keys, 5],
        "bytes": lambda keys: [key.encode() for key in keys],
        "none": lambda keys: [None],
        "nothing to iterate": lambda keys: 5,
    },
}
WRONG_ANSWERS["_list_dir"] = WRONG_ANSWERS["_list"]


@pytest.mark.parametrize("operation", READS)
def test_a_wrong_answer_at_any_call_of_a_read_is_raised(flaky, operation):
    """Or it does not matter: the right items are read, never others."""
    read = READS[operation]
    expected = read(flaky)
    flaky.plan = Plan()
    read(flaky)
    hooks = [hook for hook, _ in flaky.plan.calls]
    raised = 0
    for number, hook in enumerate(hooks, 1):
        for name, change in WRONG_ANSWERS.get(hook, {}).items():
            flaky.plan = Plan(number, change=change)
            found, error = outcome_of(read, flaky)
            where = (number, flaky.plan.failed, name, found, error)
            if error is None and operation == "encoded":
                continue  # which is given as it is stored
            if error is None:
                assert same(found, expected) or (operation == "verify" and found), where
                continue
            raised += 1
            assert isinstance(error, (ZarrError, TypeError)), where
            assert flaky.plan.failed, where
            assert names_the_key(error, flaky), where
    assert raised > 0 or not any(hook in WRONG_ANSWERS for hook in hooks)
    flaky.plan = Plan()
    assert same(read(flaky), expected)


AROUND = {
    "wrapper": WrapperStore,
    "logging": LoggingStore,
    "latency": LatencyStore,
    "read-only": ReadOnlyStore,
    "read-only form": lambda store: store.with_read_only(True),
    "two": lambda store: LoggingStore(WrapperStore(store)),
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("operation", ["all", "a part", "an item", "copy", "members", "attributes"])
def test_stores_around_another_pass_its_failures_on(flaky, around, operation):
    read = READS[operation]
    store = AROUND[around](flaky)
    expected = read(store)
    for change in (None, lambda value: 5):
        number = 0
        while True:
            number += 1
            planned = None if change else failure(ERRORS[number % len(ERRORS)])
            flaky.plan = Plan(number, error=planned, change=change)
            found, error = outcome_of(read, store)
            if flaky.plan.failed is None:
                break
            if change is not None and flaky.plan.failed[0] not in WRONG_ANSWERS:
                continue
            assert error is planned if planned else isinstance(error, (ZarrError, TypeError)), error
            assert names_the_key(error, flaky)
        assert number > 1
        assert same(found, expected)


# ---------------------------------------------------------------------------------- writing


def set_items(region, value):
    return lambda s: a(s).__setitem__(region, value)


def group_of(store):
    return zarr.open_group(store, use_consolidated=False)


#: What changes the items of the array, with the items that follow.
ITEM_WRITES = {
    "all": np.s_[...],
    "a chunk": np.s_[:4, :5],
    "a part": np.s_[3:7, 2:],
    "an item": np.s_[5, 5],
    "steps": np.s_[::3, ::4],
}
WRITES = {
    **{name: set_items(region, 9) for name, region in ITEM_WRITES.items()},
    "the fill value": set_items(np.s_[:], FILL),
    "points": lambda s: a(s).vindex.__setitem__(([0, 5, 11], [9, 0, 4]), 9),
    "append": lambda s: a(s).append(np.full((3, 10), 9, "u2")),
    "grow": lambda s: a(s).resize(20, 14),
    "shrink": lambda s: a(s).resize(5, 7),
    "an attribute": lambda s: a(s).attrs.update(new=1),
    "an attribute of a group": lambda s: zarr.open_group(s).attrs.update(new=1),
    "delete": lambda s: group_of(s).__delitem__("a"),
    "move": lambda s: group_of(s).move("a", "new"),
    "consolidate": lambda s: zarr.consolidate_metadata(s),
    "create": lambda s: zarr.create_array(s, name="x/y", shape=3, dtype="u1"),
    "create in its place": lambda s: zarr.create_array(
        s, name="a", shape=SHAPE, dtype="u2", fill_value=9, overwrite=True
    ),
    "copy": lambda s: a(s).copy(s, "new"),
    "rechunk": lambda s: zarr.rechunk(a(s), (5, 5), s, path="new"),
    "save": lambda s: zarr.save_array(s, VALUES, path="new", fill_value=FILL),
}


def chunks_of(items):
    """The parts of items that lie in one stored value each."""
    for i in range(0, items.shape[0], CHUNKS[0]):
        for j in range(0, items.shape[1], CHUNKS[1]):
            yield np.s_[i : i + CHUNKS[0], j : j + CHUNKS[1]]


def check_items(found, old, new):
    """Each chunk has to be the old or the new one, also where the shape has changed."""
    assert found.shape in (old.shape, new.shape)
    found, old, new = map(np.atleast_2d, (found, old, new))
    padded = []
    for items in (old, new):
        rows, columns = np.maximum(items.shape, found.shape)
        wide = np.full((rows, columns), FILL, items.dtype)
        wide[: items.shape[0], : items.shape[1]] = items
        padded.append(wide[: found.shape[0], : found.shape[1]])
    for part in chunks_of(found):
        assert any(np.array_equal(found[part], items[part]) for items in padded), part


def state_of(store):
    """By their paths: the items and attributes of arrays, the attributes of groups."""
    nodes = [("", group_of(store)), *group_of(store).members(None)]
    return {
        path: (node[...] if isinstance(node, zarr.Array) else None, dict(node.attrs))
        for path, node in nodes
    }


def check_state(found, old, new):
    """Each node is the old or the new one; of one that is made, chunks may not yet be there."""
    for path, (items, attributes) in found.items():
        states = [state[path] for state in (old, new) if path in state]
        assert states, path
        assert attributes in [state[1] for state in states] or path not in old, path
        if items is None:
            continue
        if path in old:
            check_items(items, states[0][0], states[-1][0])
        else:
            assert ((items == states[0][0]) | (items == FILL)).all(), path
    # What is in both is still there, but for what is deleted to put another in its place.
    kept = old.keys() & new.keys()
    assert {p for p in kept if same(old[p][0], new[p][0])} <= found.keys()


def put_back(store):
    """Put all values back as they were, and have no failure."""
    mapping = store._store._store_dict
    mapping.clear()
    mapping.update(store.contents)
    store.plan = Plan()


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("stays_broken", [False, True], ids=["once", "from then on"])
def test_a_failure_at_any_call_of_a_write_loses_nothing(flaky, operation, stays_broken, scale):
    write = WRITES[operation]

    def prepare():
        put_back(flaky)

    old = state_of(flaky)
    write(flaky)
    new = state_of(flaky)

    def failures(number):
        return [
            {"error": failure(kind), "stays_broken": stays_broken}
            for kind in kinds_of(number, scale)
        ]

    count = 0
    for number, planned, _, error in failing_runs(write, flaky, failures, prepare):
        count += 1
        assert error is planned["error"], (number, flaky.plan.failed, error)
        assert names_the_key(error, flaky), (flaky.plan.failed, error)
        flaky.plan = Plan()
        state = state_of(flaky)
        check_state(state, old, new)
        if operation == "move" and not stays_broken and "new" in state:
            assert same(state["new"][0], VALUES)
        if operation in ("move", "copy", "rechunk"):
            assert any(path in state and same(state[path][0], VALUES) for path in ("a", "new"))
    assert count > 0
    prepare()
    write(flaky)
    check_state(state_of(flaky), new, new)


@pytest.mark.parametrize("operation", WRITES)
def test_a_wrong_answer_at_any_call_of_a_write_loses_nothing(flaky, operation, scale):
    """It is raised, and each value is the old one or the new one; or it does not matter."""
    write = WRITES[operation]
    old = state_of(flaky)
    flaky.plan = Plan()
    write(flaky)
    hooks = [hook for hook, _ in flaky.plan.calls]
    new = state_of(flaky)
    for number, hook in enumerate(hooks, 1):
        answers = list(WRONG_ANSWERS.get(hook, {}).items())
        for name, change in answers[number % scale(9, 1) :: scale(9, 1)]:
            put_back(flaky)
            flaky.plan = Plan(number, change=change)
            _, error = outcome_of(write, flaky)
            where = (number, flaky.plan.failed, name, error)
            assert error is None or isinstance(error, (ZarrError, TypeError)), where
            assert error is None or names_the_key(error, flaky), where
            flaky.plan = Plan()
            check_state(state_of(flaky), old if error else new, new)
