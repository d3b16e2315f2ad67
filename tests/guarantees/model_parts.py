"""Steps of `model` that read and write parts of the array, in all the ways that there are."""

import asyncio
import math

import numpy as np
from drawn_selections import drawn_basic, drawn_selection
from model import DifferenceError, step


def has_chunks(model):
    return model.expected.size > 0


def has_fields(model):
    return model.drawn.dtype.names is not None


async def awaited(awaitable):
    return await awaitable


def drawn_part(model, r, is_once=False):
    return drawn_selection(model.shape, model.arrays[0].chunks, r, is_once)


def basic_part(model, r):
    """Draw a basic selection, with the places of what it selects."""
    selection = drawn_basic(model.shape, r, has_new_axes=False)
    return selection, model.places[selection]


def drawn_region(model, r):
    """Draw the coordinates of a chunk, with where it lies in the array."""
    chunks = model.arrays[0].chunks
    item = [r.randrange(length) for length in model.shape]
    coords = [place // length for place, length in zip(item, chunks, strict=True)]
    return coords, tuple(slice(c * n, (c + 1) * n) for c, n in zip(coords, chunks, strict=True))


# ------------------------------------------------------------------------------------ read


@step(14)
def read(model, r):
    selected = drawn_part(model, r)
    model.log.append(f"read {selected}")
    found = selected.read(model.any_handle(r))
    model.check(found, selected.taken(model.expected), selected)


@step(2)
def read_in_background(model, r):
    selection, places = basic_part(model, r)
    is_awaited = r.random() < 0.5
    model.log.append(f"read {'async_' if is_awaited else 'read_future'} {selection}")
    z = model.any_handle(r)
    if is_awaited:
        found = asyncio.run(awaited(z.async_[selection].get()))
    else:
        found = z.read_future(selection).result()
    model.check(found, model.flat[places], "in the background")


@step(2)
def read_to_memory_that_is_there(model, r):
    selection, places = basic_part(model, r)
    model.log.append(f"get_basic_selection({selection}, out=...)")
    z, expected = model.any_handle(r), np.asarray(model.flat[places])
    found = np.empty(expected.shape[::-1], z.dtype).T
    z.get_basic_selection(selection, out=found)
    model.check(found, expected, "to memory that is there")


@step(2)
def read_through_views(model, r):
    selection, places = basic_part(model, r)
    again = drawn_basic(np.shape(places), r, has_new_axes=False) or (...,)  # () gives the items
    model.log.append(f"lazy[{selection}][{again}].result()")
    expected = model.flat[np.asarray(places)[again]]
    model.check(model.any_handle(r).lazy[selection][again].result(), expected, "through views")


@step(1)
def read_as_other_libraries_do(model, r):
    model.log.append("np.asarray(z), list(z)")
    z = model.any_handle(r)
    model.check(np.asarray(z), model.expected, "as an array")
    if z.ndim:
        rows = list(z)
        if len(rows) != len(model.expected):
            raise DifferenceError(f"found {len(rows)} rows, expected {len(model.expected)}")
        for row, expected in zip(rows, model.expected, strict=True):
            model.check(row, expected, "in rows")


@step(2, has_chunks)
def read_chunk(model, r):
    coords, region = drawn_region(model, r)
    model.log.append(f"get_chunk({coords})")
    model.check(model.any_handle(r).get_chunk(coords), model.expected[(*region, ...)], "chunk")


@step(6, has_fields)
def read_field(model, r):
    name = r.choice(model.drawn.dtype.names)
    selection = drawn_basic(model.shape, r, has_new_axes=False)
    model.log.append(f"read [{(name, *selection)}]")
    found = model.any_handle(r)[(name, *selection)]
    model.check(found, model.expected[name][selection], f"field {name}")


# ----------------------------------------------------------------------------------- write


@step(20)
def write(model, r):
    selected = drawn_part(model, r, is_once=True)
    value = model.drawn_value(selected.shape, r)
    model.log.append(f"write {selected} = {value!r}")
    selected.write(model.any_handle(r), value)
    model.flat[selected.places] = value


@step(3)
def write_everything(model, r):
    value = model.drawn_value(model.shape, r)
    model.log.append(f"write [...] = {value!r}")
    model.any_handle(r)[...] = value
    model.expected[...] = value


@step(2)
def write_in_background(model, r):
    selection, places = basic_part(model, r)
    value = model.drawn_value(np.shape(places), r)
    is_awaited = r.random() < 0.5
    model.log.append(f"{'async_' if is_awaited else 'write_future'} {selection} = {value!r}")
    z = model.any_handle(r)
    if is_awaited:
        asyncio.run(awaited(z.async_[selection].set(value)))
    else:
        z.write_future(selection, value).result()
    model.flat[places] = value


@step(2)
def write_through_views(model, r):
    selection, places = basic_part(model, r)
    again = drawn_basic(np.shape(places), r, has_new_axes=False) or (...,)
    places = np.asarray(places)[again]
    value = model.drawn_value(np.shape(places), r)
    model.log.append(f"lazy[{selection}][{again}] = {value!r}")
    model.any_handle(r).lazy[selection][again] = value
    model.flat[places] = value


@step(3)
def write_buffered(model, r):
    """Several parts, and reads between them, while they are held; appends write them out."""
    z = model.any_handle(r)
    most = math.prod(z.shards or z.chunks) * (z.itemsize + 1)
    max_nbytes = r.choice([None, most, 2 * most])
    model.log.append(f"buffered({max_nbytes}):")
    with z.buffered(max_nbytes):
        for _ in range(r.randint(1, 5)):
            selection, places = basic_part(model, r)
            value = model.drawn_value(np.shape(places), r)
            model.log.append(f"    write [{selection}] = {value!r}")
            z[selection] = value
            model.flat[places] = value
            if r.random() < 0.3:
                selection, places = basic_part(model, r)
                model.log.append(f"    read [{selection}]")
                model.check(z[selection], model.flat[places], "while buffered")


@step(3, has_chunks)
def write_chunk(model, r):
    coords, region = drawn_region(model, r)
    value = model.drawn_items(np.shape(model.places[region]), r)
    is_future = r.random() < 0.3
    model.log.append(f"set_chunk({coords}, {value!r}), in the background: {is_future}")
    z = model.any_handle(r)
    if is_future:
        z.set_chunk_future(coords, value).result()
    else:
        z.set_chunk(coords, value)
    model.expected[(*region, ...)] = value


@step(6, has_fields)
def write_field(model, r):
    name = r.choice(model.drawn.dtype.names)
    selection = drawn_basic(model.shape, r, has_new_axes=False)
    value = model.drawn_value(np.shape(model.places[selection]), r)[name]
    model.log.append(f"write [{(name, *selection)}] = {value!r}")
    model.any_handle(r)[(name, *selection)] = value
    model.expected[name][selection] = value


@step(2)
def write_an_array(model, r):
    """The value is an array itself: a copy of this one, with its axes turned round or not."""
    is_turned = r.random() < 0.5 and model.shape == model.shape[::-1]
    model.log.append(f"write [...] = a copy of itself, turned: {is_turned}")
    z = model.any_handle(r)
    other = z.copy()
    if is_turned:
        other[...] = model.expected.T
    z[...] = other
    model.expected = np.array(model.expected.T if is_turned else model.expected, order="C")
