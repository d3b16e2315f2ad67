"""Progress of long calls: told to a function, or drawn."""

import builtins
import contextlib
import io
import sys

import numpy as np
import pytest

import zarr
from zarr.progress import progress_bar


def test_a_function_is_told_the_steps_done_and_those_in_all():
    told = []
    with progress_bar(lambda *steps: told.append(steps), 5, "copying") as report:
        for done in (2, 4, 5):
            report(done)
    assert told == [(2, 5), (4, 5), (5, 5)]


@pytest.mark.parametrize("progress", [None, False, 0])
def test_nothing_is_shown_unless_asked_for(progress, capsys):
    with progress_bar(progress, 5, "copying") as report:
        report(5)
    assert capsys.readouterr() == ("", "")


def without_tqdm(name, *arguments, real=builtins.__import__):
    if name.startswith("tqdm"):
        raise ImportError(name)
    return real(name, *arguments)


def test_a_bar_is_drawn_on_one_line(monkeypatch, capsys):
    monkeypatch.setattr(builtins, "__import__", without_tqdm)
    with progress_bar(True, 4, "copying") as report:
        report(1)
        report(4)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"\rcopying {'#' * 10}{'.' * 30} 1/4\rcopying {'#' * 40} 4/4\n"


def test_its_line_is_ended_when_the_call_fails(monkeypatch, capsys):
    monkeypatch.setattr(builtins, "__import__", without_tqdm)
    with contextlib.suppress(KeyError), progress_bar(True, 4, "copying") as report:
        report(2)
        raise KeyError
    assert capsys.readouterr().err.endswith(" 2/4\n")


def test_nothing_to_do_is_done_at_once(monkeypatch, capsys):
    monkeypatch.setattr(builtins, "__import__", without_tqdm)
    with progress_bar(True, 0, "copying") as report:
        report(0)
    assert capsys.readouterr().err == f"\rcopying {'.' * 40} 0/0\n"


def test_tqdm_draws_it_where_it_is_installed(monkeypatch):
    class Bar:
        def __init__(self, total, desc):
            self.total, self.desc, self.n, self.is_open = total, desc, 0, False
            bars.append(self)

        def __enter__(self):
            self.is_open = True
            return self

        def __exit__(self, *exc_info):
            self.is_open = False

        def update(self, steps):
            self.n += steps

    bars = []
    module = type(sys)("tqdm.auto")
    module.tqdm = Bar
    monkeypatch.setitem(sys.modules, "tqdm", type(sys)("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", module)
    with progress_bar(True, 4, "copying") as report:
        report(1)
        report(3)
        assert bars[0].is_open
    assert [(bar.total, bar.desc, bar.n, bar.is_open) for bar in bars] == [(4, "copying", 3, False)]


def assert_counts_to_the_end(told, total):
    assert told == sorted(told)
    assert all(count == total for _, count in told)
    assert told[-1] == (total, total)


def test_copies_tell_how_many_chunks_they_have_copied():
    z = zarr.array(np.arange(1000), chunks=1)
    z[500:] = 0
    stored = {}
    zarr.save(stored, z)
    told = []
    for copy in (
        lambda tell: z.copy({}, progress=tell),
        lambda tell: zarr.copy(z, {}, progress=tell),
        lambda tell: zarr.save({}, z, progress=tell),
        lambda tell: zarr.load(stored, progress=tell),
    ):
        told.clear()
        copy(lambda *steps: told.append(steps))
        assert_counts_to_the_end(told, 499)
        assert len(told) == 4


@pytest.mark.parametrize(
    ("shape", "chunks", "count"),
    [((), (), 1), ((0, 3), (1, 1), 0), ((7,), (7,), 1), ((1000, 4), (3, 2), 112)],
)
def test_saving_what_is_no_array_of_ours_tells_it_too(shape, chunks, count):
    told = []
    data = np.arange(np.prod(shape)).reshape(shape)
    store = {}
    z = zarr.save_array(store, data, chunks=chunks, progress=lambda *steps: told.append(steps))
    assert_counts_to_the_end(told, z.nchunks)
    assert len(told) == max(1, count)
    assert np.array_equal(z[...], data)


def test_of_a_group_each_array_has_its_own():
    told = []
    zarr.save({}, a=zarr.ones(3, fill_value=0), b=zarr.zeros(3), progress=lambda *s: told.append(s))
    assert told == []
    z = zarr.zeros(6, chunks=2)
    z[:] = 1
    group = zarr.save({}, a=z, b=z[:4], progress=lambda *s: told.append(s))
    assert told == [(3, 3), (1, 1)]
    told.clear()
    zarr.copy(group, {}, progress=lambda *s: told.append(s))
    assert told == [(3, 3), (1, 1)]


def test_what_the_function_raises_ends_the_call():
    def refuse(done, total):
        raise KeyboardInterrupt

    z = zarr.array(np.arange(1000), chunks=1)
    store = {}
    with pytest.raises(KeyboardInterrupt):
        z.copy(store, progress=refuse)
    assert "zarr.json" not in store


def test_it_is_written_to_where_errors_go(monkeypatch):
    monkeypatch.setattr(builtins, "__import__", without_tqdm)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    zarr.array([1, 2, 3]).copy({}, progress=True)
    assert sys.stderr.getvalue() == f"\rcopying chunks {'#' * 40} 1/1\n"
