"""A process that does operations in forks of itself, under faults; `faulty` starts it.

It has the library of `faults.c` before libc's. Each line that it reads is a task, as JSON; it
forks, the child arms the library and works, and what became of it is written as a line.
"""

import contextlib
import ctypes
import fcntl
import gc
import hashlib
import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
from operations import OPERATIONS, PARALLEL, READS, documents_of, open_store, open_to_read

import zarr

LIMIT_SECONDS = 60


def work(task):
    """Do a task; return what it read, or None."""
    folder = Path(task["folder"])
    if task["step"] == "read":
        with open_to_read(task["kind"], folder) as store:
            return READS[task["operation"]](store)
    with open_store(task["kind"], folder) as store:
        if task["step"] == "do":
            names = {"z": zarr.open_array(store, mode="r+"), "store": store}
            return exec(task["operation"], {"np": np, "zarr": zarr, **names})
        operation = (OPERATIONS | PARALLEL)[task["operation"]]
        return getattr(operation, task["step"])(store)


def retry(library, task, trace):
    """Do an operation that may fail, and then again, while all that there is is held open."""
    store = open_to_read(task["kind"], Path(task["folder"]))
    held = [zarr.open(store, path=key.rpartition("/")[0], mode="r") for key in documents_of(store)]
    arm(library, task, trace)
    with contextlib.suppress(OSError):
        work(task | {"step": "act"})
    library.faults_disarm()
    work(task | {"step": "again"})
    return len(held)


def arm(library, task, trace):
    fault = task["fault"]
    library.faults_skip_syncs(1)
    library.faults_trace(trace)
    library.faults_pretend(fault["file_system"])
    library.faults_set_command(fault["command"].encode())
    library.faults_arm(
        task["folder"].encode(), fault["kinds"], fault["at"], fault["action"], fault["error"]
    )


def armed_work(library, task, trace):
    arm(library, task, trace)
    try:
        return work(task)
    finally:
        library.faults_disarm()


def run_child(library, task, trace, reply):
    """Work, and tell how it ended. Never returns."""
    signal.alarm(LIMIT_SECONDS)
    zarr.set_options({"threading.max_workers": task["workers"]})
    ended = {"status": "done"}
    try:
        found = (retry if task["step"] == "retry" else armed_work)(library, task, trace)
    except BaseException as error:
        names = [cls.__name__ for cls in type(error).__mro__]
        ended = {"status": "raised", "classes": names, "text": str(error)}
        ended["errno"] = getattr(error, "errno", None)
    else:
        ended["found"] = hashlib.sha256(repr(found).encode()).hexdigest()
    os.write(reply, json.dumps(ended).encode())
    os._exit(0)


def run(library, task):
    trace = os.memfd_create("trace")
    # Threads write to it at the same time.
    fcntl.fcntl(trace, fcntl.F_SETFL, os.O_APPEND)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        run_child(library, task, trace, writer)
    os.close(writer)
    with open(reader, "rb") as replies:
        reply = replies.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    ended = json.loads(reply) if reply else {"status": "ended"}
    ended["exit_status"] = status
    with open(trace, "rb") as lines:
        lines.seek(0)
        ended["trace"] = os.fsdecode(lines.read())
    return ended


def main():
    library = ctypes.CDLL(os.environ["LD_PRELOAD"].split()[-1])
    library.faults_arm.argtypes = (
        *(ctypes.c_char_p, ctypes.c_uint, ctypes.c_long),
        *(ctypes.c_int, ctypes.c_int),
    )
    library.faults_pretend.argtypes = (ctypes.c_long,)
    # Else the collector would touch, and so copy, in each fork what is never collected.
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(run(library, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
