"""What an array tells about itself."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import zarr
from zarr.info import size_text, stored_picture


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [
        (0, "0"),
        (1023, "1023"),
        (1024, "1.0K"),
        (40000000, "38.1M"),
        (735744, "718.5K"),
        (2**60, "1.0E"),
        (2**80, "1048576.0E"),
    ],
)
def test_sizes(nbytes, text):
    assert size_text(nbytes) == text


def test_the_ratio_is_left_out_while_nothing_is_stored():
    z = zarr.zeros((4, 4), chunks=2)
    assert "cratio" not in repr(z)
    assert "ratio" not in repr(z.info)
    z[0, 0] = 1
    assert ", cratio=" in repr(z)
    assert "(ratio " in repr(z.info)


def test_the_repr_is_one_line_for_every_dtype():
    z = zarr.zeros(3, dtype=[("a", "i4"), ("b", "S3")])
    assert repr(z).startswith("zarr.ext.Array((3,), [('a', '<i4'), ('b', 'S3')], chunks=(3,), ")
    assert "\n" not in repr(z)


def test_info_lists_figures_and_shows_what_is_stored():
    z = zarr.zeros((4, 6), chunks=2, dtype="i2", cname="lz4", shuffle=2)
    z[2:4, 3] = 1
    assert repr(z.info).splitlines() == [
        "Type               zarr.ext.Array",
        "Data type          int16",
        "Shape              (4, 6)",
        "Chunk shape        (2, 2)",
        "Grid shape         (2, 3)",
        "Fill value         0",
        "Compressor         lz4, level 5, bitshuffle",
        "Bytes              48",
        f"Bytes stored       {z.cbytes} (ratio {z.cratio:.1f})",
        "Chunks stored      1 of 6",
        "",
        "...",
        ".#.",
    ]


@pytest.mark.parametrize("shape", [(1000,), (3, 1000), (1000, 3), (40, 50, 60), (10**9, 10**9)])
def test_a_picture_is_small_and_shows_shares(shape):
    z = zarr.zeros(shape, chunks=1, dtype="u1")
    z[(0,) * len(shape)] = z[(-1,) * len(shape)] = 1
    picture = np.array(stored_picture(z))
    assert picture.shape <= (16, 64)
    assert 0 < picture[0, 0] <= 1
    assert 0 < picture[-1, -1] <= 1
    assert (picture > 0).sum() == 2


def test_a_picture_of_a_full_grid_is_full():
    z = zarr.zeros((37, 5, 23), chunks=1, dtype="u1")
    z[:] = 1
    assert np.all(np.array(stored_picture(z)) == 1)


def test_no_picture_without_chunks():
    z = zarr.zeros((0, 3))
    assert stored_picture(z) == []
    assert repr(z.info).endswith("Chunks stored      0 of 0")
    assert "<svg" not in z._repr_html_()


def test_html_is_well_formed_and_escaped():
    z = zarr.zeros((4, 6), chunks=2, dtype=[("<b>&", "i4")])
    z[0, 0] = 1
    page = ElementTree.fromstring(f"<div>{z._repr_html_()}</div>")
    assert page.find("code").text == repr(z)
    rows = [(row.find("th").text, row.find("td").text) for row in page.iter("tr")]
    assert rows == z.info.items()
    squares = list(page.iter("{http://www.w3.org/2000/svg}rect"))
    assert len(squares) == 6
    assert [s.get("fill-opacity") for s in squares] == ["1.00"] + ["0.10"] * 5
    assert ElementTree.fromstring(f"<div>{z.info._repr_html_()}</div>") is not None


def test_shards_are_shown_where_there_are_some():
    z = zarr.zeros((8, 6), chunks=2, shards=(4, 6), dtype="i2")
    figures = "nbytes=96, cbytes=0, cname=blosclz, clevel=5, shuffle=1, crc32c"
    expected = f"zarr.ext.Array((8, 6), int16, chunks=(2, 2), shards=(4, 6), {figures})"
    assert repr(z) == expected
    assert expected in z._repr_html_()
    lines = repr(z.info).splitlines()
    assert "Shard shape        (4, 6)" in lines
    assert "Chunk shape        (2, 2)" in lines
    assert "Grid shape         (4, 3)" in lines
    z[1, 1] = 1
    assert "Chunks stored      1 of 12" in repr(z.info)
    assert "shard" not in repr(zarr.zeros(3)) + repr(zarr.zeros(3).info).lower()


def test_codecs_of_shards_in_short():
    codec = zarr.codecs.ShardingCodec((1, 2), ["bytes", "crc32c"])
    z = zarr.zeros((8, 6), chunks=(2, 2), shards=(4, 6), dtype="i2", codecs=[codec])
    text = "sharding_indexed((1, 2), [bytes(little), crc32c])"
    assert f"codecs=[{text}]" in repr(z)
    assert f"Codecs             {text}\n" in repr(z.info)
