"""Write the fixtures anew: what each peer makes of the matrix, in an archive per peer and version.

``python tests/interop/make_fixtures.py`` after `setup_peers.py` of the benchmarks. An archive holds
its cases too, in cases.json, so that it stays what it is when the matrix changes. Those of other
versions stay.
"""

import json
import sys
import tempfile
import zipfile
from pathlib import Path

from limits import limit_of
from matrix import MATRIX
from peer_process import PEERS, ask

FIXTURES = Path(__file__).resolve().parent / "fixtures"

#: What bounds an archive's size is the number of its files.
MAX_NBYTES = 300_000


def write_archive(path, contents):
    """Write an archive that depends on nothing but the contents."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in sorted(contents.items()):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def contents_of(peer):
    """Return what a peer writes, by name, and the versions of its distributions."""
    with tempfile.TemporaryDirectory() as folder:
        errors, versions = ask(peer, "write", Path(folder), MATRIX)
        cases = [
            case
            for case in MATRIX
            if not errors[case["name"]] and not limit_of(peer, "write", case, versions)
        ]
        contents = {"cases.json": json.dumps(cases).encode()}
        for case in cases:
            for file in (Path(folder) / case["name"]).rglob("*"):
                if file.is_file():
                    contents[str(file.relative_to(folder))] = file.read_bytes()
    return contents, versions


def main():
    FIXTURES.mkdir(exist_ok=True)
    for peer in PEERS:
        contents, versions = contents_of(peer)
        distribution = "zarr" if peer == "zarr-python" else peer
        path = FIXTURES / f"{peer}-{versions[distribution]}.zip"
        write_archive(path, contents)
        print(f"{path.name}: {len(contents)} files, {path.stat().st_size} bytes")
        if path.stat().st_size > MAX_NBYTES:
            sys.exit(f"{path.name}: has more than {MAX_NBYTES} bytes")


if __name__ == "__main__":
    main()
