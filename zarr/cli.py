"""The command line: ``python -m zarr`` or ``zarr``."""

import argparse
import sys

import zarr
from zarr import demo
from zarr.errors import ZarrError

__all__ = ["main"]

#: Exit statuses: a command failed; something is damaged; whether it is could not be found out.
FAILED = 1
DAMAGED = 1
NOT_VERIFIED = 2


def main(arguments=None) -> int:
    """Run a command and return the exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.
    """
    parser = argparse.ArgumentParser(
        prog="zarr", description="Chunked, compressed, N-dimensional arrays."
    )
    parser.add_argument("--version", action="version", version=f"zarr {zarr.__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="a short session on real data, run before your eyes")
    migrate = commands.add_parser(
        "migrate", help="make Zarr v3 of Zarr v2; chunks stay as they are"
    )
    migrate.add_argument("source", help="a folder or a zip archive with a v2 array or group")
    migrate.add_argument("target", nargs="?", help="where to copy it; by default it stays in place")
    migrate.add_argument("--path", default="", help="of the array or group in the source")
    migrate.add_argument("--overwrite", action="store_true", help="delete the target before")
    migrate.add_argument(
        "--remove", action="store_true", help="delete the v2 documents, when it stays in place"
    )
    verify = commands.add_parser(
        "verify", help="read all metadata and decode all chunks; exit with 1 if any is damaged"
    )
    verify.add_argument("store", help="a folder or a zip archive with an array or group")
    verify.add_argument("--path", default="", help="of the array or group in there")
    options = parser.parse_args(arguments)
    run = {"demo": _demo, "migrate": _migrate, "verify": _verify}[options.command]
    try:
        return run(options)
    except (ZarrError, OSError, ValueError) as error:
        print(f"zarr {options.command}: {error}", file=sys.stderr)
        return NOT_VERIFIED if options.command == "verify" else FAILED


def _demo(options):
    demo.run()
    return 0


def _migrate(options):
    result = zarr.v2_to_v3(
        options.source,
        options.target,
        path=options.path,
        overwrite=options.overwrite,
        remove=options.remove,
        progress=True,
    )
    print(result)
    return 0


def _verify(options):
    report = zarr.verify(options.store, options.path, progress=True)
    print(report)
    return DAMAGED if report else 0
