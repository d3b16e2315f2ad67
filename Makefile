# What developers type most. CONTRIBUTING.md explains.

PYTHON ?= python

.PHONY: develop build test long lint stubs benchmark clean

develop:    ## install in place, with everything needed to work on it
	$(PYTHON) -m pip install -e '.[dev]'

build:      ## compile again, in place, what has changed
	$(PYTHON) setup.py -q build_ext --inplace

test: build
	$(PYTHON) -m pytest -q

long: build ## the long forms of the stress, fuzz and crash tests
	$(PYTHON) -m pytest -q --long

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
