"""What all tests share: the long form, the watchdog, what sanitizers cannot stand, settings."""

import faulthandler
import os
import sys

import pytest
from hypothesis import HealthCheck, settings
from processes import is_under

import zarr
from zarr.codecs import BytesBytesCodec, register_codec

settings.register_profile(
    "short",
    max_examples=500,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "long", max_examples=10000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


STDERR = pytest.StashKey[int]()


def pytest_addoption(parser):
    parser.addoption(
        "--long", action="store_true", help="run the long form of fuzz, stress and crash tests"
    )
    for form, seconds in (("short", 300), ("long", 3600)):
        parser.addini(
            f"watchdog_{form}",
            f"seconds after which a test hangs, in the {form} form",
            default=str(seconds),
        )


def pytest_configure(config):
    settings.load_profile("long" if config.getoption("--long") else "short")
    config.stash[STDERR] = os.dup(sys.__stderr__.fileno())  # before pytest captures it


def pytest_unconfigure(config):
    os.close(config.stash[STDERR])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    """Print the stacks of all threads and end the process when a test, or a fixture, hangs.

    The watch is kept by a thread that Python does not see: it ends a process that hangs in
    compiled code with the GIL held, too.
    """
    form = "long" if item.config.getoption("--long") else "short"
    seconds = float(item.config.getini(f"watchdog_{form}"))
    faulthandler.dump_traceback_later(seconds, exit=True, file=item.config.stash[STDERR])
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def _for_sanitizers(request):
    """Skip what a sanitizer cannot stand, whatever is tested."""
    if request.node.get_closest_marker("limits_memory") and is_under("asan", "tsan"):
        pytest.skip("the sanitizer itself needs more address space than this test leaves")
    if request.node.get_closest_marker("forks") and is_under("asan", "tsan"):
        pytest.skip("a fork may leave the sanitizer's own locks taken in the child")


def pytest_collection_modifyitems(config, items):
    """Deselect what exists in a long form only."""
    if config.getoption("--long"):
        return
    long_only = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long_only)
    items[:] = [item for item in items if item not in long_only]


@pytest.fixture
def scale(request):
    """Choose the figure of the form that runs: ``scale(short, long)``."""
    is_long = request.config.getoption("--long")
    return lambda short, long: long if is_long else short


@pytest.fixture(autouse=True)
def same_settings():
    """Let no test leave settings behind for the next."""
    with zarr.set_options(zarr.config.asdict()):
        yield


@pytest.fixture
def lively():
    """Have Python's threads take turns a hundred times as often as they do."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 100)
    yield
    sys.setswitchinterval(before)


class Hooked(BytesBytesCodec):
    """A codec in Python that changes nothing, and calls `hook` for each chunk."""

    name = "test.hooked"
    hook = None

    def encode(self, data):
        Hooked.hook()
        return bytes(data)

    def decode(self, data, max_nbytes):
        Hooked.hook()
        return bytes(data)


register_codec("test.hooked", Hooked)


@pytest.fixture
def hooked():
    """Give a codec's class; what is assigned to `hook` is called for each chunk that it treats."""
    Hooked.hook = lambda: None
    yield Hooked
    Hooked.hook = None
