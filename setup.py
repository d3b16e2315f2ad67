"""Build the compiled modules; everything else about the package is in pyproject.toml.

``ZARR_DEBUG`` builds with assertions, bounds checks and sanitizers: ``address`` (and undefined
behaviour), ``undefined`` or ``thread``. ``tools/sanitize.sh`` does so in a copy, and runs tests.
"""

import glob
import os
import runpy
import sys
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

DEBUG = os.environ.get("ZARR_DEBUG", "0")
SANITIZERS = {
    "0": None,
    "address": "address,undefined",
    "undefined": "undefined",
    "thread": "thread",
}[DEBUG]

#: C-Blosc with the libraries inside it.
LIBRARY = "c-blosc/lib/libblosc.a"

#: All modules but codecs.blosc, from the lowest layer up; and what C they have.
MODULES = {
    "strided": [],
    "codecs.codec": [],
    "codecs.checksum": ["zarr/codecs/crc.c"],
    "codecs.deflate": ["zarr/codecs/deflater.c", "zarr/codecs/inflater.c"],
    "codecs.zstandard": [LIBRARY],
    "codecs.lz4": [LIBRARY],
    "codecs.variable_length": [],
    "codecs.chain": [],
    "codecs.shard_layout": [],
    "storage.files": [],
    "storage.file_locks": [],
    "chunk_table": ["zarr/locks.c"],
    "chunk_cache": [],
    "execution": [],
    "indexing": [],
    "projections": [],
    "points": [],
    "stored_chunks": [],
    "chunk_locks": [],
    "write_jobs": [],
    "chunk_values": [],
    "shards": [],
    "shard_window": [],
    "chunk_parts": [],
    "chunk_reads": [],
    "chunk_writes": [],
    "chunks": [],
    "base_array": [],
    "selected_array": [],
    "chunks_in_hand": [],
    "array_work": [],
    "ext": [],
}


def compile_arguments():
    """Flags for the compiler, those for the linker, and the macros."""
    macros = [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")]
    if SANITIZERS is None:
        return ["-O3"], [], [*macros, ("CYTHON_WITHOUT_ASSERTIONS", "1")]
    flags = [
        f"-fsanitize={SANITIZERS}",
        "-fno-sanitize-recover=all",
        "-fno-omit-frame-pointer",
        "-g",
        "-O1",
    ]
    return flags, flags[:1], [*macros, ("ZARR_DEBUG", "1")]


def extensions():
    """The compiled modules; codecs.blosc alone calls C-Blosc itself, through the guard."""
    compile_flags, link_flags, macros = compile_arguments()
    wrap = sys.platform.startswith("linux")
    blosc_macros = [] if wrap else [("ZARR_NO_WRAP", "1")]
    hidden = ["-Wl,--exclude-libs,ALL"] if wrap else []
    wrapped = "-Wl,--wrap=posix_memalign,--wrap=malloc,--wrap=calloc,--wrap=free"
    blosc_link_flags = [wrapped, *hidden] if wrap else []
    include_dirs = [
        numpy.get_include(),
        "zarr",
        "zarr/codecs",
        "zarr/storage",
        "c-blosc",
        "c-blosc/include",
    ]
    yield Extension(
        "zarr.codecs.blosc",
        ["zarr/codecs/blosc.pyx", "c-blosc/guarded_blosc.c"],
        include_dirs=include_dirs,
        extra_objects=[LIBRARY],
        depends=["c-blosc/guarded_blosc.h"],
        libraries=["pthread"],
        extra_compile_args=compile_flags,
        extra_link_args=link_flags + blosc_link_flags,
        define_macros=macros + blosc_macros,
    )
    for name, sources in MODULES.items():
        yield Extension(
            f"zarr.{name}",
            [f"zarr/{name.replace('.', '/')}.pyx", *(s for s in sources if s != LIBRARY)],
            include_dirs=include_dirs,
            extra_objects=[s for s in sources if s == LIBRARY],
            depends=[*glob.glob("zarr/**/*.h", recursive=True), "c-blosc/bundled.h"],
            libraries=["pthread"],
            extra_compile_args=compile_flags,
            extra_link_args=link_flags + hidden if LIBRARY in sources else link_flags,
            define_macros=macros,
        )


class build_ext_here_too(build_ext):  # noqa: N801 (setuptools names commands so)
    """Build, and leave the modules beside their sources as well.

    ``python -m zarr`` and ``python -m pytest``, run in the checkout, import the package from there
    and not from where it was installed.
    """

    def run(self):
        super().run()
        if not self.inplace:
            self.copy_extensions_to_source()


runpy.run_path(str(Path(__file__).parent / "c-blosc" / "vendor.py"), run_name="__main__")
setup(
    cmdclass={"build_ext": build_ext_here_too},
    ext_modules=cythonize(
        list(extensions()),
        compiler_directives={
            "language_level": 3,
            "boundscheck": SANITIZERS is not None,
            "wraparound": False,
            "initializedcheck": False,
            "cdivision": True,
            "embedsignature": True,
            "binding": True,
        },
    ),
)
