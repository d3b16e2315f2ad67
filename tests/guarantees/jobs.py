"""What writers do, be they threads or processes: each takes a function that opens an array."""

import itertools
import time

import numpy as np
from threads import THREADS

from zarr.errors import ContainsArrayError

__all__ = [
    "COLUMNS",
    "WRITES",
    "append_blocks",
    "attributes_changed",
    "change_attributes",
    "check_all_appended",
    "check_blocks",
    "check_nodes",
    "check_version",
    "count",
    "count_with_receipts",
    "counted",
    "counts_after",
    "create_nodes",
    "overwrite",
    "put_attributes",
    "version",
]

#: How many items `count_with_receipts` counts in.
COLUMNS = 6
#: How many updates `count` makes in a round.
WRITES = 10


def count(open_array, writer, rounds):
    """Count in two rows of an array that nobody else writes to; all lie in each chunk."""
    row, other_row = writer, THREADS + writer
    lists = np.arange(1, 24, 6), np.array([0, 12])
    for i in range(rounds):
        if i % 32 == 0:
            z = open_array(writer + i // 32)
        for column in range(0, 24, 6):
            z[row, column] = z[row, column] + 1
            # Over the border between inner chunks, and between chunks.
            part = np.s_[other_row, column + 1 : column + 6]
            z[part] = z[part] + 1
        z.oindex[row, lists[0]] = z.oindex[row, lists[0]] + 1
        future = z.read_future(np.s_[other_row, ::12]) if i % 8 == 0 else None
        values = z.vindex[other_row, lists[1]] if future is None else future.result()
        if i % 8 == 1:
            z.write_future(np.s_[other_row, ::12], values + 1).result()
        else:
            z[other_row, ::12] = values + 1


def counted(rounds):
    """Return what an array of `count` holds after so many rounds of all writers."""
    expected = np.zeros((2 * THREADS, 24), "i8")
    expected[:THREADS, ::6] = expected[:THREADS, 1::6] = rounds
    expected[THREADS:] = rounds
    expected[THREADS:, [6, 18]] = 0
    return expected


def append_blocks(open_array, writer, count, axis, block_shape):
    """Append blocks that are full of a number of their own each; return the shapes after that."""
    first = writer * count + 1
    return [
        open_array(writer + value).append(np.full(block_shape, value, "i4"), axis=axis)
        for value in range(first, first + count)
    ]


def check_blocks(items, axis, length):
    """Check that an array holds whole blocks only; return the number of each."""
    items = np.moveaxis(items, axis, 0)
    assert len(items) % length == 0, items.shape
    numbers = items[::length, 0]
    blocks = items.reshape(len(numbers), length * items.shape[1])
    assert (blocks == numbers[:, None]).all(), blocks
    assert (numbers > 0).all(), numbers
    return numbers.tolist()


def check_all_appended(items, axis, length, writer_count, count):
    """Check that each block of `append_blocks` is there once, in the order of its writer."""
    numbers = check_blocks(items, axis, length)
    assert sorted(numbers) == list(range(1, writer_count * count + 1))
    for writer in range(writer_count):
        own = [number for number in numbers if (number - 1) // count == writer]
        assert own == sorted(own)


def change_attributes(open_node, writer, count):
    """Set attributes of the writer's own, one or several at a time, and delete some of them."""
    for i in range(count):
        attributes = open_node(writer + i).attrs
        attributes[f"{writer}.{i}"] = i
        attributes.update({f"{writer}.last": i, f"{writer}.list": [i] * 3})
        if i % 5 == 4:
            del attributes[f"{writer}.{i}"]
        assert attributes[f"{writer}.last"] == i


def attributes_changed(writer_count, count):
    """Return what is left of `change_attributes`."""
    kept = {f"{w}.{i}": i for w in range(writer_count) for i in range(count) if i % 5 != 4}
    for writer in range(writer_count):
        kept |= {f"{writer}.last": count - 1, f"{writer}.list": [count - 1] * 3}
    return kept


def put_attributes(open_node, writer, count):
    """Replace all attributes, by some that belong together."""
    for i in range(count):
        attributes = open_node(writer + i).attrs
        attributes.put({"writer": writer, "turn": i, f"{writer}": [writer, i]})
        found = attributes.asdict()
        name = str(found["writer"])
        assert found == {
            "writer": int(name),
            "turn": found["turn"],
            name: [int(name), found["turn"]],
        }


def create_nodes(open_group, writer, count):
    """Make nodes of names that others want too, and of others; return what was made of the former.

    What many want is made by one of them, and found by the others.
    """
    won = []
    for i in range(count):
        group = open_group(writer + i)
        group.require_group(f"shared/{i}").attrs[f"by {writer}"] = i
        group.create_array(f"new/parents/{i}/{writer}", shape=3, dtype="i4")[:] = writer
        group.require_array(f"array/{i}", shape=20, chunks=7, dtype="i4")[writer] = writer + 1
        try:
            made = group.create_array(f"once/{i}", shape=2, dtype="i4", attributes={"by": writer})
        except ContainsArrayError:
            continue
        made[:] = writer
        won.append(i)
    return won


def check_nodes(group, writer_count, count, won):
    """Check what `create_nodes` of all writers has left; `won` is what each returned."""
    assert sorted(i for own in won for i in own) == list(range(count))
    for i in range(count):
        expected = {f"by {writer}": i for writer in range(writer_count)}
        assert group[f"shared/{i}"].attrs.asdict() == expected
        for writer in range(writer_count):
            assert group[f"new/parents/{i}/{writer}"][:].tolist() == [writer] * 3
        numbers = [writer + 1 for writer in range(writer_count)]
        assert group[f"array/{i}"][:].tolist() == numbers + [0] * (20 - writer_count)
    for writer, own in enumerate(won):
        for i in own:
            assert group[f"once/{i}"].attrs["by"] == writer
            assert group[f"once/{i}"][:].tolist() == [writer] * 2


# ------------------------------------------------------------------- what processes do, and die at


def counts_after(updates):
    """Return what `count_with_receipts` has in its row after so many updates."""
    return [(updates - column + COLUMNS - 1) // COLUMNS for column in range(COLUMNS)]


def count_with_receipts(open_array, writer, updates, receipts):
    """Count in a row, whose items are in several chunks; a byte to a file says each that is done.

    Who comes after one that was killed finds all of which the file tells, and at most one more.
    """
    z = open_array(writer)
    with open(receipts, "ab", buffering=0) as file:
        done = file.tell()
        found = z[writer].tolist()
        if found == counts_after(done + 1):
            file.write(b".")  # of this one only the receipt was missing
        elif found != counts_after(done):
            raise AssertionError(f"{found} after {done} updates, expected {counts_after(done)}")
        for number in range(file.tell(), updates):
            column = number % COLUMNS
            z[writer, column] = z[writer, column] + 1
            file.write(b".")


# --------------------------------------------------------------------- versions, and their readers


def version(number, shape):
    """Return the items of a version: its number, modulo 100, is seen in each of them.

    In turn one number and noise, so that what is stored has another length each time.
    """
    if number % 2:
        return np.full(shape, number % 97 + 1, "i4")
    noise = np.random.default_rng(number % 7).integers(0, 99, shape, "i4") * 100
    return noise + number % 97 + 1


def check_version(items, *what):
    """Check that items are of one version; return its number, modulo 100."""
    numbers = items % 100
    assert (numbers == numbers.flat[0]).all(), (np.unique(numbers), *what)
    assert numbers.flat[0] > 0, what
    return int(numbers.flat[0])


def overwrite(open_array, writer, pause_every=0):
    """Write one version after another, for ever; pause at the same times as others do."""
    z = open_array(writer)
    for number in itertools.count(writer, 2):
        z[...] = version(number, z.shape)
        if pause_every and number % pause_every > pause_every - 3:
            time.sleep(0.3 - time.time() % 0.3)
