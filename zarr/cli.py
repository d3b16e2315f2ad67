"""The command line: ``python -m zarr`` or ``zarr``."""

import argparse
import sys

import zarr
from zarr import demo
from zarr.errors import ZarrError

__all__ = ["main"]


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
    options = parser.parse_args(arguments)
    if options.command == "demo":
        demo.run()
        return 0
    try:
        result = zarr.v2_to_v3(
            options.source,
            options.target,
            path=options.path,
            overwrite=options.overwrite,
            remove=options.remove,
            progress=True,
        )
    except (ZarrError, OSError, ValueError) as error:
        print(f"zarr migrate: {error}", file=sys.stderr)
        return 1
    print(result)
    return 0
