"""Progress of long calls, shown as a bar or told to a function."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress_bar"]

BAR_COLUMNS = 40


@contextmanager
def progress_bar(progress, total: int, label: str) -> Iterator[Callable[[int], object]]:
    """Yield a function to be called with the number of steps done.

    Parameters
    ----------
    progress : bool, callable or None
        True: a bar, tqdm's where it is installed. A callable is called with the steps done and
        those in all. None or False: nothing is shown.
    total : int
        How many steps there are.
    label : str
        What is shown before the bar.

    Examples
    --------
    >>> with progress_bar(print, 2, 'copying') as report:
    ...     report(1)
    ...     report(2)
    1 2
    2 2
    """
    if callable(progress):
        yield lambda done: progress(done, total)
    elif not progress:
        yield lambda done: None
    else:
        try:
            from tqdm.auto import tqdm  # type: ignore[import-untyped]
        except ImportError:
            try:
                yield lambda done: _draw(done, total, label)
            finally:
                print(file=sys.stderr)
        else:
            with tqdm(total=total, desc=label) as bar:
                yield lambda done: bar.update(done - bar.n)


def _draw(done, total, label):
    """Draw the bar anew on its line."""
    filled = BAR_COLUMNS * done // max(1, total)
    bar = "#" * filled + "." * (BAR_COLUMNS - filled)
    print(f"\r{label} {bar} {done}/{total}", end="", file=sys.stderr, flush=True)
