"""The examples of the READMEs of five other systems, adapted, give what they show."""

import doctest
from pathlib import Path

SESSIONS = Path(__file__).parent / "readmes.md"


def test_sessions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # they write folders and archives
    flags = doctest.NORMALIZE_WHITESPACE | doctest.REPORT_ONLY_FIRST_FAILURE
    result = doctest.testfile(str(SESSIONS), module_relative=False, optionflags=flags)
    assert result.attempted > 40
    assert result.failed == 0
