"""How good a filter is, where the truth is known."""

from collections.abc import Sequence
from typing import NamedTuple

from lessons_lib.base.validation import check_text
from lessons_lib.evaluation import Accuracy, accuracy, check_right


class Rates(NamedTuple):
    """Precision and recall, each with its interval; None where there is nothing to divide by."""

    precision: Accuracy | None  # of what was found, how much is right
    recall: Accuracy | None  # of what is there, how much was found


def rates(found: Sequence[bool], truth: Sequence[bool]) -> Rates:
    """Return precision and recall of what was found, with Wilson's intervals.

    Args:
        found: for each of N things, whether it was found.
        truth: whether it should have been.

    Raises:
        ValueError: not as many of both, none, or values other than true and false.

    >>> [round(rate.mean, 2) for rate in rates([1, 1, 1, 0], [1, 1, 0, 0])]
    [0.67, 1.0]
    """
    chosen, right = (check_right(one).astype(bool) for one in (found, truth))
    if len(chosen) != len(right):
        raise ValueError(f"expected as many of both, got {len(chosen)} and {len(right)}")
    return Rates(
        accuracy(right[chosen].tolist()) if chosen.any() else None,
        accuracy(chosen[right].tolist()) if right.any() else None,
    )


def line_rates(texts: Sequence[str], truths: Sequence[str]) -> Rates:
    """Return precision and recall of the lines of extracted texts, compared with the true ones.

    Args:
        texts: one for each page.
        truths: what each page says.

    Raises:
        ValueError: not as many of both, or no line at all.
    """
    found, there = [], []
    for text, truth in zip(texts, truths, strict=True):
        left = check_text(truth).splitlines()
        for line in check_text(text).splitlines():
            found.append(True)
            there.append(line in left)
            if line in left:
                left.remove(line)
        found += [False] * len(left)
        there += [True] * len(left)
    return rates(found, there)
