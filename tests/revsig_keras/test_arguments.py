"""Checks of arguments: Python's and NumPy's numbers alike, and no booleans."""
import numpy as np
import pytest

from revsig_keras.arguments import check_boolean
from revsig_keras.arguments import check_integer
from revsig_keras.arguments import check_names


@pytest.mark.parametrize("value", (3, np.int64(3), np.uint8(3)))
def test_integers_of_python_and_numpy_become_pythons(value):
    for limits in ({}, {"least": 3}, {"least": 0, "most": 3}):
        checked = check_integer("k", value, **limits)
        assert checked == 3 and type(checked) is int


@pytest.mark.parametrize("value", (True, np.True_, 1.0, np.float32(1), "1", None))
def test_other_values_are_no_integers(value):
    with pytest.raises(ValueError, match="`k` must be an integer. Received: k=") as error:
        check_integer("k", value)
    assert str(error.value).endswith(f"k={value!r}")


@pytest.mark.parametrize("value, limits, expected", [
    (0, {
        "least": 1
    }, "an integer of 1 or more. Received: k=0"),
    (8, {
        "least": 0,
        "most": 7,
        "reason": "float32 has no more"
    }, "an integer from 0 to 7: float32 has no more. Received: k=8"),
])
def test_integers_out_of_range_are_refused_with_the_range(value, limits, expected):
    with pytest.raises(ValueError, match=expected):
        check_integer("k", value, **limits)


def test_booleans_are_pythons():
    assert check_boolean("flag", True) is True and check_boolean("flag", False) is False
    for value in (1, 0, "true", None):
        with pytest.raises(ValueError, match=f"`flag` must be a boolean. Received: flag={value!r}"):
            check_boolean("flag", value)


@pytest.mark.parametrize("value, names", [
    ("logits", ("logits",)),
    (["a", "b"], ("a", "b")),
    ({
        "a": 1
    }, ("a",)),
    ((), ()),
])
def test_a_string_is_one_name(value, names):
    assert check_names("outputs", value) == names


@pytest.mark.parametrize("value", [None, 3, [1], [["a"]], b"a"])
def test_other_values_are_no_names(value):
    with pytest.raises(ValueError,
                       match="`outputs` must be a string or several. Received: outputs="):
        check_names("outputs", value)
