"""Checks shared by all chapters: each raises ``ValueError`` saying what was expected and came."""

import math
import operator
from collections.abc import Iterable
from typing import Any

import regex

__all__ = [
    "MOST_LAYERS",
    "MOST_NUMBERS",
    "check_heads",
    "check_ids",
    "check_integer",
    "check_model",
    "check_number",
    "check_pattern",
    "check_special_tokens",
    "check_text",
]

# Beyond every published model: tokens, positions, widths and heads; layers.
MOST_NUMBERS, MOST_LAYERS = 2**24, 10_000


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


def check_integer(name: str, number: int, minimum: int, maximum: float = math.inf) -> int:
    """Return `number` as a Python integer.

    Raises:
        ValueError: something else, True and False included, or a number out of range.
    """
    try:
        value = None if isinstance(number, bool) else operator.index(number)
    except TypeError:
        value = None
    if value is None or not minimum <= value <= maximum:
        most = "" if maximum == math.inf else f" and at most {maximum:,}"
        raise ValueError(
            f"expected {name} to be an integer of at least {minimum}{most}, got {number!r:.80}"
        )
    return value


def check_number(name: str, number: float, above: float = -math.inf, least: float = 0.0) -> float:
    """Return `number` as a Python float.

    Args:
        name: of what is checked.
        number: an integer or a float.
        above: it must be larger than this.
        least: and at least this.

    Raises:
        ValueError: something else, True and False included, a number out of range, or one that is
            infinite or none (NaN).
    """
    try:
        value = None if isinstance(number, bool | str | bytes) else float(number)
    except (TypeError, ValueError, OverflowError):
        value = None
    if value is None or not (math.isfinite(value) and value > above and value >= least):
        limit = f"of at least {least:g}" if least > above else f"above {above:g}"
        raise ValueError(f"expected {name} to be a number {limit}, got {number!r:.80}")
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
        ValueError: a number below 1 or beyond all models, `n_heads` not divisible by `n_kv_heads`,
            or `d_model` not divisible by `n_heads` where `d_head` is not given.
    """
    check_integer("d_model", d_model, 1, MOST_NUMBERS)
    check_integer("n_heads", n_heads, 1, MOST_NUMBERS)
    if n_kv_heads is None:
        n_kv_heads = n_heads
    check_integer("n_kv_heads", n_kv_heads, 1, MOST_NUMBERS)
    if n_heads % n_kv_heads:
        raise ValueError(
            f"expected n_heads divisible by n_kv_heads, got {n_heads} and {n_kv_heads}"
        )
    if d_head is not None:
        return n_kv_heads, check_integer("d_head", d_head, 1, MOST_NUMBERS)
    if d_model % n_heads:
        raise ValueError(f"expected d_model divisible by n_heads, got {d_model} and {n_heads}")
    return n_kv_heads, d_model // n_heads


def check_model(config: Any) -> None:
    """Make sure that a model of these sizes can be, before any memory is asked for.

    Args:
        config: of a GPT or a Llama.

    Raises:
        ValueError: a size below 1 or beyond all models (`MOST_NUMBERS`, `MOST_LAYERS`), heads that
            do not divide, an `eps` below 0, a rotation that is none, a setting that is neither True
            nor False, or `end_ids` that are no tuple of different tokens of the vocabulary.
    """
    for name in ("vocab_size", "context_length"):
        check_integer(name, getattr(config, name), 1, MOST_NUMBERS)
    check_integer("n_layers", config.n_layers, 1, MOST_LAYERS)
    kv_heads, d_head = (getattr(config, name, None) for name in ("n_kv_heads", "d_head"))
    check_heads(config.d_model, config.n_heads, kv_heads, d_head)
    if config.d_ff is not None:
        check_integer("d_ff", config.d_ff, 1, MOST_NUMBERS)
    check_number("eps", config.eps)
    for name in ("qk_norm", "tied"):
        if type(setting := getattr(config, name, False)) is not bool:
            raise ValueError(f"expected {name} to be True or False, got {setting!r:.80}")
    check_number("rope_base", getattr(config, "rope_base", 1.0), above=0.0)
    if scaling := getattr(config, "rope_scaling", None):
        check_integer("old_context", scaling.old_context, 1, MOST_NUMBERS)
        check_number("factor", scaling.factor, above=0.0)
        check_number("high", scaling.high, above=check_number("low", scaling.low))
    if not isinstance(config.end_ids, tuple):
        raise ValueError(f"expected end_ids to be a tuple of tokens, got {config.end_ids!r:.80}")
    for token_id in config.end_ids:
        check_integer("a token of end_ids", token_id, 0, config.vocab_size - 1)
    if len(set(config.end_ids)) < len(config.end_ids):
        raise ValueError(f"expected end_ids that differ, got {config.end_ids!r:.80}")
