"""Run the benchmarks: all contestants side by side, round by round.

``python benchmarks/run.py`` needs the environments that setup_peers.py makes. The contestants that
are not there are left out, with a word.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import sysconfig
from pathlib import Path

import report
from alone import MEASURES
from cases import CASES
from contestants import CONTESTANTS
from setup_peers import REQUIREMENTS, python_of

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

#: A contestant that has run so long in a case takes part in no more rounds of it, after the third.
CASE_SECONDS = 12


def build_limit():
    """Compile limit.pyx in place, against the C-Blosc of the checkout."""
    source, target = HERE / "limit.pyx", HERE / ("limit" + sysconfig.get_config_var("EXT_SUFFIX"))
    if target.exists() and target.stat().st_mtime > source.stat().st_mtime:
        return
    script = f"""
import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
options = dict(
    include_dirs=[{str(ROOT / "c-blosc/include")!r}],
    extra_objects=[{str(ROOT / "c-blosc/lib/libblosc.a")!r}],
    extra_compile_args=["-O3", "-fopenmp"], extra_link_args=["-fopenmp"], libraries=["pthread"],
)
directives = dict(language_level=3, boundscheck=False, wraparound=False, cdivision=True)
setup(
    script_args=["-q", "build_ext", "--inplace"],
    ext_modules=cythonize(
        [Extension("limit", ["limit.pyx"], **options)], compiler_directives=directives
    ),
)
"""
    subprocess.run([sys.executable, "-c", script], cwd=HERE, check=True)


class Process:
    """A worker process of a contestant."""

    def __init__(self, name, python):
        self.name = name
        environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
        environment["PYTHONPATH"] = str(ROOT) if name == "ours" else ""
        self.process = subprocess.Popen(
            [python, HERE / "worker.py", name], cwd=HERE, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def ask(self, command, argument=None):
        """Give a command and return the answer; RuntimeError with what the contestant says."""
        print(json.dumps([command, argument]), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline() or '{"error": "the process died"}')
        if "error" in answer:
            raise RuntimeError(f"{self.name}: {answer['error']}")
        return answer["answer"]


def start(names):
    """Start the contestants that are there."""
    processes = []
    for name in names:
        python = python_of(name) if name in REQUIREMENTS else Path(sys.executable)
        if python.exists():
            processes.append(Process(name, python))
        else:
            print(f"{name} is left out: run setup_peers.py first", file=sys.stderr)
    return processes


def run_case(case, processes, rounds):
    """Return the times of each contestant, round by round."""
    times = {}
    for process in processes:
        try:
            process.ask("prepare", case.as_json())
            times[process.name] = []
        except RuntimeError as error:
            print(error, file=sys.stderr)
    running = [process for process in processes if process.name in times]
    for i in range(rounds):
        turn = i % len(running)
        for process in running[turn:] + running[:turn]:
            own = times[process.name]
            if len(own) < 3 or sum(own) * case.count < CASE_SECONDS:
                own.append(process.ask("run"))
    for process in running:
        process.ask("release")
    return times


def summary(case, times):
    """Return the figures of a case: seconds, and ratios to the limit in the same round."""
    contestants = {}
    for name, own in times.items():
        pairs = zip(own, times["limit"], strict=False)
        contestants[name] = {
            "median_seconds": statistics.median(own),
            "ratio": statistics.median(mine / limit for mine, limit in pairs),
            "rounds": len(own),
        }
    return {"case": case.as_json(), "contestants": contestants}


def measure_alone():
    """Return what alone.py measures, each in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    results = {}
    for name in MEASURES:
        command = [sys.executable, HERE / "alone.py", name]
        results[name] = json.loads(subprocess.check_output(command, env=environment, cwd=HERE))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default="", help="those whose name contains this")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--contestants", default=",".join(CONTESTANTS), help="separated by commas")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--markdown", type=Path, help="write the table there")
    arguments = parser.parse_args()
    build_limit()
    processes = start(["limit", *(n for n in arguments.contestants.split(",") if n != "limit")])
    results = []
    for case in CASES:
        if arguments.cases in case.name:
            results.append(summary(case, run_case(case, processes, arguments.rounds)))
            print(report.line(results[-1]), flush=True)
    figures = {
        "environment": report.environment({p.name: p.ask("versions") for p in processes}),
        "cases": results,
        "alone": {} if arguments.cases else measure_alone(),
    }
    table = report.markdown(figures)
    print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    if arguments.markdown:
        arguments.markdown.write_text(table)


if __name__ == "__main__":
    main()
