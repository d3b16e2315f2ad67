"""What a target of the fuzzer is: good inputs, how hostile ones are drawn from them, their use.

An input is one value that stands in the place of a good one, which has a name: the seed. So it can
be kept as a small file, and says by itself what to do with it: see `fuzz.py`.
"""

import os
import tempfile
import zlib
from typing import NamedTuple

from zarr.errors import ZarrError

__all__ = [
    "ABSURD_NBYTES",
    "DOCUMENTED",
    "Input",
    "Seed",
    "Tally",
    "Target",
    "temporary_folder",
]

#: What users may meet when they open, read or write what is hostile: our own exceptions, which say
#: what is wrong and where; and a MemoryError, if the metadata do ask for so much.
DOCUMENTED = (ZarrError,)
#: From here on, a MemoryError is what the metadata asked for.
ABSURD_NBYTES = 2**27


def temporary_folder():
    """Return a new folder, in memory where there is a place for that."""
    memory = "/dev/shm"
    return tempfile.TemporaryDirectory(dir=memory if os.path.isdir(memory) else None)


class Input(NamedTuple):
    """A hostile value, and the name of what it replaces."""

    seed: str
    value: bytes

    @property
    def digest(self) -> int:
        """A number that follows from the value: it says which of the dearer uses are tried."""
        return zlib.crc32(self.value)


class Seed(NamedTuple):
    """A good value: what a store holds, and the key of the value in it."""

    contents: dict[str, bytes]
    key: str

    @property
    def value(self):
        return self.contents[self.key]


class Tally:
    """What came of the attempts to use an input.

    Attributes
    ----------
    passed, refused : int
        How many attempts did what was asked, and how many raised a documented exception.
    asked_nbytes : int
        What the metadata say that a chunk and a result take, at most.
    """

    def __init__(self):
        self.passed = 0
        self.refused = 0
        self.asked_nbytes = 0

    def attempt(self, function, *args, expected=(), **kwargs):
        """Return what a function returns, or, if it refuses as documented, the exception.

        What else it raises is an error of the library, unless the caller expects it.
        """
        try:
            result = function(*args, **kwargs)
        except (*DOCUMENTED, *expected) as error:
            self.refused += 1
            return error
        except MemoryError as error:
            if self.asked_nbytes < ABSURD_NBYTES:
                raise
            self.refused += 1
            return error
        self.passed += 1
        return result


class Target:
    """A kind of hostile input.

    Attributes
    ----------
    seeds : dict of str to Seed
        The good values, by names that can be those of files.
    """

    def __init__(self, seeds):
        self.seeds = seeds
        self.names = list(seeds)
        self.others = [seed.value for seed in seeds.values()]

    def draw(self, random) -> Input:
        """Return a hostile input."""
        name = random.choice(self.names)
        return Input(name, self.mutated(random, self.seeds[name].value))

    def mutated(self, random, value) -> bytes:
        """Return what is made of a good value."""
        raise NotImplementedError

    def use(self, hostile: Input, tally: Tally) -> None:
        """Open and use what holds the input; the same for the same input.

        Raises
        ------
        Exception
            When the library does anything but what is right or documented.
        """
        raise NotImplementedError

    def finish(self) -> None:
        """See that what all inputs shared is as good as it was."""
