# What developers type most. CONTRIBUTING.md explains.

PYTHON ?= python

.PHONY: develop build test long fuzz crash asan ubsan tsan lint stubs benchmark clean

develop:    ## install in place, with everything needed to work on it
	$(PYTHON) -m pip install -e '.[dev]'

build:      ## compile again, in place, what has changed
	$(PYTHON) setup.py -q build_ext --inplace

test: build
	$(PYTHON) -m pytest -q

long: build ## the long forms of the stress, fuzz and crash tests
	$(PYTHON) -m pytest -q --long

fuzz: build ## 100,000 mutated inputs for each kind of file
	$(PYTHON) tests/guarantees/fuzz.py

crash: build ## kills and errors at every file-system call; 1,000 kills at any time
	$(PYTHON) -m pytest -v --long tests/guarantees/test_crash.py tests/guarantees/test_io_errors.py \
		tests/guarantees/test_durability.py tests/guarantees/test_faults.py

asan:       ## all tests under the address and undefined-behaviour sanitizers, in a copy
	tools/sanitize.sh address

ubsan:      ## all tests under the undefined-behaviour sanitizer, in a copy
	tools/sanitize.sh undefined

tsan:       ## the stress tests under the thread sanitizer, in a copy
	tools/sanitize.sh thread

lint:
	ruff check .
	ruff format --check .
	cython-lint zarr benchmarks/*.pyx

stubs:
	$(PYTHON) -m mypy.stubtest zarr --ignore-missing-stub --ignore-disjoint-bases

benchmark:
	$(PYTHON) benchmarks/run.py

clean:
	rm -rf build dist *.egg-info c-blosc/include c-blosc/lib c-blosc/licenses
	find zarr -name '*.so' -delete
	rm -f benchmarks/*.so
	find zarr -name '*.c' ! -name locks.c ! -name crc.c ! -name '*flater.c' -delete
