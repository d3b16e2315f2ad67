"""Group: a node that holds other groups and arrays."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from zarr import api
from zarr.chunk_grid import normalize_shape
from zarr.errors import ContainsArrayError, ContainsGroupError, MetadataError
from zarr.ext import Array
from zarr.futures import run_async
from zarr.info import GroupInfo, Tree
from zarr.metadata import ArrayMetadata, GroupMetadata, metadata_from_documents
from zarr.node import (
    attributes_of,
    check_names,
    copy_value,
    create_node,
    delete_node,
    find_metadata,
    holds_node,
    join_path,
    node_of,
    open_node,
    place_of,
)
from zarr.storage import make_store_path, normalize_path

__all__ = ["Group", "member_path", "open_member"]


def open_member(store, path: str, metadata, consolidated=None) -> "Array | Group":
    """Return the array or the group whose metadata are known."""
    if isinstance(metadata, ArrayMetadata):
        return Array.of_node(store, path, node_of(store, path, metadata))
    return Group(store, path, node_of(store, path, metadata), consolidated)


def member_path(path: str, name: str) -> str:
    """Return the path of a member of the group at a path.

    Raises
    ------
    ValueError
        When the name is empty, or leads elsewhere.
    """
    normal = normalize_path(name)
    if not normal:
        raise ValueError(f"name: found {name!r}, expected the name of a member")
    return join_path(path, normal)


def _below(consolidated, name):
    """Return the part of consolidated metadata that lies below a name."""
    prefix = f"{name}/"
    return {
        path[len(prefix) :]: documents
        for path, documents in consolidated.items()
        if path.startswith(prefix)
    }


class _OfClassOrObject:
    """A method that is one function of the class and another one of its objects."""

    def __init__(self, of_class, of_object):
        self._of_class = of_class
        self._of_object = of_object

    def __get__(self, instance, cls):
        if instance is None:
            return self._of_class.__get__(None, cls)
        return self._of_object.__get__(instance)


class Group:
    """A group on a store. `zarr.create_group` and `zarr.open_group` make such objects.

    Members are reached as those of a mapping: ``group['a/b']``, ``'a' in group``,
    ``for name in group``, ``len(group)``, ``del group['a']``.

    Parameters
    ----------
    store : zarr.storage.Store
    path : str
        Of the group in the store; empty for the root.
    node : zarr.node.Node
    consolidated : dict, optional
        The documents of all that lies below, by path and name. None: the store is asked, as it is
        once something was changed through the group.

    Attributes
    ----------
    store : zarr.storage.Store
    path : str
    attrs : zarr.attributes.Attributes
        JSON values by name; changes are saved at once.

    Notes
    -----
    Any number of threads may call any methods at the same time.

    Examples
    --------
    >>> import zarr
    >>> g = zarr.group({})
    >>> a = g.create_array('maps/height', shape=(4, 4), dtype='i2')
    >>> list(g), 'maps/height' in g
    (['maps'], True)
    >>> g['maps'].attrs['source'] = 'radar'
    >>> g.tree()
    /
    └── maps
        └── height (4, 4) int16
    """

    def __init__(self, store, path, node, consolidated=None):
        self.store = store
        self.path = path
        self.attrs = attributes_of(store, path, node)
        self._node = node
        self._consolidated = consolidated

    # ------------------------------------------------------------------- making and opening

    @classmethod
    def _create(
        cls,
        store,
        path: str = "",
        *,
        attributes: Mapping | None = None,
        zarr_format: int = 3,
        overwrite: bool = False,
        exists_ok: bool = False,
    ) -> "Group":
        """Make a group, and groups of all that is missing above it.

        Raises
        ------
        ContainsArrayError, ContainsGroupError
            When there is something already, and `overwrite` is false.

        Examples
        --------
        >>> import zarr
        >>> zarr.Group.create({}, 'a/b', attributes={'units': 'm'}).name
        '/a/b'
        """
        place = make_store_path(store, path, mode="a")
        metadata = GroupMetadata(zarr_format=zarr_format).with_changes(
            attributes=dict(attributes or {})
        )
        node = create_node(place.store, place.path, metadata, overwrite or exists_ok)
        return cls(place.store, place.path, node)

    @classmethod
    def open(
        cls, store, path: str = "", *, zarr_format: int | None = None, use_consolidated=None
    ) -> "Group":
        """Open a group.

        Parameters
        ----------
        use_consolidated : bool or str, optional
            True: the consolidated metadata have to be there and are used. False: they are not
            looked at. By default they are used where they are.

        Raises
        ------
        GroupNotFoundError
            When there is no group.
        ValueError
            When consolidated metadata are asked for, and there are none.
        """
        place = make_store_path(store, path)
        node = open_node(place.store, place.path, zarr_format, GroupMetadata)
        return cls(place.store, place.path, node, _consolidated(place, node, use_consolidated))

    @classmethod
    def open_or_array(
        cls, store, path: str = "", *, zarr_format: int | None = None
    ) -> "Array | Group":
        """Open a group or an array, whichever there is.

        Raises
        ------
        NodeNotFoundError
            When there is neither.
        """
        place = make_store_path(store, path)
        node = open_node(place.store, place.path, zarr_format)
        if isinstance(node.metadata, ArrayMetadata):
            return Array.of_node(place.store, place.path, node)
        return cls(place.store, place.path, node, _consolidated(place, node, None))

    # ------------------------------------------------------------------------------ figures

    @property
    def metadata(self) -> GroupMetadata:
        """The metadata, as this process knows them."""
        return self._node.metadata

    @property
    def name(self) -> str:
        """The path with a slash before it."""
        return f"/{self.path}"

    @property
    def basename(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def store_path(self):
        """Store and path in one."""
        return make_store_path(self.store, self.path)

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written."""
        return self.store.read_only

    @property
    def info(self) -> GroupInfo:
        """The figures of the group as a table."""
        return GroupInfo(self)

    def __repr__(self):
        return f"<zarr.Group {place_of(self.store, self.path)}>"

    def __eq__(self, other):
        if not isinstance(other, Group):
            return NotImplemented
        return (self.store, self.path) == (other.store, other.path)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self):
        return Group.open, (self.store, self.path)

    def tree(self, level: int | None = None) -> Tree:
        """Return a picture of what lies below, as text and for notebooks.

        Parameters
        ----------
        level : int, optional
            How deep to look: 0 shows the group alone, 1 its members, and so on. None: all.

        Raises
        ------
        ValueError
            When `level` is negative.
        """
        return Tree(self, level)

    # ------------------------------------------------------------------------------ members

    def _find(self, path):
        """Return the metadata of a member, or None; and the consolidated ones below it."""
        if self._consolidated is None:
            return find_metadata(self.store, join_path(self.path, path)), None
        if path not in self._consolidated:
            return None, None
        try:
            metadata = metadata_from_documents(self._consolidated[path], join_path(self.path, path))
        except MetadataError as error:
            raise MetadataError(f"consolidated metadata: {error}") from error
        return metadata, _below(self._consolidated, path)

    def __getitem__(self, path: str) -> "Array | Group":
        found = self.get(path)
        if found is None:
            raise KeyError(normalize_path(path))
        return found

    def get(self, path: str, default=None):
        """Return a member, or `default` where there is none."""
        path = normalize_path(path)
        if not path:
            return self
        metadata, consolidated = self._find(path)
        if metadata is None:
            return default
        return open_member(self.store, join_path(self.path, path), metadata, consolidated)

    def __contains__(self, path):
        return self._find(normalize_path(path))[0] is not None

    def _member_metadata(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield name, metadata and consolidated metadata below, of each direct member."""
        if self._consolidated is not None:
            for path in self._consolidated:
                if "/" not in path:
                    yield path, *self._find(path)
            return
        prefix = f"{self.path}/" if self.path else ""
        for name in sorted(self.store.list_dir_sync(prefix)):
            metadata = find_metadata(self.store, prefix + name)
            if metadata is not None:
                yield name, metadata, None

    def _members(self) -> Iterator[tuple[str, "Array | Group"]]:
        for name, metadata, consolidated in self._member_metadata():
            yield name, open_member(self.store, join_path(self.path, name), metadata, consolidated)

    def members(self, max_depth: int | None = 0) -> tuple[tuple[str, "Array | Group"], ...]:
        """Return the members as pairs of path and node.

        Parameters
        ----------
        max_depth : int, optional
            0: those of this group only; 1: those of its groups as well, and so on. None: all.

        Raises
        ------
        ValueError
            When `max_depth` is negative.

        Examples
        --------
        >>> import zarr
        >>> g = zarr.group({})
        >>> h = g.create_group('a/b')
        >>> [path for path, node in g.members(max_depth=None)]
        ['a', 'a/b']
        """
        if max_depth is not None and max_depth < 0:
            raise ValueError(f"max_depth: found {max_depth}, expected 0 or more, or None")
        found = []
        for name, node in self._members():
            found.append((name, node))
            if isinstance(node, Group) and max_depth != 0:
                deeper = None if max_depth is None else max_depth - 1
                found += [(f"{name}/{path}", below) for path, below in node.members(deeper)]
        return tuple(found)

    def __iter__(self):
        return (name for name, _, _ in self._member_metadata())

    def __len__(self):
        return sum(1 for _ in self)

    def keys(self) -> Iterator[str]:
        """Yield the names of the members."""
        return iter(self)

    def array_keys(self) -> Iterator[str]:
        """Yield the names of the arrays in this group."""
        for name, metadata, _ in self._member_metadata():
            if isinstance(metadata, ArrayMetadata):
                yield name

    def group_keys(self) -> Iterator[str]:
        """Yield the names of the groups in this group."""
        for name, metadata, _ in self._member_metadata():
            if isinstance(metadata, GroupMetadata):
                yield name

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Yield the arrays in this group as pairs of name and array."""
        for name, node in self._members():
            if isinstance(node, Array):
                yield name, node

    def groups(self) -> Iterator[tuple[str, "Group"]]:
        """Yield the groups in this group as pairs of name and group."""
        for name, node in self._members():
            if isinstance(node, Group):
                yield name, node

    def array_values(self) -> Iterator[Array]:
        """Yield the arrays in this group."""
        return (array for _, array in self.arrays())

    def group_values(self) -> Iterator["Group"]:
        """Yield the groups in this group."""
        return (group for _, group in self.groups())

    # ----------------------------------------------------------------------------- changing

    def _path_of(self, name):
        return member_path(self.path, name)

    def _path_to_change(self, name):
        """Return the path of a member that is to be made or deleted."""
        path = self._path_of(name)
        self._consolidated = None
        return path

    def create_group(
        self, name: str, *, overwrite: bool = False, attributes: Mapping | None = None
    ) -> "Group":
        """Make a group in this one.

        Raises
        ------
        ContainsArrayError, ContainsGroupError
            When there is something of that name already, and `overwrite` is false.
        """
        return Group.create(
            self.store,
            self._path_to_change(name),
            attributes=attributes,
            zarr_format=self.metadata.zarr_format,
            overwrite=overwrite,
        )

    def require_group(self, name: str, *, overwrite: bool = False) -> "Group":
        """Return the group of a name, made where there is none.

        Raises
        ------
        TypeError
            When there is an array of that name.
        """
        found = None if overwrite else self.get(name)
        if found is None:
            try:
                return self.create_group(name, overwrite=overwrite)
            except (ContainsArrayError, ContainsGroupError):
                found = self.get(name)
                if found is None:
                    raise
        if not isinstance(found, Group):
            raise TypeError(f"{found.name}: found an array, expected a group")
        return found

    def create_array(self, name: str, *, data=None, shape=None, **arguments) -> Array:
        """Make an array in this group.

        Parameters
        ----------
        name : str
        data : array_like, optional
            What to write; shape and dtype are taken from it.
        shape : int or sequence of int, optional
        **arguments
            As `zarr.create_array`.

        Raises
        ------
        ContainsArrayError, ContainsGroupError
            When there is something of that name already, and `overwrite` is not true.
        """
        return api.create_array(
            self.store,
            name=self._path_to_change(name),
            shape=shape,
            data=data,
            **{"zarr_format": self.metadata.zarr_format, **arguments},
        )

    #: `Group.create(store, path)` makes a group, `group.create(name, ...)` an array in it.
    create: Any = _OfClassOrObject(_create, create_array)

    def require_array(
        self, name: str, *, shape, dtype=None, exact: bool = False, **arguments
    ) -> Array:
        """Return the array of a name, made where there is none.

        Parameters
        ----------
        exact : bool, optional
            Whether the dtype of one that is there has to be the same, or only castable to.

        Raises
        ------
        TypeError
            When what is there is a group, or of another shape or dtype.
        """
        found = self.get(name)
        if found is None:
            try:
                return self.create_array(name, shape=shape, dtype=dtype, **arguments)
            except (ContainsArrayError, ContainsGroupError):
                found = self.get(name)
                if found is None:
                    raise
        if not isinstance(found, Array):
            raise TypeError(f"{found.name}: found a group, expected an array")
        wanted = normalize_shape(shape)
        if found.shape != wanted:
            raise TypeError(f"{found.name}: found shape {found.shape}, expected {wanted}")
        if dtype is not None:
            dtype = np.dtype(dtype)
            if found.dtype != dtype if exact else not np.can_cast(found.dtype, dtype):
                raise TypeError(f"{found.name}: found dtype {found.dtype}, expected {dtype}")
        return found

    def __setitem__(self, name, value):
        self.create_array(name, data=value, overwrite=True)

    def __delitem__(self, name):
        self._path_of(name)
        if name not in self:
            raise KeyError(name)
        delete_node(self.store, self._path_to_change(name))

    def move(self, source: str, target: str) -> None:
        """Move a member to another name in this group.

        Raises
        ------
        KeyError
            When there is no member of the name `source`.
        ContainsArrayError, ContainsGroupError
            When there is a member of the name `target` already.
        ValueError
            When `target` lies in `source`.

        Examples
        --------
        >>> import zarr
        >>> g = zarr.group({})
        >>> h = g.create_group('a')
        >>> g.move('a', 'b')
        >>> list(g)
        ['b']
        """
        before, after = self._path_of(source), self._path_of(target)
        check_names(after)
        metadata, _ = self._find(normalize_path(source))
        if metadata is None:
            raise KeyError(source)
        if before != after and holds_node(self.store, before, self.store, after):
            raise ValueError(
                f"{place_of(self.store, before)}: found the target {target!r} in it, expected one "
                "outside"
            )
        create_node(self.store, self._path_to_change(target), metadata)
        try:
            for key in list(self.store.list_prefix_sync(f"{before}/")):
                copy_value(self.store, key, after + key[len(before) :])
        except BaseException:
            # What is there only in part must not look like what was to be moved.
            delete_node(self.store, after)
            raise
        delete_node(self.store, before)

    def update_attributes(self, values: Mapping) -> "Group":
        """Set some attributes, and return the group."""
        self.attrs.update(values)
        return self

    # ------------------------------------------------------------------- arrays by the dozen

    def empty(self, name: str, *, shape, **arguments) -> Array:
        """Make an array to be written."""
        return self.create_array(name, shape=shape, **arguments)

    def zeros(self, name: str, *, shape, **arguments) -> Array:
        """Make an array of zeros."""
        return self.create_array(name, shape=shape, **{"fill_value": 0, **arguments})

    def ones(self, name: str, *, shape, **arguments) -> Array:
        """Make an array of ones, which are its fill value."""
        return self.create_array(name, shape=shape, **{"fill_value": 1, **arguments})

    def full(self, name: str, *, shape, fill_value, **arguments) -> Array:
        """Make an array of one value throughout, its fill value."""
        return self.create_array(name, shape=shape, fill_value=fill_value, **arguments)

    def array(self, name: str, data, **arguments) -> Array:
        """Make an array that holds a copy of data."""
        return self.create_array(name, data=data, **arguments)

    # ---------------------------------------------------------- the same, for those who await

    @classmethod
    async def create_async(cls, store, path: str = "", **arguments) -> "Group":
        """`Group.create`, to be awaited.

        Examples
        --------
        >>> import asyncio
        >>> import zarr
        >>> async def main():
        ...     g = await zarr.Group.create_async({})
        ...     z = await g.create_array_async('a', shape=(4,), dtype='i1')
        ...     await z.async_[:2].set(7)
        ...     return await (await g.get_async('a')).async_[:].get()
        >>> asyncio.run(main())
        array([7, 7, 0, 0], dtype=int8)
        """
        return await run_async(cls.create, store, path, **arguments)

    @classmethod
    async def open_async(cls, store, path: str = "", **arguments) -> "Group":
        """`Group.open`, to be awaited."""
        return await run_async(cls.open, store, path, **arguments)

    @classmethod
    async def open_or_array_async(cls, store, path: str = "", **arguments) -> "Array | Group":
        """`Group.open_or_array`, to be awaited."""
        return await run_async(cls.open_or_array, store, path, **arguments)

    async def get_async(self, path: str) -> "Array | Group":
        """``group[path]``, to be awaited; KeyError where there is no such member."""
        return await run_async(self.__getitem__, path)

    async def members_async(
        self, max_depth: int | None = 0
    ) -> tuple[tuple[str, "Array | Group"], ...]:
        """`members`, to be awaited."""
        return await run_async(self.members, max_depth)

    async def create_group_async(self, name: str, **arguments) -> "Group":
        """`create_group`, to be awaited."""
        return await run_async(self.create_group, name, **arguments)

    async def create_array_async(self, name: str, **arguments) -> Array:
        """`create_array`, to be awaited."""
        return await run_async(self.create_array, name, **arguments)

    async def update_attributes_async(self, values: Mapping) -> "Group":
        """`update_attributes`, to be awaited."""
        return await run_async(self.update_attributes, values)


def _consolidated(place, node, use_consolidated):
    """Return the consolidated metadata that a group is opened with, or None."""
    if use_consolidated is False or not place.store.supports_consolidated_metadata:
        return None
    found = node.metadata.consolidated
    if found is None and use_consolidated:
        raise ValueError(
            f"{place_of(place.store, place.path)}: found no consolidated metadata, expected some: "
            "make them by zarr.consolidate_metadata"
        )
    return found
