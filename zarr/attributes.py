"""Attributes: a mapping of names to JSON values that belongs to an array or a group."""

from collections.abc import Callable, Iterable, Mapping, MutableMapping

__all__ = ["Attributes", "FrozenAttributes", "StoredAttributes"]


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
    """The attributes of an array or a group, by name.

    Values are copied in and out, so that what is stored changes by assignment only.

    Parameters
    ----------
    values : mapping or iterable of pairs, optional
        The first values.

    Notes
    -----
    Any number of threads may read and assign; no change is lost.

    Examples
    --------
    >>> import zarr
    >>> z = zarr.zeros(10)
    >>> z.attrs['units'] = 'metres'
    >>> z.attrs
    Attributes({'units': 'metres'})
    """

    def __init__(self, values: Mapping | Iterable = ()):
        self._values: dict = {}
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
        self._set(_json_copy(dict(*values, **more), "attributes"))

    def put(self, values: Mapping) -> None:
        """Replace all attributes by these.

        Raises
        ------
        TypeError
            When a name is not a string, or a value cannot be held by JSON; names its place.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.zeros(10, attributes={'a': 1})
        >>> z.attrs.put({'b': 2})
        >>> z.attrs
        Attributes({'b': 2})
        """
        self._replace(_json_copy(dict(values), "attributes"))

    def clear(self):
        """Delete all attributes."""
        self._replace({})

    def __delitem__(self, name):
        self._delete(name)

    def __iter__(self):
        return iter(list(self._values))

    def __len__(self):
        return len(self._values)

    def asdict(self) -> dict:
        """Return the attributes as a dict, which may be changed."""
        return _json_copy(self._values.copy(), "attributes")

    def __repr__(self):
        return f"Attributes({self._values.copy()})"

    # Each of these is one step that no other thread comes between.

    def _set(self, changes):
        self._values.update(changes)

    def _replace(self, values):
        self._values = values

    def _delete(self, name):
        del self._values[name]


class StoredAttributes(Attributes):
    """Attributes that are part of a document on a store: every change is saved at once.

    Parameters
    ----------
    read : callable
        Returns the values as this process knows them, a dict that nobody changes.
    change : callable
        Is called with a function from the stored values to those to store.
    """

    def __init__(self, read: Callable[[], dict], change: Callable):
        self._read = read
        self._change = change

    @property
    def _values(self):
        return self._read()

    def _set(self, changes):
        if changes:
            self._change(lambda before: {**before, **changes})

    def _replace(self, values):
        self._change(lambda before: values)

    def _delete(self, name):
        def without(before):
            after = dict(before)
            del after[name]
            return after

        self._change(without)


class FrozenAttributes(Attributes):
    """Attributes that stay as they are: of a snapshot.

    Parameters
    ----------
    values : mapping

    Raises
    ------
    ValueError
        When they are changed.

    Examples
    --------
    >>> FrozenAttributes({'a': 1})['a']
    1
    """

    def __init__(self, values: Mapping):
        self._values = _json_copy(dict(values), "attributes")

    def _refuse(self, *arguments):
        raise ValueError("snapshot: is read-only, found an attempt to change its attributes")

    _set = _replace = _delete = _refuse
