"""Checks shared by all chapters: each raises ``ValueError`` saying what was expected and came."""

import operator
from collections.abc import Iterable

import regex

__all__ = [
    "check_heads",
    "check_ids",
    "check_integer",
    "check_pattern",
    "check_special_tokens",
    "check_text",
]


def check_text(text: str, empty: bool = True) -> str:
    """Return `text` if it is a string that UTF-8 can hold.

    Args:
        text: what should be text.
        empty: whether the empty text will do.

    Raises:
        ValueError: not a string, an empty one where that will not do, or one with a lone surrogate
            (half of a UTF-16 pair, which stands for no character and has no UTF-8 bytes).
    """
    if not isinstance(text, str):
        raise ValueError(f"expected text (str), got {type(text).__name__}")
    if not (text or empty):
        raise ValueError("expected a text with at least one character, got an empty one")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"expected text without lone surrogates, got {text[error.start]!r} "
            f"at character {error.start}"
        ) from None
    return text


def check_ids(ids: Iterable[int], size: int | None = None) -> list[int]:
    """Return `ids` as a list of Python integers, each in ``0 .. size - 1``.

    Args:
        ids: token ids; any iterable of integers, NumPy and torch integers included.
        size: number of ids allowed; ``None`` checks only that they are integers.

    Raises:
        ValueError: something that is not an integer, or an id out of range.
    """
    try:
        numbers = [operator.index(i) for i in ids]
    except TypeError:
        raise ValueError(f"expected a sequence of integers, got {ids!r:.80}") from None
    if size is not None and numbers and (min(numbers) < 0 or max(numbers) >= size):
        wrong = min(numbers) if min(numbers) < 0 else max(numbers)
        raise ValueError(f"expected ids from 0 to {size - 1}, got {wrong}")
    return numbers


def check_integer(name: str, number: int, minimum: int) -> int:
    """Return `number` as a Python integer; `ValueError` if it is none or below `minimum`."""
    try:
        value = operator.index(number)
    except TypeError:
        value = None
    if value is None or value < minimum:
        expected = f"{name} to be an integer of at least {minimum}"
        raise ValueError(f"expected {expected}, got {number!r:.80}")
    return value


def check_pattern(pattern: str) -> regex.Pattern:
    """Return `pattern` compiled.

    Raises:
        ValueError: no regular expression, or one with groups that keep their text.
    """
    if not isinstance(pattern, str):
        raise ValueError(f"expected a regular expression (str), got {type(pattern).__name__}")
    try:
        compiled = regex.compile(pattern)
    except regex.error as error:
        raise ValueError(f"expected a regular expression, got {pattern!r}: {error}") from None
    if compiled.groups:
        raise ValueError(f"expected a pattern without (groups), use (?:...), got {pattern!r}")
    return compiled


def check_special_tokens(special_tokens: Iterable[str]) -> list[str]:
    """Return the special tokens as a list of different texts of two bytes or more.

    A set, which has no order of its own, comes back sorted.

    Raises:
        ValueError: one text in place of a sequence, a token twice, or one that is a single byte.
    """
    if isinstance(special_tokens, set | frozenset):
        special_tokens = sorted(special_tokens, key=str)
    if isinstance(special_tokens, str) or not isinstance(special_tokens, Iterable):
        raise ValueError(f"expected a sequence of special tokens, got {special_tokens!r}")
    special = [check_text(token) for token in special_tokens]
    for token in special:
        if len(token.encode()) < 2:
            raise ValueError(f"expected special tokens of at least two bytes, got {token!r}")
    if len(set(special)) < len(special):
        raise ValueError(f"expected special tokens that differ, got {special}")
    return special


def check_heads(
    d_model: int, n_heads: int, n_kv_heads: int | None = None, d_head: int | None = None
) -> tuple[int, int]:
    """Return the number of key-value heads and the width of a head, with their defaults filled in.

    Args:
        d_model: width of the model.
        n_heads: number of query heads.
        n_kv_heads: number of key-value heads; as many as query heads by default.
        d_head: width of a head; `d_model / n_heads` by default.

    Raises:
        ValueError: a number below 1, `n_heads` not divisible by `n_kv_heads`, or `d_model` not
            divisible by `n_heads` where `d_head` is not given.
    """
    check_integer("d_model", d_model, 1)
    check_integer("n_heads", n_heads, 1)
    n_kv_heads = n_heads if n_kv_heads is None else check_integer("n_kv_heads", n_kv_heads, 1)
    if n_heads % n_kv_heads:
        raise ValueError(
            f"expected n_heads divisible by n_kv_heads, got {n_heads} and {n_kv_heads}"
        )
    if d_head is not None:
        return n_kv_heads, check_integer("d_head", d_head, 1)
    if d_model % n_heads:
        raise ValueError(f"expected d_model divisible by n_heads, got {d_model} and {n_heads}")
    return n_kv_heads, d_model // n_heads
