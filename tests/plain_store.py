"""A store as users write one: as little as there can be, in Python."""

import time

from zarr.storage import Store
from zarr.storage.byte_range import span_of

__all__ = ["PlainStore", "SlowStore"]


class PlainStore(Store):
    """Keeps values in a dict, and knows nothing of what else a store may offer."""

    def __init__(self):
        self.values = {}

    def _get(self, key, byte_range=None):
        value = self.values.get(key)
        return value if value is None else value[slice(*span_of(byte_range, len(value)))]

    def _set(self, key, value):
        self.values[key] = bytes(value)

    def _delete(self, key):
        self.values.pop(key, None)

    def _list(self, prefix):
        return (key for key in list(self.values) if key.startswith(prefix))


class SlowStore(PlainStore):
    """Each access takes its time, in which other threads come to theirs."""

    #: In seconds.
    delay = 0.0002

    def _get(self, key, byte_range=None):
        time.sleep(self.delay)
        return super()._get(key, byte_range)

    def _set(self, key, value):
        value = bytes(value)
        time.sleep(self.delay)
        super()._set(key, value)
