"""How arrays are compressed when nothing else is said."""

from zarr.config import config

__all__ = ["Defaults", "defaults"]


def _setting(name, docstring):
    """Return a property that reads and writes a setting."""
    return property(
        lambda self: config.get(name), lambda self, value: config.set({name: value}), doc=docstring
    )


class Defaults:
    """The compressor of arrays for which none is given. Assign to change it for arrays to come.

    These are settings: ``zarr.set_options`` changes them too, also for the length of a with-block.

    Examples
    --------
    >>> import zarr
    >>> zarr.defaults
    Defaults(cname='blosclz', clevel=5, shuffle=1)
    >>> with zarr.set_options({'defaults.cname': 'zstd'}):
    ...     zarr.zeros(3).cname
    'zstd'
    """

    cname = _setting("defaults.cname", "The compressor: blosclz, lz4, lz4hc, zlib or zstd.")
    clevel = _setting("defaults.clevel", "0 (store) to 9 (smallest).")
    shuffle = _setting("defaults.shuffle", "0 none, 1 bytes, 2 bits; or its name.")

    def __repr__(self):
        return f"Defaults(cname={self.cname!r}, clevel={self.clevel!r}, shuffle={self.shuffle!r})"


defaults = Defaults()
