"""A model of an array and of the group that it lies in, in NumPy's words, and steps for both.

A step draws what it does from a random.Random and from the model as it is at that moment.
"""

import math
import random
import tempfile

import numpy as np
from content import bits, plain_dtype
from drawn_arrays import DrawnArray
from places import KINDS, place_of

import zarr

__all__ = ["STEPS", "DifferenceError", "Model", "step"]

#: What is done in steps: functions of a model and a random.Random, with their weights and with
#: functions that say whether they can be done at the moment.
STEPS = {}


def step(weight, is_possible=lambda model: True):
    """Add a function to the steps."""

    def add(function):
        STEPS[function] = weight, is_possible
        return function

    return add


#: Fewer on places that take their time.
WEIGHTS = {"durable": 1, "zip": 3, "python": 2}


class DifferenceError(AssertionError):
    """What was found is not what NumPy has."""


class Model:
    """An array and what NumPy says that it holds.

    Attributes
    ----------
    arrays : list of Array
        Handles to the same array, of which each step uses any.
    expected : numpy.ndarray
        What it holds.
    attributes, members : dict
        The attributes of the array; those of the groups beside it, by their names.
    frozen : list
        Snapshots, each with what it held.
    log : list of str
        What was done.
    """

    def __init__(self, number, folder, log):
        r = random.Random(number)
        self.folder = folder
        kind = r.choices(KINDS, [WEIGHTS.get(kind, 6) for kind in KINDS])[0]
        self.log = log
        self.place = self.new_place(kind)
        self.frozen = []
        self.members = {}
        self.drawn = DrawnArray(r)
        self.name = "array"
        self.create(self.drawn.description)

    def new_place(self, kind):
        """Return a place of a kind that nothing lies in yet."""
        return place_of(kind, tempfile.mkdtemp(dir=self.folder))

    def create(self, description):
        """Make the array anew."""
        self.log.append(f"in {self.place}: create_array(name={self.name!r}, **{description})")
        array = self.place.create(self.name, **description)
        self.arrays = [array]
        self.expected = np.empty(description["shape"], self.drawn.dtype)
        self.expected[...] = self.drawn.fill_value
        self.attributes = dict(description["attributes"])

    @property
    def shape(self):
        return self.expected.shape

    @property
    def flat(self):
        """All items in C order, which can be assigned to."""
        return self.expected.reshape(-1)

    @property
    def places(self):
        """The place of each item in `flat`."""
        return np.arange(self.expected.size).reshape(self.shape)

    @property
    def is_stored(self):
        return self.place.store is not None

    def any_handle(self, r):
        return r.choice(self.arrays)

    def drawn_items(self, shape, r):
        """Draw items, of which all, few or none differ."""
        size = math.prod(shape)
        pool = self.drawn.items
        places = r.choices(range(len(pool)), k=min(size, r.choice([1, 1, 5, size])))
        drawn = pool[np.resize(np.array(places, int), size)]
        return np.asarray(drawn).reshape(shape)

    def drawn_value(self, shape, r):
        """Draw what is assigned to a part of a shape: also less of it, that is repeated."""
        shape = [length if r.random() < 0.8 else 1 for length in shape]
        while shape and r.random() < 0.15:
            shape.pop(0)
        values = self.drawn_items(tuple(shape), r)
        match r.randrange(6):
            case 0:
                return np.array(values, order="F")
            case 1:
                return values.astype(values.dtype.newbyteorder(r.choice("<>")))
            case 2 if not shape:
                return values[()]
        return values

    def check(self, found, expected, words):
        """Compare items bit by bit, and shape and kind of an array."""
        if np.shape(found) != np.shape(expected):
            raise DifferenceError(
                f"{words}: found shape {np.shape(found)}, {np.shape(expected)} expected"
            )
        dtype = getattr(expected, "dtype", self.drawn.dtype)
        if np.shape(found) and plain_dtype(found.dtype) != plain_dtype(dtype):
            raise DifferenceError(f"{words}: found {found.dtype}, expected {dtype}")
        read, wanted = (bits(np.asarray(a, dtype)) for a in (found, expected))
        if (read != wanted).any():
            place = int(np.argmax(read != wanted))
            raise DifferenceError(
                f"{words}: found {np.asarray(found).reshape(-1)[place]!r}, expected "
                f"{np.asarray(expected).reshape(-1)[place]!r} at {place} of {read.size}"
            )

    def check_all(self, r):
        """Compare all of the array, as one of its handles sees it."""
        array = self.any_handle(r)
        self.check(array[...], self.expected, "all")
        if array.shape != self.shape:
            raise DifferenceError(f"shape: found {array.shape}, expected {self.shape}")
        if array.attrs.asdict() != self.attributes:
            raise DifferenceError(f"attributes: found {array.attrs}, expected {self.attributes}")

    def check_sound(self):
        """Have all that is stored verified, and the snapshots compared."""
        if report := self.arrays[0].verify():
            raise DifferenceError(f"verify: found {report}, expected no damage")
        for array, expected in self.frozen:
            self.check(array[...], expected, "snapshot")

    def check_members(self):
        """Compare the group that the array lies in."""
        group = zarr.open_group(self.place.store, mode="r")
        found = {name: member.attrs.asdict() for name, member in group.groups()}
        if found != self.members:
            raise DifferenceError(f"members: found {found}, expected {self.members}")
        if list(group.array_keys()) != [self.name]:
            raise DifferenceError(
                f"members: found {list(group.array_keys())}, expected {self.name!r}"
            )

    def check_end(self):
        """Compare what is there in the end, from a handle that is opened anew."""
        self.check_sound()
        if self.is_stored:
            self.check_members()
            self.place.reopen()
            self.reopen()
        self.check_all(random.Random(0))

    # ---------------------------------------------------------------------------- elsewhere

    def reopen(self):
        """Have one handle, a new one."""
        self.arrays = [self.place.handle(self.name)]

    def move_to(self, place):
        """Go on with the array of the same name at another place."""
        self.close()
        self.place = place
        self.members = {}
        self.reopen()

    def close(self):
        self.place.close()
