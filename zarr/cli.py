"""The command line: ``python -m zarr`` or ``zarr``."""

import argparse

import zarr
from zarr import demo

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
    parser.parse_args(arguments)
    demo.run()
    return 0
