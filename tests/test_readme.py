"""The sessions of the README give what they show, and its commands are those that CI runs."""

import doctest
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_sessions():
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testfile(str(ROOT / "README.md"), module_relative=False, optionflags=flags)
    assert result.attempted > 20
    assert result.failed == 0


def test_its_test_command_is_the_one_that_ci_runs():
    command = "python -m pip install '.[test]' && python -m pytest"
    assert command in (ROOT / "README.md").read_text()
    assert (
        "python -m pip install --quiet '.[test]' && python -m pytest"
        in (ROOT / ".ci" / "run").read_text()
    )
