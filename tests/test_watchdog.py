"""The watchdog of the tests themselves: what hangs is ended, and tells where."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HANGING = {
    "python": "threading.Event().wait()",
    "native code that holds the GIL": "ctypes.PyDLL(None).pause()",
    "a fixture": "",
    "a process": "processes.run('import time; time.sleep(100)', timeout=1)",
}


@pytest.mark.parametrize("where", HANGING)
def test_a_test_that_hangs_is_ended_and_the_stacks_are_printed(tmp_path, where):
    test = tmp_path / "test_hanging.py"
    test.write_text(f"""
import ctypes, threading, pytest, processes

@pytest.fixture
def ready():
    if {where == "a fixture"}:
        threading.Event().wait()

def test_hanging(ready):
    threading.Thread(target=threading.Event().wait, name="other", daemon=True).start()
    {HANGING[where] or "pass"}
""")
    tests = Path(__file__).parent
    options = ["-p", "conftest", f"--rootdir={tmp_path}", "-o", "watchdog_short=4"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, "-p", "no:cacheprovider", test],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{tests}:{tests.parent}"},
    )
    assert done.returncode == 1
    if where == "a process":
        assert "AssertionError: hangs" in done.stdout, done.stdout
        assert 'File "<string>", line 1 in <module>' in done.stdout
        return
    assert "Timeout (0:00:04)!" in done.stderr, done.stderr
    name = "ready" if where == "a fixture" else "test_hanging"
    assert 'test_hanging.py", line' in done.stderr
    assert f" in {name}\n" in done.stderr
    assert done.stderr.count("hread 0x") >= (1 if where == "a fixture" else 2)
