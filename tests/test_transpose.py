"""The transpose codec."""

import itertools

import numpy as np
import pytest
from codec_conformance import ArrayArrayTests

from zarr.codecs import TransposeCodec
from zarr.errors import MetadataError


class TestTranspose(ArrayArrayTests):
    codecs = tuple(TransposeCodec(order) for order in itertools.permutations(range(3)))
    arrays = (np.arange(24, dtype="i4").reshape(2, 3, 4), np.zeros((0, 1, 2)))


class TestLegacyOrders(ArrayArrayTests):
    codecs = (TransposeCodec("C"), TransposeCodec("F"))
    arrays = (np.arange(24).reshape(2, 3, 4), np.arange(6).reshape(2, 3), np.array(5))


def test_the_order_is_that_of_the_specification():
    """Axis i of what is stored is axis order[i]; not its own inverse, so that it can be told."""
    array = np.arange(24).reshape(2, 3, 4)
    encoded = TransposeCodec((1, 2, 0)).encode(array)
    assert encoded.shape == (3, 4, 2)
    assert encoded[2, 3, 1] == array[1, 2, 3]


def test_legacy_orders_become_permutations():
    assert TransposeCodec("F").bind(np.dtype("i4"), (1, 2, 3)) == TransposeCodec((2, 1, 0))
    assert TransposeCodec("C").bind(np.dtype("i4"), (1, 2, 3)) == TransposeCodec((0, 1, 2))
    assert TransposeCodec([1, 0]) == TransposeCodec(order=np.array([1, 0]))
    assert TransposeCodec((1, 0)).configuration() == {"order": [1, 0]}


@pytest.mark.parametrize(
    "order", [(0, 0), (1, 2), (-1, 0), "A", "", {}, 3, (0.0, 1.0), (True, False)]
)
def test_what_is_no_permutation(order):
    with pytest.raises(ValueError, match=r"^order: found .*, expected a permutation of the axes$"):
        TransposeCodec(order)
    with pytest.raises(MetadataError, match=r"^codec\.configuration\.order: found "):
        TransposeCodec.from_configuration({"order": order})


def test_another_number_of_axes():
    message = r"^transpose: found an order of 2 axes, expected 3, as chunks of shape \(1, 2, 3\) "
    with pytest.raises(ValueError, match=message):
        TransposeCodec((1, 0)).bind(np.dtype("i4"), (1, 2, 3))


def test_an_order_is_needed():
    with pytest.raises(MetadataError, match=r"^codec\.configuration\.order: found nothing"):
        TransposeCodec.from_configuration({})
