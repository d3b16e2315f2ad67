"""Settings of the process: dotted names, read from the environment at import, changed by `set`."""

import os
from collections.abc import Callable, Mapping

__all__ = ["Config", "config", "set_options"]


def _environment_value(text):
    """Read a setting from the environment as an int, a bool or None where it looks like one."""
    words = {"true": True, "false": False, "none": None, "": None}
    try:
        return int(text)
    except ValueError:
        return words.get(text.strip().lower(), text)


def _is_workers(value):
    return value is None or (isinstance(value, int) and value is not True and value >= 1)


def _is_bool(value):
    return isinstance(value, bool)


def _is_name(value):
    return isinstance(value, str)


def _is_size(value):
    return type(value) is int and value >= 1


def _is_size_or_none(value):
    return value is None or _is_size(value)


def _is_level(value):
    return type(value) is int and 0 <= value <= 9


def _is_shuffle(value):
    return _is_name(value) or (type(value) is int and 0 <= value <= 2)


#: name -> (default, test, what the test expects)
_SETTINGS: dict[str, tuple[object, Callable, str]] = {
    "threading.max_workers": (None, _is_workers, "a positive integer, or None for all cores"),
    "async.concurrency": (32, _is_size, "a positive integer"),
    "array.write_empty_chunks": (False, _is_bool, "True or False"),
    "array.target_shard_size_bytes": (None, _is_size_or_none, "a positive integer, or None"),
    "metadata.max_nbytes": (2**24, _is_size, "a positive integer"),
    "defaults.cname": ("blosclz", _is_name, "the name of a compressor"),
    "defaults.clevel": (5, _is_level, "an integer from 0 to 9"),
    "defaults.shuffle": (1, _is_shuffle, "0, 1, 2 or the name of a shuffle"),
}


class Config:
    """The settings of the process.

    =========================== ======= ==============================================
    name                        default
    =========================== ======= ==============================================
    threading.max_workers       None    threads that work on one call, the caller among
                                        them; None: the cores this process may use
    async.concurrency           32      futures and awaited calls that are worked on at the same
                                        time; they wait for stores, so more than there are cores
    array.write_empty_chunks    False   store chunks that hold the fill value only
    array.target_shard_size_bytes None  the most bytes of items in a shard of a shape that is
                                        guessed (``shards='auto'``); None: 128 MiB
    metadata.max_nbytes         2**24   the most bytes of a metadata document, read or written
    defaults.cname              blosclz the compressor of arrays for which none is given
    defaults.clevel             5       its level
    defaults.shuffle            1       what is shuffled before: 0 nothing, 1 bytes, 2 bits
    =========================== ======= ==============================================

    Each may be set for a process by an environment variable: ``ZARR_`` and its name in capitals,
    with two underscores for a dot (``ZARR_THREADING__MAX_WORKERS=4``).

    Notes
    -----
    Settings are the process's, not a thread's.

    Examples
    --------
    >>> import zarr
    >>> zarr.config.get('array.write_empty_chunks')
    False
    >>> with zarr.config.set({'threading.max_workers': 1}):
    ...     zarr.config.get('threading.max_workers')
    1
    """

    def __init__(self, environ: Mapping[str, str] = os.environ):
        self._listeners: dict[str, list[Callable]] = {}
        self._values = {name: default for name, (default, _, _) in _SETTINGS.items()}
        for name in _SETTINGS:
            variable = "ZARR_" + name.upper().replace(".", "__")
            if variable in environ:
                value = _environment_value(environ[variable])
                self._values[name] = self._checked(name, value, variable)

    @staticmethod
    def _checked(name, value, place):
        _, test, expected = _SETTINGS[name]
        if not test(value):
            raise ValueError(f"{place}: found {value!r}, expected {expected}")
        return value

    def get(self, name: str, default=None):
        """Return the value of a setting, or `default` when there is no such setting."""
        return self._values.get(name, default)

    def set(self, values: Mapping | None = None, **more) -> "_Change":
        """Change settings, for good or as a context manager until its end.

        Parameters
        ----------
        values : mapping of str to value
            Settings by their dotted names.
        **more
            The same with two underscores for each dot.

        Raises
        ------
        KeyError
            For a name that is not a setting. Nothing is changed then.
        ValueError
            For a value of the wrong kind. Nothing is changed then.
        """
        changes = {name.replace("__", "."): value for name, value in more.items()}
        changes.update(values or {})
        for name, value in changes.items():
            if name not in _SETTINGS:
                raise KeyError(f"{name}: no such setting, expected one of {', '.join(_SETTINGS)}")
            self._checked(name, value, name)
        change = _Change(self, {name: self._values[name] for name in changes})
        self._apply(changes)
        return change

    def _apply(self, changes):
        self._values.update(changes)
        for name, value in changes.items():
            for listener in self._listeners.get(name, ()):
                listener(value)

    def listen(self, name: str, listener: Callable) -> None:
        """Call `listener` with the value of a setting, now and after every change."""
        self._listeners.setdefault(name, []).append(listener)
        listener(self._values[name])

    def asdict(self) -> dict:
        """Return all settings as a dict, which may be changed."""
        return dict(self._values)

    def __repr__(self):
        return f"Config({self._values})"


class _Change:
    """What `Config.set` returns: on leaving the with-block, the settings are as before."""

    def __init__(self, owner, before):
        self._owner = owner
        self._before = before

    def __enter__(self):
        return self._owner

    def __exit__(self, *exc_info):
        self._owner._apply(self._before)


config = Config()


def set_options(values: Mapping | None = None, **more) -> _Change:
    """Change settings of the process; the same as ``zarr.config.set``.

    Raises
    ------
    KeyError
        For a name that is not a setting.
    ValueError
        For a value of the wrong kind.

    Examples
    --------
    >>> import zarr
    >>> with zarr.set_options({'threading.max_workers': 2}):
    ...     pass
    """
    return config.set(values, **more)
