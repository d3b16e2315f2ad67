"""Tables of what was measured."""

import datetime
import os
import platform
from pathlib import Path

__all__ = ["environment", "line", "markdown"]

HEAD = """# Results

Made by `python benchmarks/run.py --markdown benchmarks/RESULTS.md`; README.md beside this file says
what is measured and how. Ratios are multiples of the limit, bare codecs and files on two threads:
medians over the rounds of one interleaved run. Times are medians.
"""

#: What the tables are of.
TITLES = {
    "memory": "Arrays in memory",
    "tmpfs": "Arrays in files in memory ({system})",
    "disk": "Arrays in files on a disk ({system}), read from the system's cache",
}


def environment(versions, folders):
    """Return the date, the machine and all versions, and the file systems of folders."""
    model = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [n for n in cpuinfo.read_text().splitlines() if n.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else platform.machine()
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": versions,
        "file_systems": {place: file_system_of(folder) for place, folder in folders.items()},
    }


def file_system_of(folder):
    """Return the name of the file system that a folder lies in, as the system lists it."""
    device = os.stat(folder).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    mounts = Path("/proc/self/mountinfo")
    for line in mounts.read_text().splitlines() if mounts.exists() else ():
        before, _, after = line.partition(" - ")
        if before.split()[2] == number:
            return after.split()[0]
    return "unknown"


def duration(seconds):
    """Return a time with three digits and its unit."""
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1 or unit == "us":
            return f"{seconds * scale:.3g} {unit}"
    return ""


def verdict(result):
    """Return the goal in words, and whether it was reached."""
    case, ours = result["case"], result["contestants"].get("ours")
    if ours is None:
        return "", ""
    if case["goal_us"]:
        is_reached = ours["median_seconds"] * 1e6 < case["goal_us"]
        goal = f"< {case['goal_us']:.3g} us"
    elif case["goal_of_peers"]:
        if "to_fastest_peer" not in result:
            return "fastest peer", "-"
        is_reached = result["to_fastest_peer"] <= case["goal_of_peers"]
        goal = f"fastest peer: {result['to_fastest_peer']:.2f}"
    elif case["goal"]:
        is_reached = ours["ratio"] <= case["goal"]
        goal = str(case["goal"])
    else:
        return "", ""
    return goal, "yes" if is_reached else "**no**"


def is_in_microseconds(case):
    """Whether a case is told in times: where the limit does less than what is asked for."""
    return case["operation"] in ("open_item", "create_another") or bool(case["goal_us"])


def figure(result, name):
    """Return how a contestant did: a ratio, or for a goal in microseconds the time."""
    own = result["contestants"].get(name)
    if own is None:
        return "-"
    if name == "limit" or is_in_microseconds(result["case"]):
        return duration(own["median_seconds"])
    return f"{own['ratio']:.2f}" if own["ratio"] < 10 else f"{own['ratio']:.0f}"


def line(result):
    """Return one case in a line of text."""
    names = result["contestants"]
    figures = "  ".join(f"{name} {figure(result, name)}" for name in names)
    title = f"{result['case']['place']}: {result['case']['name']}"
    return f"{title:<50} goal {' '.join(verdict(result)):<22} {figures}"


def table_of_cases(cases):
    """Return the lines of a table."""
    names = list(dict.fromkeys(name for result in cases for name in result["contestants"]))
    yield "| case | limit | goal | reached | " + " | ".join(names[1:]) + " |"
    yield "|---" * (len(names) + 3) + "|"
    for result in cases:
        cells = [result["case"]["name"], figure(result, "limit"), *verdict(result)]
        cells += [figure(result, name) for name in names[1:]]
        yield "| " + " | ".join(cells) + " |"


def table_of_ours(alone):
    """Return the lines of the table of what is measured of our library alone."""
    threads, chunk = alone["threads"], alone["read-memory"]["chunk_nbytes"]
    allowed = 2 * chunk / 2**20 + 10
    read, write = (alone[f"{name}-memory"]["over_nbytes"] / 2**20 for name in ("read", "write"))
    checksum = {name: 100 * share for name, share in alone["checksum"].items()}
    rows = [
        ("threads reading windows, 2 against 1", 1.9, threads["of_2_to_1"], 1, "x"),
        ("threads reading windows, 8 against 1", 1.9, threads["of_8_to_1"], 1, "x"),
        ("memory of `z[:]` over its result", allowed, read, -1, " MiB"),
        ("memory of `z[:] = a` over input and chunks", allowed, write, -1, " MiB"),
        ("crc32c in the time of reading 1-D range, lz4 + crc32c", 5, checksum["range"], -1, " %"),
        ("crc32c in the time of reading field, lz4 + crc32c", 5, checksum["field"], -1, " %"),
        ("`import zarr` after NumPy", 60, alone["import"]["milliseconds"], -1, " ms"),
    ]
    yield "| ours alone | goal | reached | measured |"
    yield "|---|---|---|---|"
    for name, goal, found, sign, unit in rows:
        reached = "yes" if found * sign >= goal * sign else "**no**"
        word = "at least" if sign > 0 else "at most"
        yield f"| {name} | {word} {goal:.3g}{unit} | {reached} | {found:.3g}{unit} |"


def markdown(figures):
    """Return the whole page."""
    where = figures["environment"]
    versions = {k: v for own in where["versions"].values() for k, v in own.items()}
    lines = [
        HEAD,
        f"{where['date']}; {where['processor']}, {where['cores']} cores; {where['system']}; "
        f"Python {where['python']} (ours); "
        + ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
        + ".",
        "",
    ]
    for place, title in TITLES.items():
        cases = [result for result in figures["cases"] if result["case"]["place"] == place]
        if cases:
            title = title.format(system=where["file_systems"][place])
            lines += [f"## {title}", "", *table_of_cases(cases), ""]
    if figures["alone"]:
        lines += ["## Ours alone", "", *table_of_ours(figures["alone"]), ""]
    return "\n".join(lines)
