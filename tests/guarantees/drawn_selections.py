"""Selections of every kind, drawn at random, with the places of the items that NumPy selects."""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Selected", "drawn_basic", "drawn_selection"]


@dataclass
class Selected:
    """What is selected of an array.

    Attributes
    ----------
    indexer : str
        What is indexed: '', for the array itself, or 'oindex', 'vindex' or 'blocks'.
    selection
        With what.
    places : numpy.ndarray or int
        The selected items' places among all, in C order, in the shape that is read.
    """

    indexer: str
    selection: object
    places: object

    def __repr__(self):
        return f"{'.' * bool(self.indexer)}{self.indexer}[{self.selection}]"

    @property
    def shape(self):
        return np.shape(self.places)

    def of(self, array):
        """Return what takes the selection."""
        return getattr(array, self.indexer) if self.indexer else array

    def read(self, array):
        return self.of(array)[self.selection]

    def write(self, array, value):
        self.of(array)[self.selection] = value

    def taken(self, expected):
        """Return what of an array of NumPy is selected."""
        return expected.reshape(-1)[self.places]

    def put(self, expected, value):
        """Assign to an array of NumPy, which is contiguous."""
        expected.reshape(-1)[self.places] = value


def drawn_slice(length, r):
    bounds = [None, *range(-length - 2, length + 3)]
    step = r.choice([None, None, 1, 1, 2, 3, length + 1, -1, -2])
    return slice(r.choice(bounds), r.choice(bounds), step)


def drawn_list(length, r, is_once=False):
    """Draw indices of an axis, unsorted, from its end too, several times unless `is_once`."""
    places = range(length)
    chosen = r.sample(places, r.randint(0, length)) if is_once or not length else None
    if chosen is None:
        chosen = r.choices(places, k=r.randint(1, 6))
    return [place - length if r.random() < 0.3 else place for place in chosen]


def drawn_basic(shape, r, has_new_axes=True):
    """Draw what slices, integers, new axes and an ellipsis select."""
    entries = [r.randrange(-n, n) if n and r.random() < 0.35 else drawn_slice(n, r) for n in shape]
    entries = entries[: r.choice([len(shape), len(shape), r.randint(0, len(shape))])]
    if len(entries) < len(shape) and r.random() < 0.5:
        # What stands behind an ellipsis belongs to the last axes.
        kept = r.randint(0, len(entries))
        behind = shape[len(shape) - len(entries) + kept :]
        entries = [*entries[:kept], ..., *(drawn_slice(n, r) for n in behind)]
    if has_new_axes and r.random() < 0.2:
        entries.insert(r.randint(0, len(entries)), None)
    return tuple(entries)


def drawn_orthogonal(shape, places, r, is_once):
    """Draw an integer, a slice, a list or a mask for each axis."""
    selection, taken = [], places
    for axis, length in reversed(list(enumerate(shape))):
        before = (slice(None),) * axis
        match r.randrange(4):
            case 0 if length:
                entry = r.randrange(-length, length)
                taken = taken[(*before, entry)]
            case 1:
                entry = drawn_list(length, r, is_once)
                taken = taken[(*before, np.array(entry, int))]
            case 2:
                entry = [r.random() < 0.5 for _ in range(length)]
                taken = taken[(*before, np.array(entry, bool))]
            case _:
                entry = drawn_slice(length, r)
                taken = taken[(*before, entry)]
        selection.insert(0, entry)
    return Selected("oindex", tuple(selection), taken)


def drawn_coordinates(shape, places, r, is_once):
    """Draw points, in a list or a table of them."""
    size = math.prod(shape)
    count = r.randint(0, min(6, size)) if size else 0
    points = r.sample(range(size), count) if is_once else r.choices(range(max(1, size)), k=count)
    lists = np.array(np.unravel_index(np.array(points, int), shape)).reshape(len(shape), count)
    if count == 6 and r.random() < 0.5:
        lists = lists.reshape(len(shape), 2, 3)
    selection = tuple(axis.tolist() for axis in lists)
    return Selected(r.choice(["vindex", ""]), selection, places[tuple(lists)])


def drawn_mask(shape, places, r):
    mask = np.array(r.choices([True, False], [1, r.choice([0, 1, 9])], k=places.size), bool)
    mask = mask.reshape(shape)
    return Selected(r.choice(["vindex", ""]), mask, places[mask])


def drawn_blocks(chunks, shape, places, r):
    """Draw whole chunks."""
    selection, region = [], []
    for chunk, length in zip(chunks, shape, strict=True):
        count = -(-length // chunk)
        if count and r.random() < 0.5:
            entry = r.randrange(-count, count)
            first, end = entry % count, entry % count + 1
        else:
            entry = slice(*sorted(r.choices(range(count + 1), k=2)))
            first, end = entry.start, entry.stop
        selection.append(entry)
        region.append(slice(first * chunk, end * chunk))
    return Selected("blocks", tuple(selection), places[tuple(region)])


def drawn_selection(shape, chunks, r, is_once=False) -> Selected:
    """Draw a selection of any kind; with `is_once` no item is selected twice."""
    places = np.arange(math.prod(shape)).reshape(shape)
    kind = r.choice(["basic"] * 5 + ["orthogonal", "coordinates", "mask", "blocks"] * bool(shape))
    match kind:
        case "orthogonal":
            return drawn_orthogonal(shape, places, r, is_once)
        case "coordinates":
            return drawn_coordinates(shape, places, r, is_once)
        case "mask":
            return drawn_mask(shape, places, r)
        case "blocks":
            return drawn_blocks(chunks, shape, places, r)
    selection = drawn_basic(shape, r)
    return Selected("", selection, places[selection])
