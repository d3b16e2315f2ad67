"""Attributes: a mapping of names to JSON values that belongs to an array."""

from collections.abc import MutableMapping

__all__ = ["Attributes"]


def _json_copy(value, place):
    """Return a copy of a value made of what JSON has, or raise TypeError that names the place."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_json_copy(item, f"{place}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, dict):
        for name in value:
            if not isinstance(name, str):
                raise TypeError(f"{place}: found the name {name!r}, expected a string")
        return {name: _json_copy(item, f"{place}.{name}") for name, item in value.items()}
    raise TypeError(f"{place}: found {value!r}, expected a value that JSON can hold")


class Attributes(MutableMapping):
    """The attributes of an array, by name.

    Values are copied in and out, so that what is stored changes by assignment only.

    Notes
    -----
    Any number of threads may read and assign.

    Examples
    --------
    >>> import zarr
    >>> z = zarr.zeros(10)
    >>> z.attrs['units'] = 'metres'
    >>> z.attrs
    Attributes({'units': 'metres'})
    """

    def __init__(self, values=()):
        self._values = {}
        self.update(values)

    def __getitem__(self, name):
        return _json_copy(self._values[name], "attributes")

    def __setitem__(self, name, value):
        self.update({name: value})

    def update(self, *values, **more):
        """Set several attributes at once: all of them, or none when one is not JSON.

        Raises
        ------
        TypeError
            When a name is not a string, or a value cannot be held by JSON; names its place.
        """
        changes = dict(*values, **more)
        self._values.update(_json_copy(changes, "attributes"))

    def __delitem__(self, name):
        del self._values[name]

    def __iter__(self):
        return iter(list(self._values))

    def __len__(self):
        return len(self._values)

    def asdict(self) -> dict:
        """Return the attributes as a dict, which may be changed."""
        return _json_copy(self._values.copy(), "attributes")

    def __repr__(self):
        return f"Attributes({self._values.copy()})"
