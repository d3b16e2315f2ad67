"""``python -m zarr``."""

import sys

from zarr.cli import main

if __name__ == "__main__":
    sys.exit(main())
