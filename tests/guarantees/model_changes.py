"""Steps of `model` that change more than items: shapes, attributes, members, and where it lies."""

import copy
import math
import pickle

import numpy as np
from drawn import attributes, json_value
from drawn_arrays import LENGTHS, drawn_lengths
from model import step
from places import KINDS

import zarr
from zarr.codecs import ShardingCodec
from zarr.node import join_path

#: How many items an array may have.
MAX_SIZE = 3000


def has_axes(model):
    return model.expected.ndim > 0


def is_stored(model):
    return model.is_stored


def is_in_memory(model):
    return not model.is_stored


# ----------------------------------------------------------------------------------- shapes


def resized(model, shape):
    """Return the items in another shape; what was beyond the old one is the fill value."""
    items = np.empty(shape, model.drawn.dtype)
    items[...] = model.drawn.fill_value
    kept = tuple(slice(min(n, m)) for n, m in zip(shape, model.shape, strict=True))
    items[kept] = model.expected[kept]
    return items


@step(6, has_axes)
def resize(model, r):
    shape = drawn_lengths(len(model.shape), r)
    shape = [
        length if r.random() < 0.6 else n for length, n in zip(shape, model.shape, strict=True)
    ]
    if math.prod(shape) > MAX_SIZE:
        return
    model.log.append(f"resize({shape})")
    model.any_handle(r).resize(shape)
    model.expected = resized(model, shape)


@step(6, has_axes)
def append(model, r):
    axis = r.randrange(len(model.shape))
    shape = list(model.shape)
    shape[axis] = r.randint(0, LENGTHS[len(shape)])
    if math.prod(shape) + model.expected.size > MAX_SIZE:
        return
    value = model.drawn_items(tuple(shape), r)
    model.log.append(f"append({value!r}, axis={axis})")
    found = model.any_handle(r).append(value, axis=axis)
    model.expected = np.concatenate([model.expected, value], axis=axis)
    assert found == model.shape


@step(4, lambda model: model.expected.size > 0)
def erase_chunk(model, r):
    """A chunk is deleted underneath, or a shard: it is all fill value."""
    z = model.any_handle(r)
    lengths = z.shards or z.chunks
    coords = [r.randrange(n) // length for n, length in zip(z.shape, lengths, strict=True)]
    is_by_key = model.is_stored and r.random() < 0.7
    if not is_by_key:
        lengths = z.chunks
        coords = [r.randrange(n) // length for n, length in zip(z.shape, lengths, strict=True)]
    model.log.append(f"erase {coords}, its key: {is_by_key}")
    if is_by_key:
        key = z.metadata.chunk_key_encoding.encode(tuple(coords))
        z.store.delete_sync(join_path(z.path, key))
        # Of what others do, who have no part in our locks, the cache knows nothing.
        model.reopen()
    else:
        z.set_encoded_chunk(coords, None)
    region = tuple(slice(c * n, (c + 1) * n) for c, n in zip(coords, lengths, strict=True))
    model.expected[(*region, ...)] = model.drawn.fill_value


@step(1)
def create_anew(model, r):
    """The array is deleted, or overwritten, by one of another shape."""
    description = dict(model.drawn.description, shape=drawn_lengths(len(model.shape), r))
    if model.is_stored and r.random() < 0.5:
        model.log.append("del group['array']")
        del zarr.open_group(model.place.store, mode="r+")[model.name]
    elif model.is_stored:
        description["overwrite"] = True
    model.create(description)


# --------------------------------------------------------------------------------- handles


@step(5, is_stored)
def open_handle(model, r):
    number = r.randrange(20)
    model.log.append(f"open a handle in way {number}")
    model.arrays = [*model.arrays[-2:], model.place.handle(model.name, number)]


@step(4, lambda model: model.drawn.dtype.kind != "O")
def set_cache(model, r):
    z = model.any_handle(r)
    count = r.choice([0, 1, 2, 1000])
    model.log.append(f"cache of {count} chunks")
    z.cache_nbytes = count * math.prod(z.chunks) * z.itemsize


@step(2)
def set_options(model, r):
    options = {
        "threading.max_workers": r.choice([None, 1, 3]),
        "array.write_empty_chunks": r.random() < 0.3,
    }
    model.log.append(f"set_options({options})")
    zarr.set_options(options)


@step(2, is_stored)
def close_store(model, r):
    """The store is closed and opened again, as by the next process."""
    model.log.append("close, and open again")
    model.place.reopen()
    model.reopen()


@step(2, is_in_memory)
def take_snapshot(model, r):
    model.log.append("snapshot()")
    model.frozen.append((model.any_handle(r).snapshot(), model.expected.copy()))
    del model.frozen[:-3]


# -------------------------------------------------------------------------------- elsewhere


@step(4)
def move_elsewhere(model, r):
    """Copy the array to another place, and go on with the copy."""
    z, place = model.any_handle(r), model.new_place(r.choice(KINDS))
    ways = ["method", "copy", "save", "rechunk"]
    way = r.choice(ways[:3] if has_nested_shards(z) else ways)
    model.log.append(f"{way}: from {model.place} to {place}")
    if place.store is None:
        arrays = {
            "method": lambda: z.copy(),
            "copy": lambda: zarr.load(z.store, z.path) if model.is_stored else copy.copy(z),
            "save": lambda: pickle.loads(pickle.dumps(z.copy())),
            "rechunk": lambda: rechunked(z, None, r),
        }
        place.arrays[model.name] = arrays[way]()
    elif way == "method":
        z.copy(place.store, model.name)
    elif way == "copy":
        zarr.copy(z, place.store, path=model.name)
    elif way == "save":
        zarr.save(place.store, z, path=model.name)
    else:
        rechunked(z, place.store, r)
    model.move_to(place)


def has_nested_shards(z):
    """Whether chunks are shards themselves, of which other ones need not be made of whole ones."""
    return any(isinstance(codec, ShardingCodec) for codec in z.metadata.inner_codecs)


def rechunked(z, store, r):
    chunks = tuple(r.randint(1, max(1, n) + 1) for n in z.shape)
    return zarr.rechunk(z, chunks, store, "" if store is None else "array")


@step(2)
def verify(model, r):
    model.log.append("verify()")
    model.check_sound()


# --------------------------------------------------------------------- attributes and members


@step(4)
def change_attributes(model, r):
    z = model.any_handle(r)
    values = attributes(r)
    match r.randrange(4):
        case 0:
            model.log.append(f"attrs.put({values})")
            z.attrs.put(values)
            model.attributes = values
        case 1 if model.attributes:
            name = r.choice(sorted(model.attributes))
            model.log.append(f"del attrs[{name!r}]")
            del z.attrs[name]
            del model.attributes[name]
        case 2:
            value = json_value(r)
            model.log.append(f"attrs['a'] = {value!r}")
            z.attrs["a"] = model.attributes["a"] = value
        case _:
            model.log.append(f"attrs.update({values})")
            z.attrs.update(values)
            model.attributes |= values


@step(3, is_stored)
def change_members(model, r):
    """Groups beside the array are made, changed, and deleted."""
    group = zarr.open_group(model.place.store, mode="r+")
    name = r.choice(["b", "c c", "\u00e4"])
    if name not in model.members:
        values = attributes(r)
        model.log.append(f"create_group({name!r}, attributes={values})")
        group.create_group(name, attributes=values)
        model.members[name] = values
    elif r.random() < 0.5:
        model.log.append(f"del group[{name!r}]")
        del group[name]
        del model.members[name]
    else:
        model.log.append(f"group[{name!r}].attrs['n'] = 1")
        group[name].attrs["n"] = model.members[name]["n"] = 1
    model.check_members()
