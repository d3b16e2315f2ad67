"""What all tests share: the long form, drawn by hypothesis or counted, and clean settings."""

import pytest
from hypothesis import HealthCheck, settings

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


def pytest_addoption(parser):
    parser.addoption(
        "--long", action="store_true", help="run the long form of fuzz, stress and crash tests"
    )


def pytest_configure(config):
    settings.load_profile("long" if config.getoption("--long") else "short")


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
