"""The command line that the scripts of all peers have in common.

``python peer_<name>.py write|update|read <folder> <cases.json>`` treats every case in one process,
each in a folder of its own, and prints JSON: a version for each distribution, and for each case
None or what is wrong. To update is to write to the array that is there.
"""

import argparse
import json
import os
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

from content import difference

__all__ = ["main", "outcome"]


def outcome(action, folder, case, actions):
    """Return None when all is well, else what is wrong."""
    try:
        result = actions[action](folder / case["name"], case)
        return difference(case, result) if action == "read" else None
    except Exception as error:  # whatever it is, it is told to who asked
        return f"{type(error).__name__}: {error}"


def main(distributions, **actions):
    """Run the command; `write`, `update` and `read` get the folder of a case and the case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=list(actions))
    parser.add_argument("folder", type=Path)
    parser.add_argument("cases", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    # What the peer prints goes elsewhere.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    cases = json.loads(arguments.cases.read_text())
    outcomes = {
        case["name"]: outcome(arguments.action, arguments.folder, case, actions) for case in cases
    }
    json.dump({"versions": {d: version(d) for d in distributions}, "outcomes": outcomes}, out)
