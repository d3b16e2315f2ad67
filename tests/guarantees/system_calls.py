"""Seeing that a call makes no system call with a path: a filter in the kernel that traps each.

The filter cannot be taken off again, so it is set in the child of a fork. It is the kernel's
(seccomp), so that nothing escapes it, whether Python, C or a library makes the call.
"""

import ctypes
import json
import os
import platform
import signal
import struct
import sys
import traceback

import pytest

#: The numbers of the calls of Linux that take a path.
X86_64 = {
    "open": 2,
    "stat": 4,
    "lstat": 6,
    "access": 21,
    "truncate": 76,
    "rename": 82,
    "mkdir": 83,
    "rmdir": 84,
    "creat": 85,
    "link": 86,
    "unlink": 87,
    "symlink": 88,
    "readlink": 89,
    "chmod": 90,
    "chown": 92,
    "utime": 132,
    "mknod": 133,
    "statfs": 137,
    "chdir": 80,
    "openat": 257,
    "mkdirat": 258,
    "mknodat": 259,
    "newfstatat": 262,
    "unlinkat": 263,
    "renameat": 264,
    "linkat": 265,
    "symlinkat": 266,
    "readlinkat": 267,
    "faccessat": 269,
    "renameat2": 316,
    "statx": 332,
    "openat2": 437,
    "faccessat2": 439,
}
AARCH64 = {
    "mknodat": 33,
    "mkdirat": 34,
    "unlinkat": 35,
    "symlinkat": 36,
    "linkat": 37,
    "renameat": 38,
    "statfs": 43,
    "truncate": 45,
    "faccessat": 48,
    "chdir": 49,
    "openat": 56,
    "readlinkat": 78,
    "newfstatat": 79,
    "renameat2": 276,
    "statx": 291,
    "openat2": 437,
    "faccessat2": 439,
}
CALLS = {"x86_64": X86_64, "aarch64": AARCH64}.get(platform.machine(), {})

needs_filter = pytest.mark.skipif(
    sys.platform != "linux" or not CALLS or "libasan" in os.environ.get("LD_PRELOAD", ""),
    reason="a filter of system calls needs Linux on a processor whose numbers are known here, and "
    "no sanitizer that looks at files itself",
)

LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
TRAP, ALLOW = 0x00030000, 0x7FFF0000
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER_MODE = 22, 38, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def _trap_paths():
    """Have each call that takes a path send SIGSYS to this process, and not be made."""
    numbers = sorted(CALLS.values())
    steps = [(LOAD_NUMBER, 0, 0, 0)]
    steps += [(JUMP_IF_EQUAL, len(numbers) - i, 0, n) for i, n in enumerate(numbers)]
    steps += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, TRAP)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = _Program(len(steps), ctypes.addressof(code))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, FILTER_MODE, ctypes.byref(program), 0, 0),
    ):
        if prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl: the filter was not set")


def outcomes_without_paths(calls):
    """Make calls in a child that is stopped at each system call with a path.

    Parameters
    ----------
    calls : list of callable

    Returns
    -------
    list of (str, str, int)
        Of each call: the name of the exception ('' if there was none), its text, and how many
        system calls with paths it tried.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reader)
            with os.fdopen(writer, "w") as file:
                json.dump(_outcomes(calls), file)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return json.loads(text)


def _outcomes(calls):
    trapped = []
    signal.signal(signal.SIGSYS, lambda *_: trapped.append(1))
    _trap_paths()
    found = []
    for call in calls:
        trapped.clear()
        try:
            call()
            outcome = ("", "")
        except Exception as error:
            outcome = (type(error).__name__, ascii(str(error)))
        found.append((*outcome, len(trapped)))
    return found
