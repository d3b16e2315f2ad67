"""Every public name has a docstring, and every example in one gives what it shows."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import zarr

MODULES = ["zarr", *(m.name for m in pkgutil.walk_packages(zarr.__path__, "zarr."))]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


class CompiledFinder(doctest.DocTestFinder):
    """Finds the docstrings of compiled functions and classes too."""

    def _from_module(self, module, object):
        return getattr(object, "__module__", module.__name__) == module.__name__

    def _find(self, tests, obj, name, module, source_lines, globs, seen):
        super()._find(tests, obj, name, module, source_lines, globs, seen)
        if inspect.isclass(obj) or inspect.ismodule(obj):
            for attribute, value in vars(obj).items():
                if type(value).__name__ == "cython_function_or_method":
                    super()._find(
                        tests, value, f"{name}.{attribute}", module, source_lines, globs, seen
                    )


@pytest.mark.parametrize("name", [n for n in MODULES if n != "zarr.__main__"])
def test_examples_give_what_they_show(name):
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for test in CompiledFinder(exclude_empty=True).find(module, name):
        runner.run(test)
    assert runner.failures == 0


def test_the_examples_of_compiled_classes_are_found():
    module = importlib.import_module("zarr.ext")
    found = {test.name for test in CompiledFinder().find(module, "zarr.ext") if test.examples}
    assert {"zarr.ext.Array", "zarr.ext.Array.create", "zarr.ext.Array.copy"} <= found


def public_docstrings():
    """Yield the names of what users see, with their docstrings."""
    for name in MODULES:
        module = importlib.import_module(name)
        yield name, module.__doc__
        for public in getattr(module, "__all__", []):
            value = getattr(module, public)
            if not isinstance(value, (str, tuple)):
                yield f"{name}.{public}", inspect.getdoc(value)
    for cls in (zarr.ext.Array, zarr.ext.Chunk, zarr.codecs.BloscCodec):
        for name, value in vars(cls).items():
            if not name.startswith("_"):
                # A plain attribute of a compiled class has its place in that of the class.
                listed = f"\n{name} : " in inspect.getdoc(cls)
                yield f"{cls.__name__}.{name}", inspect.getdoc(value) or listed


@pytest.mark.parametrize(
    ("name", "docstring"), list(public_docstrings()), ids=[name for name, _ in public_docstrings()]
)
def test_public_names_have_docstrings(name, docstring):
    assert docstring, f"{name} has no docstring"
