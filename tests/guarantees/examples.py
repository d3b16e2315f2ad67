"""Examples of `model` by their numbers: run, shortened, and told.

A number says the array, where it lies, and what each step does: the n-th step is drawn from both
numbers, and from the model at that moment. So steps can be left out, and of an example that fails
those are which it does not need.
"""

import contextlib
import random
import tempfile
import time

import model_changes  # noqa: F401 (its steps)
import model_parts  # noqa: F401 (its steps)
from model import STEPS, Model

import zarr

__all__ = ["STEP_COUNT", "check_example"]

#: The steps of an example.
STEP_COUNT = 30
#: For how many seconds an example that fails is made shorter.
PATIENCE = 60


def run_example(number, steps, log):
    """Run some of the steps of an example; an error is raised as it comes."""
    weights = [weight for weight, _ in STEPS.values()]
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        zarr.set_options(zarr.config.asdict()),
        contextlib.closing(Model(number, folder, log)) as model,
    ):
        for step in steps:
            r = random.Random(f"{number}.{step}")
            function = r.choices(list(STEPS), weights)[0]
            if STEPS[function][1](model):
                function(model, r)
                model.check_all(r)
        model.check_end()


def error_of(number, steps):
    """Return the error with which an example ends, or None, and the log of its steps."""
    log = []
    try:
        run_example(number, steps, log)
    except Exception as error:
        return error, log
    return None, log


def shortened(number, steps):
    """Return fewer steps of an example with which it fails still, in the same way."""
    kind = type(error_of(number, steps)[0])
    end = time.monotonic() + PATIENCE
    part = len(steps) // 2
    while part:
        start = 0
        while start < len(steps) and time.monotonic() < end:
            fewer = steps[:start] + steps[start + part :]
            if type(error_of(number, fewer)[0]) is kind:
                steps = fewer
            else:
                start += part
        part //= 2
    return steps


def check_example(number, steps=range(STEP_COUNT)):
    """Run an example; if it fails, raise its error with the shortest way that leads to it."""
    error, _ = error_of(number, steps)
    if error is None:
        return
    steps = shortened(number, list(steps))
    error, log = error_of(number, steps)
    if error is None:
        raise AssertionError(f"example {number}: failed, and does not another time")
    told = "\n".join(log)
    error.add_note(f"check_example({number}, {steps}):\n{told}")
    raise error
