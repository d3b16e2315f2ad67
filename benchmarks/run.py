"""Run the benchmarks: all contestants side by side, round by round.

``python benchmarks/run.py`` needs the environments that setup_peers.py makes. The contestants that
are not there are left out, with a word. Files are made in a folder in memory, and in one on a disk.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import report
from alone import MEASURES
from cases import CASES, PLACES
from contestants import CONTESTANTS
from setup_peers import REQUIREMENTS, python_of

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

#: A contestant that has run so long in a case takes part in no more rounds of it, after the third.
CASE_SECONDS = 12


#: The modules of the limit, and what they are compiled from beside their own sources.
LIMIT = ("limit", "stored_limit", "selection_limit", "shard_limit")
LIMIT_SOURCES = ("limit.pxd", "../zarr/codecs/crc.c", "../c-blosc/lib/libblosc.a")


def build_limit():
    """Compile the limit in place, against the C-Blosc of the checkout."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    targets = [HERE / f"{name}{suffix}" for name in LIMIT]
    sources = [HERE / name for name in (*LIMIT_SOURCES, *(f"{name}.pyx" for name in LIMIT))]
    if all(target.exists() for target in targets) and (
        min(t.stat().st_mtime for t in targets) > max(s.stat().st_mtime for s in sources)
    ):
        return
    script = f"""
from Cython.Build import cythonize
from setuptools import Extension, setup
root = {str(ROOT)!r}
library = f"{{root}}/c-blosc/lib/libblosc.a"
options = dict(
    include_dirs=[f"{{root}}/{{name}}" for name in ("c-blosc", "c-blosc/include", "zarr/codecs")],
    extra_compile_args=["-O3", "-fopenmp"], extra_link_args=["-fopenmp"], libraries=["pthread"],
)
links_blosc = ("limit", "shard_limit")
modules = [
    Extension(name, [f"{{name}}.pyx"], extra_objects=[library] * (name in links_blosc), **options)
    for name in {LIMIT!r}
]
directives = dict(language_level=3, boundscheck=False, wraparound=False, cdivision=True)
setup(
    script_args=["-q", "build_ext", "--inplace", "--force"],
    ext_modules=cythonize(modules, compiler_directives=directives, force=True),
)
"""
    subprocess.run([sys.executable, "-c", script], cwd=HERE, check=True)


class Process:
    """A worker process of a contestant."""

    def __init__(self, name, python, folders):
        self.name = name
        environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
        environment["PYTHONPATH"] = str(ROOT) if name == "ours" else ""
        self.process = subprocess.Popen(
            [python, HERE / "worker.py", name, json.dumps(folders)], cwd=HERE, env=environment,
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def ask(self, command, argument=None):
        """Give a command and return the answer; RuntimeError with what the contestant says."""
        print(json.dumps([command, argument]), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline() or '{"error": "the process died"}')
        if "error" in answer:
            raise RuntimeError(f"{self.name}: {answer['error']}")
        return answer["answer"]


def start(names, folders):
    """Start the contestants that are there."""
    processes = []
    for name in names:
        python = python_of(name) if name in REQUIREMENTS else Path(sys.executable)
        if python.exists():
            processes.append(Process(name, python, folders))
        else:
            print(f"{name} is left out: run setup_peers.py first", file=sys.stderr)
    return processes


def run_case(case, processes, rounds):
    """Return the times of each contestant, round by round."""
    times = {}
    for process in processes:
        if not CONTESTANTS[process.name].takes_part(case):
            continue
        try:
            process.ask("prepare", case.as_json())
            times[process.name] = []
        except RuntimeError as error:
            if process.name == "limit":
                raise
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
    """Return the figures of a case: seconds, and ratios to the others in the same round."""
    contestants = {}
    for name, own in times.items():
        contestants[name] = {
            "median_seconds": statistics.median(own),
            "ratio": ratio(own, times["limit"]),
            "rounds": len(own),
        }
    result = {"case": case.as_json(), "contestants": contestants}
    peers = [name for name in times if name not in ("limit", "ours")]
    if "ours" in times and peers:
        result["to_fastest_peer"] = max(ratio(times["ours"], times[name]) for name in peers)
    return result


def ratio(times, others):
    """Return the median, over the rounds that both took part in, of the ratio of their times."""
    return statistics.median(a / b for a, b in zip(times, others, strict=False))


def measure_alone(folder):
    """Return what alone.py measures, each in a process of its own; files in a folder in memory."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    results = {}
    for name in MEASURES:
        command = [sys.executable, HERE / "alone.py", name, folder]
        results[name] = json.loads(subprocess.check_output(command, env=environment, cwd=HERE))
    return results


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default="", help="those whose place and name contain this")
    parser.add_argument("--places", default=",".join(PLACES), help="separated by commas")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--contestants", default=",".join(CONTESTANTS), help="separated by commas")
    parser.add_argument("--memory-folder", default="/dev/shm", help="a folder in memory")
    parser.add_argument("--disk-folder", default=HERE, help="a folder on a disk")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--markdown", type=Path, help="write the tables there")
    return parser.parse_args()


def measure(arguments, folders):
    """Run all that is asked for and return the figures."""
    names = [name for name in arguments.contestants.split(",") if name != "limit"]
    processes = start(["limit", *names], folders)
    cases = [
        case
        for case in CASES
        if case.place in arguments.places.split(",") and arguments.cases in case.title
    ]
    results = []
    for case in cases:
        results.append(summary(case, run_case(case, processes, arguments.rounds)))
        print(report.line(results[-1]), flush=True)
    versions = {process.name: process.ask("versions") for process in processes}
    return {
        "environment": report.environment(versions, folders),
        "cases": results,
        "alone": measure_alone(folders["tmpfs"]) if len(cases) == len(CASES) else {},
    }


def main():
    arguments = parse()
    build_limit()
    with (
        tempfile.TemporaryDirectory(dir=arguments.memory_folder) as memory_folder,
        tempfile.TemporaryDirectory(dir=arguments.disk_folder) as disk_folder,
    ):
        folders = {"memory": memory_folder, "tmpfs": memory_folder, "disk": disk_folder}
        figures = measure(arguments, folders)
    tables = report.markdown(figures)
    print(tables)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    if arguments.markdown:
        arguments.markdown.write_text(tables)


if __name__ == "__main__":
    main()
