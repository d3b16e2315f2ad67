"""Names that lead out of a store, or might, and a call of each function that takes one."""

import asyncio

import numpy as np

import zarr
from zarr.storage import StorePath, make_store_path, normalize_path

#: Refused as keys and as paths.
OUTSIDE = [
    *("..", ".", "../x", "a/..", "a/../../x", "./a", "a/./b", "a/../b", "..//x", "/../x"),
    *("..\\x", "a\\..\\..\\x", "\\x", "C:\\x", "\\\\host\\share", "\0", "a\0", "a/\0/b"),
    *("\ud800", "a/\udcff", "x" * 256, "é" * 128, "a/" + "x" * 256),
    *("x.zarr-tmp", "a/.1-2-3.zarr-tmp", "a.zarr-tmp/b"),
]
#: Refused as keys; as paths of nodes these are another way to write one, below the root.
LOOSE = ["", "/", "/x", "//x", "x/", "a//b", "/etc/passwd"]
#: Refused, for they are no text.
NO_TEXT = [1, 1.5, b"x", ["x"], ("x",), {"x": 1}, object()]
#: What no node may be called.
RESERVED = ["__x", "a/__x", "zarr.json", "a/zarr.json/b", ".zarray", ".zattrs", "...", "a/...."]
#: Keys, though some are words to some system, or a shell, or an encoding of a slash.
ODD = [
    *("C:", "C:x", "con", "NUL", "aux.txt", "a.", "a ", " a", "~", "~root", "$HOME", "%2e%2e", "*"),
    *("-rf", "..a", "a..", "...", "\u2215", "\uff0e\uff0e", "a\nb", "\u202etxt", "|", "`id`", "'"),
    *("x" * 255, "file:", "a:b"),
]

VALUE = b"0123"


def awaited(call):
    async def main():
        found = call()
        return [item async for item in found] if hasattr(found, "__aiter__") else await found

    return lambda: asyncio.run(main())


# ------------------------------------------------------------ everything that takes a key or path

KEY_CALLS = {
    "get_sync": lambda s, k: s.get_sync(k),
    "get_ranges_sync": lambda s, k: s.get_ranges_sync(k, [(0, 1)]),
    "get_partial_values_sync": lambda s, k: s.get_partial_values_sync([("a", None), (k, None)]),
    "set_sync": lambda s, k: s.set_sync(k, VALUE),
    "set_if_absent_sync": lambda s, k: s.set_if_absent_sync(k, VALUE),
    "delete_sync": lambda s, k: s.delete_sync(k),
    "exists_sync": lambda s, k: s.exists_sync(k),
    "getsize_sync": lambda s, k: s.getsize_sync(k),
}
PREFIX_CALLS = {
    "list_prefix_sync": lambda s, p: list(s.list_prefix_sync(p)),
    "list_dir_sync": lambda s, p: list(s.list_dir_sync(p)),
    "is_empty_sync": lambda s, p: s.is_empty_sync(p),
    "delete_dir_sync": lambda s, p: s.delete_dir_sync(p),
    "getsize_prefix_sync": lambda s, p: s.getsize_prefix_sync(p),
}
#: By the name of the function: a call that gives it a path.
PATH_CALLS = {
    "open": lambda s, p: zarr.open(s, path=p, mode="r"),
    "open_array": lambda s, p: zarr.open_array(s, path=p, mode="r"),
    "open_group": lambda s, p: zarr.open_group(s, path=p, mode="r"),
    "open_consolidated": lambda s, p: zarr.open_consolidated(s, path=p),
    "group": lambda s, p: zarr.group(s, path=p),
    "create_group": lambda s, p: zarr.create_group(s, path=p),
    "create_array": lambda s, p: zarr.create_array(s, name=p, shape=2, dtype="u1"),
    "create": lambda s, p: zarr.create(2, store=s, path=p, dtype="u1"),
    "empty": lambda s, p: zarr.empty(2, store=s, path=p),
    "zeros": lambda s, p: zarr.zeros(2, store=s, path=p),
    "ones": lambda s, p: zarr.ones(2, store=s, path=p),
    "full": lambda s, p: zarr.full(2, 7, store=s, path=p),
    "array": lambda s, p: zarr.array([1, 2], store=s, path=p),
    "empty_like": lambda s, p: zarr.empty_like(np.zeros(2), store=s, path=p),
    "zeros_like": lambda s, p: zarr.zeros_like(np.zeros(2), store=s, path=p),
    "ones_like": lambda s, p: zarr.ones_like(np.zeros(2), store=s, path=p),
    "full_like": lambda s, p: zarr.full_like(np.zeros(2), 7, store=s, path=p),
    "from_array": lambda s, p: zarr.from_array(s, data=np.zeros(2), name=p),
    "create_hierarchy": lambda s, p: list(
        zarr.create_hierarchy(s, {"b": zarr.ones(2).metadata, p: zarr.ones(2).metadata})
    ),
    "save": lambda s, p: zarr.save(s, [1, 2], path=p),
    "save_array": lambda s, p: zarr.save_array(s, [1, 2], path=p),
    "save_array of a chunked one": lambda s, p: zarr.save_array(s, zarr.ones(2), path=p),
    "save_group": lambda s, p: zarr.save_group(s, [1, 2], path=p),
    "load": lambda s, p: zarr.load(s, p),
    "copy to": lambda s, p: zarr.copy(zarr.ones(2), s, path=p),
    "copy from": lambda s, p: zarr.copy(s, {}, source_path=p),
    "copy from and to": lambda s, p: zarr.copy(s, s, source_path="a", path=p),
    "rechunk": lambda s, p: zarr.rechunk(zarr.ones(2), 1, s, path=p),
    "consolidate_metadata": lambda s, p: zarr.consolidate_metadata(s, p),
    "verify": lambda s, p: zarr.verify(s, p),
    "v2_to_v3 from": lambda s, p: zarr.v2_to_v3(s, {}, path=p),
    "v2_to_v3 to": lambda s, p: zarr.v2_to_v3(s, s, path="a", target_path=p),
    "open_async": lambda s, p: awaited(lambda: zarr.open_async(s, path=p, mode="r"))(),
    "Group.open": lambda s, p: zarr.Group.open(s, p),
    "Group.open_or_array": lambda s, p: zarr.Group.open_or_array(s, p),
    "Group.create": lambda s, p: zarr.Group.create(s, p),
    "Array.open": lambda s, p: zarr.Array.open(s, p),
    "Array.create": lambda s, p: zarr.Array.create(s, p, shape=2, dtype="u1"),
    "Array.copy": lambda s, p: zarr.ones(2).copy(s, p),
    "StorePath": StorePath,
    "StorePath /": lambda s, p: StorePath(s) / p,
    "StorePath / /": lambda s, p: StorePath(s, "a") / "b" / p,
    "make_store_path": make_store_path,
    "normalize_path": lambda s, p: normalize_path(p),
}
#: By the name of the method: a call that gives it the name of a member.
MEMBER_CALLS = {
    "__getitem__": lambda g, n: g[n],
    "__contains__": lambda g, n: n in g,
    "get": lambda g, n: g.get(n),
    "__setitem__": lambda g, n: g.__setitem__(n, [1, 2]),
    "__delitem__": lambda g, n: g.__delitem__(n),
    "create_group": lambda g, n: g.create_group(n),
    "require_group": lambda g, n: g.require_group(n),
    "create_array": lambda g, n: g.create_array(n, shape=2),
    "require_array": lambda g, n: g.require_array(n, shape=2),
    "create": lambda g, n: g.create(n, shape=2),
    "empty": lambda g, n: g.empty(n, shape=2),
    "zeros": lambda g, n: g.zeros(n, shape=2),
    "ones": lambda g, n: g.ones(n, shape=2),
    "full": lambda g, n: g.full(n, shape=2, fill_value=7),
    "array": lambda g, n: g.array(n, [1, 2]),
    "move from": lambda g, n: g.move(n, "b"),
    "move to": lambda g, n: g.move("a", n),
    "get_async": lambda g, n: awaited(lambda: g.get_async(n))(),
    "save_group": lambda g, n: zarr.save_group(StorePath(g.store, g.path), **{"b": [1], n: [1]}),
    "save": lambda g, n: zarr.save(StorePath(g.store, g.path), **{"b": [1], n: [1]}),
}
