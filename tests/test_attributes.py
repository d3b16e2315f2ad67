"""Attributes: JSON values by name."""

import re

import pytest

import zarr

VALUES = {
    "text": "metres",
    "number": 1.5,
    "list": [1, [2, {"a": None}]],
    "flag": True,
    "none": None,
}


def test_is_a_mapping():
    z = zarr.zeros(3, attributes=VALUES)
    assert dict(z.attrs) == VALUES == z.attrs.asdict()
    assert list(z.attrs) == list(VALUES)
    z.attrs["text"] = "feet"
    z.attrs.update(number=2, more=(1, 2))
    assert z.attrs["more"] == [1, 2]
    del z.attrs["flag"]
    assert "flag" not in z.attrs
    assert len(z.attrs) == 5
    assert z.attrs.pop("number") == 2
    assert repr(zarr.zeros(3, attributes={"a": [1]}).attrs) == "Attributes({'a': [1]})"
    with pytest.raises(KeyError, match="flag"):
        z.attrs["flag"]


def test_what_is_stored_changes_by_assignment_only():
    given = {"a": [1]}
    z = zarr.zeros(3, attributes=given)
    given["a"].append(2)
    z.attrs["a"].append(3)
    z.attrs.asdict()["a"].append(4)
    assert z.attrs["a"] == [1]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("a", {1, 2}, "attributes.a: found {1, 2}, expected a value that JSON can hold"),
        ("a", [0, {"b": 1j}], "attributes.a[1].b: found 1j, expected a value that JSON can hold"),
        ("a", {"b": {5: 1}}, "attributes.a.b: found the name 5, expected a string"),
        (3, 1, "attributes: found the name 3, expected a string"),
    ],
)
def test_what_is_not_json_is_refused_and_names_its_place(name, value, message):
    z = zarr.zeros(3, attributes={"kept": 1})
    with pytest.raises(TypeError, match=re.escape(message)):
        z.attrs.update({"other": 2, name: value})
    assert z.attrs.asdict() == {"kept": 1}
    with pytest.raises(TypeError, match=re.escape(message)):
        zarr.zeros(3, attributes={name: value})
