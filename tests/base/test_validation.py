"""`lessons_lib.base.validation`: what is a number, an integer, a row of probabilities."""

import doctest
import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from lessons_lib.base import validation
from lessons_lib.base.validation import (
    check_array,
    check_bits,
    check_counts,
    check_id_rows,
    check_ids,
    check_integer,
    check_number,
    check_positions,
    check_probs,
    check_product,
    check_rows,
    check_together,
)


def test_docstring_examples():
    assert doctest.testmod(validation).failed == 0


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (3, 3),
        (3.0, 3.0),
        (np.int8(3), 3),
        (np.float16(0.5), 0.5),
        (np.array(3), 3),
        (torch.tensor(3), 3),
        (torch.tensor(0.5, requires_grad=True), 0.5),
        (Fraction(1, 2), 0.5),
    ],
)
def test_numbers(number, expected):
    found = check_number("it", number)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "number",
    [
        math.nan,
        math.inf,
        -math.inf,
        True,
        np.True_,
        torch.tensor(True),
        "3",
        b"3",
        None,
        1j,
        [1],
        np.array([1]),
        torch.tensor([1]),
        10**400,
        np.float32("nan"),
    ],
)
def test_what_is_no_finite_number(number):
    with pytest.raises(ValueError, match=r"^expected it to be a finite number, got "):
        check_number("it", number)
    with pytest.raises(ValueError, match=r"^expected it to be an integer of at least 0, got "):
        check_integer("it", -1 if type(number) is int else number, 0)


def test_limits():
    assert check_number("it", 0, least=0, most=1) == 0
    assert check_number("it", 1, above=0, most=1) == 1
    with pytest.raises(ValueError, match=r"finite number above 0 and below 1, got 0$"):
        check_number("it", 0, above=0, below=1)
    with pytest.raises(ValueError, match=r"finite number above 0 and below 1, got 1$"):
        check_number("it", 1, above=0, below=1)
    with pytest.raises(ValueError, match=r"finite number of at least 0 and at most 1, got 2$"):
        check_number("it", 2, least=0, most=1)
    assert check_integer("it", 7, 0, 7) == 7
    with pytest.raises(ValueError, match=r"an integer from 0 to 7, got 8$"):
        check_integer("it", 8, 0, 7)


@pytest.mark.parametrize(
    "ids", [[True], [1.0], ["1"], [[1]], np.array([1.0]), torch.tensor([True])]
)
def test_what_are_no_ids(ids):
    with pytest.raises(ValueError, match="a sequence of integers"):
        check_ids(ids)


@pytest.mark.parametrize("ids", [[1, 2], (1, 2), np.array([1, 2], np.uint16), torch.tensor([1, 2])])
def test_ids_of_all_kinds(ids):
    assert check_ids(ids) == [1, 2]
    assert check_positions("them", ids).tolist() == [1, 2]


def test_arrays():
    assert check_array("x", [1, 2]).tolist() == [1.0, 2.0]
    assert check_array("x", []).tolist() == []
    assert check_array("x", [math.inf], finite=False).tolist() == [math.inf]
    for bad in ("3", ["3"], [True], [None], 1j):
        with pytest.raises(ValueError, match="expected x to be numbers, got"):
            check_array("x", bad)
    for bad in (math.nan, math.inf, 0, -1):
        with pytest.raises(ValueError, match=f"x to be finite numbers above 0, got {float(bad)}"):
            check_array("x", [1, bad], above=0)
    with pytest.raises(ValueError, match="x to be numbers, got nan"):
        check_array("x", [math.nan], finite=False)


@pytest.mark.parametrize("make", [np.array, torch.tensor])
def test_probabilities(make):
    rows = make([[0.5, 0.5], [0.0, 3.0]])
    assert check_probs("p", rows) is rows
    for bad in ([math.nan, 1.0], [math.inf, 0.0], [0.0, 0.0], [-1.0, 2.0]):
        with pytest.raises(ValueError, match="p to be finite, not negative, and above 0 in sum"):
            check_probs("p", make([[0.5, 0.5], bad]))


def test_counts_and_bits():
    check_counts({0: 0, 1: 5}, 2)
    for bad in ({0: -1}, {0: 0.5}, {0: True}, {0: math.nan}):
        with pytest.raises(ValueError, match="count of token 0 to be an integer of at least 0"):
            check_counts(bad, 2)
    for bits in (3, 5, 16):
        with pytest.raises(ValueError, match="1, 2, 4 or 8 bits"):
            check_bits(bits, 1)


def test_shapes_that_go_together():
    check_together("+", (2, 3), (3,))
    check_product((2, 1, 4, 3), (5, 3, 1))
    check_product((4, 3), (3, 1))
    assert check_rows("x", np.ones((1, 0))).shape == (1, 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: check_together("+", (2, 3), (2,)), r"broadcast, got \(2, 3\) \+ \(2,\)"),
        (lambda: check_product((3,), (3, 1)), r"got \(3,\) @ \(3, 1\)"),
        (lambda: check_product((2, 3), (2, 3)), r"got \(2, 3\) @ \(2, 3\)"),
        (lambda: check_product((2, 1, 3), (3, 3, 1)), r"broadcast, got \(2,\) @ \(3,\)"),
        (lambda: check_rows("x", np.ones(3)), r"x of shape \(N, D\) with N above 0, got \(3,\)"),
        (lambda: check_rows("x", np.ones((0, 3))), r"got \(0, 3\)"),
    ],
)
def test_shapes_that_do_not(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("make", [list, np.array, torch.tensor])
def test_rows_of_ids(make):
    found = check_id_rows(make([[0, 2], [1, 1]]), 3, 2)
    assert found.tolist() == [[0, 2], [1, 1]]
    assert found.dtype == np.int64


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([0, 1], r"\(B, T\) with T from 1 to 2, got \(2,\)"),
        ([[0, 1, 2]], r"got \(1, 3\)"),
        ([[]], r"got \(1, 0\)"),
        ([], r"got \(0,\)"),
        (None, r"got \(\)"),
        ("ab", r"got \(\)"),
        ([[0], [1, 2]], "rows of token ids"),
        ([[0, 3]], "from 0 to 2, got 3"),
        ([[-1]], "from 0 to 2, got -1"),
        ([[0.0]], "integers"),
        ([[True]], "integers"),
    ],
)
def test_rows_that_are_no_ids(ids, message):
    with pytest.raises(ValueError, match=message):
        check_id_rows(ids, 3, 2)
