"""The transpose codec: the axes of a chunk in another order."""

from typing import ClassVar

import numpy as np

from zarr.codecs.codec import ArrayArrayCodec, checked_integer

__all__ = ["TransposeCodec"]


class TransposeCodec(ArrayArrayCodec):
    """The axes of an array, in another order.

    Parameters
    ----------
    order : sequence of int
        Axis i of what is stored is axis `order[i]` of the array. 'C' (as they are) and 'F' (the
        other way round), which older metadata has, stand for an order once it is bound.

    Raises
    ------
    ValueError
        When it is not a permutation; in `bind`, when chunks have another number of axes.

    Notes
    -----
    Never changes; any thread may use it. Zarr v3's transpose codec
    (https://zarr-specs.readthedocs.io/en/latest/v3/codecs/transpose/).

    Examples
    --------
    >>> import numpy as np
    >>> from zarr.codecs import TransposeCodec
    >>> TransposeCodec((1, 2, 0)).encode(np.zeros((3, 4, 5))).shape
    (4, 5, 3)
    """

    name = "transpose"
    members: ClassVar = {"order": True}

    def __init__(self, order):
        if isinstance(order, str) and order in ("C", "F"):
            self.order = order
            return
        try:
            self.order = tuple(checked_integer("order", axis, 0) for axis in order)
        except (TypeError, ValueError):
            self.order = None
        is_list = not isinstance(order, (str, dict))
        if self.order is None or not is_list or not is_permutation(self.order):
            raise ValueError(f"order: found {order!r}, expected a permutation of the axes")

    def configuration(self):
        """Return the order, a list."""
        return {"order": self.order if isinstance(self.order, str) else list(self.order)}

    def arguments(self):
        """Return the arguments that make it again."""
        return {"order": self.order}

    def bind(self, dtype, chunk_shape):
        """Return the codec with a permutation, for chunks of as many axes.

        Raises
        ------
        ValueError
            When they have another number.
        """
        if isinstance(self.order, str):
            axes = range(len(chunk_shape))
            return type(self)(axes if self.order == "C" else reversed(axes))
        if len(self.order) != len(chunk_shape):
            raise ValueError(
                f"transpose: found an order of {len(self.order)} axes, expected "
                f"{len(chunk_shape)}, as chunks of shape {chunk_shape} have"
            )
        return self

    def resolve(self, shape, dtype):
        """Return the shape with its axes in the other order, and the dtype."""
        return tuple(shape[axis] for axis in self.order), dtype

    def encode(self, array):
        """Return a view of the array with its axes in the other order."""
        return np.asarray(array).transpose(self.order)

    def decode(self, array, shape, dtype):
        """Return a view with the axes in their first order again."""
        return array.transpose(np.argsort(self.order))


def is_permutation(order):
    """Tell whether an order has each axis once.

    Examples
    --------
    >>> from zarr.codecs.transpose import is_permutation
    >>> is_permutation((1, 0)), is_permutation((1, 1))
    (True, False)
    """
    return sorted(order) == list(range(len(order)))
