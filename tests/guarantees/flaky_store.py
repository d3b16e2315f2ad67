"""A store that fails at the n-th thing that is asked of it, or gives a wrong answer."""

import asyncio
import threading

from zarr.storage import WrapperStore


class Failure(Exception):  # noqa: N818 (a mark, no error by itself)
    """That a failure is the one that was planned: mixed into each kind of error."""


def failure(kind):
    """Return an error of a kind, known by a class of its own."""
    return type(f"Planned{kind.__name__}", (Failure, kind), {})("out of order")


#: What a store may raise. None of them says that there is no such key.
ERRORS = (
    *(OSError, TimeoutError, ConnectionError, PermissionError, FileNotFoundError, RuntimeError),
    *(KeyError, ValueError, KeyboardInterrupt, asyncio.CancelledError),
)


class Plan:
    """What is to fail of what a store is asked, and what was asked.

    Attributes
    ----------
    fails_at : int
        Which call is to fail, from 1; 0 for none. If it `stays_broken`, all later ones too.
    error : BaseException or None
        What is raised.
    change : callable or None
        What is done to an answer instead.
    calls : list of (str, str)
        The hooks that were called, and with what key or prefix.
    failed : (str, str) or None
        The first of them that failed.
    """

    def __init__(self, fails_at=0, error=None, change=None, stays_broken=False):
        self.fails_at, self.stays_broken = fails_at, stays_broken
        self.error, self.change = error, change
        self.calls = []
        self.failed = None
        self._lock = threading.Lock()

    def count(self, hook, place):
        """Note a call; return whether it is to fail."""
        with self._lock:
            self.calls.append((hook, place))
            number = len(self.calls)
            fails = number == self.fails_at or (self.stays_broken and number > self.fails_at > 0)
            if fails and self.failed is None:
                self.failed = hook, place
        return fails


class FlakyStore(WrapperStore):
    """A store around another, of which things fail as planned.

    Attributes
    ----------
    plan : Plan
        Of this store and of those that are made of it, as its read-only form.
    """

    def __init__(self, store):
        super().__init__(store)
        self._plans = [Plan()]

    @property
    def plan(self):
        return self._plans[0]

    @plan.setter
    def plan(self, plan):
        self._plans[0] = plan

    def _answer(self, hook, place, *arguments):
        plan = self.plan
        fails = plan.count(hook, place)
        if fails and plan.error is not None:
            raise plan.error
        answer = getattr(super(), hook)(place, *arguments)
        return plan.change(answer) if fails and plan.change is not None else answer

    def _get(self, key, byte_range=None):
        return self._answer("_get", key, byte_range)

    def _get_ranges(self, key, byte_ranges):
        return self._answer("_get_ranges", key, byte_ranges)

    def _set(self, key, value):
        self._answer("_set", key, value)

    def _set_if_absent(self, key, value):
        return self._answer("_set_if_absent", key, value)

    def _delete(self, key):
        self._answer("_delete", key)

    def _delete_dir(self, prefix):
        self._answer("_delete_dir", prefix)

    def _exists(self, key):
        return self._answer("_exists", key)

    def _getsize(self, key):
        return self._answer("_getsize", key)

    def _list(self, prefix):
        return self._answer("_list", prefix)

    def _list_dir(self, prefix):
        return self._answer("_list_dir", prefix)
