"""The page of guarantees names tests that there are, and every one that is here."""

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "guarantees.md"


def test_the_page_names_all_tests():
    named = set(re.findall(r"`(test_\w+\.py)`", PAGE.read_text()))
    here = {path.name for path in HERE.glob("test_*.py")}
    assert named - here <= {path.name for path in HERE.parent.glob("test_*.py")}
    assert here - named == {"test_page.py", "test_faults.py"}
