"""Tables of what was measured."""

import datetime
import os
import platform
from pathlib import Path

__all__ = ["environment", "line", "markdown"]

HEAD = """# Results

Made by `python benchmarks/run.py --markdown benchmarks/RESULTS.md`; README.md beside this file says
what is measured and how. Ratios are multiples of the limit, bare C-Blosc or memcpy on two threads:
medians over the rounds of one interleaved run. Times are medians.
"""


def environment(versions):
    """Return the date, the machine and all versions."""
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
    }


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
        return f"< {case['goal_us']} us", "yes" if is_reached else "**no**"
    return str(case["goal"]), "yes" if ours["ratio"] <= case["goal"] else "**no**"


def figure(result, name):
    """Return how a contestant did: a ratio, or for a goal in microseconds the time."""
    own = result["contestants"].get(name)
    if own is None:
        return "-"
    if name == "limit" or result["case"]["goal_us"]:
        return duration(own["median_seconds"])
    return f"{own['ratio']:.2f}" if own["ratio"] < 10 else f"{own['ratio']:.0f}"


def line(result):
    """Return one case in a line of text."""
    names = result["contestants"]
    figures = "  ".join(f"{name} {figure(result, name)}" for name in names)
    return f"{result['case']['name']:<40} goal {' '.join(verdict(result)):<12} {figures}"


def table_of_cases(cases):
    """Return the lines of the table."""
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
    rows = [
        ("threads reading windows, 2 against 1", 1.9, threads["of_2_to_1"], 1, "x"),
        ("threads reading windows, 8 against 1", 1.9, threads["of_8_to_1"], 1, "x"),
        ("memory of `z[:]` over its result", allowed, read, -1, " MiB"),
        ("memory of `z[:] = a` over input and chunks", allowed, write, -1, " MiB"),
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
        *table_of_cases(figures["cases"]),
    ]
    if figures["alone"]:
        lines += ["", *table_of_ours(figures["alone"])]
    return "\n".join(lines) + "\n"
