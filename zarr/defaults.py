"""How arrays are compressed when nothing else is said. Assign to change it for arrays to come.

Examples
--------
>>> import zarr
>>> zarr.defaults.cname
'blosclz'
"""

#: The compressor: blosclz, lz4, lz4hc, zlib or zstd.
cname = "blosclz"

#: 0 (store) to 9 (smallest).
clevel = 5

#: 0 none, 1 bytes, 2 bits.
shuffle = 1
