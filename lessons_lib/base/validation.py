"""Checks shared by all chapters: each raises ``ValueError`` saying what was expected and came."""

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import regex

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "MOST_LAYERS",
    "MOST_NUMBERS",
    "as_array",
    "check_array",
    "check_bits",
    "check_counts",
    "check_heads",
    "check_id_rows",
    "check_ids",
    "check_integer",
    "check_logits",
    "check_model",
    "check_number",
    "check_optimizer",
    "check_pattern",
    "check_positions",
    "check_probs",
    "check_product",
    "check_real",
    "check_rows",
    "check_special_tokens",
    "check_text",
    "check_together",
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
    ids = ids.tolist() if hasattr(ids, "tolist") else ids  # those of NumPy and torch, at once
    try:
        numbers = [i if type(i) is int else _integer(i) for i in ids]
    except TypeError:
        raise ValueError(f"expected a sequence of integers, got {ids!r:.80}") from None
    if size is not None and numbers and (min(numbers) < 0 or max(numbers) >= size):
        wrong = min(numbers) if min(numbers) < 0 else max(numbers)
        raise ValueError(f"expected ids from 0 to {size - 1}, got {wrong}")
    return numbers


def _plain(number: object) -> object:
    """Return what a NumPy or torch number without dimensions holds; anything else as it is."""
    return number.item() if getattr(number, "ndim", None) == 0 else number


def _integer(number: object) -> int:
    value = _plain(number)
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError
    return int(value)


def check_integer(name: str, number: int, minimum: int, maximum: int | None = None) -> int:
    """Return `number` as a Python integer.

    Args:
        name: what the number is called.
        number: what should be an integer, of Python, NumPy or torch.
        minimum: the least that will do.
        maximum: the most that will do.

    Raises:
        ValueError: no integer (a truth value or a float such as 2.0 is none), or out of range.
    """
    try:
        value = _integer(number)
    except TypeError:
        value = None
    if value is None or value < minimum or (maximum is not None and value > maximum):
        range_ = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise ValueError(f"expected {name} to be an integer {range_}, got {number!r:.80}")
    return value


def check_number(
    name: str,
    number: float,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    below: float = math.inf,
) -> float:
    """Return `number` as a Python number: an integer as an integer, all else as a float.

    Args:
        name: what the number is called.
        number: what should be a finite real number, of Python, NumPy or torch.
        least: the least that will do.
        above: what it has to be above.
        most: the most that will do.
        below: what it has to be below.

    Raises:
        ValueError: no number (a text or a truth value is none), NaN, infinite, or out of range.

    >>> check_number("top_p", 1.5, above=0, most=1)
    Traceback (most recent call last):
    ...
    ValueError: expected top_p to be a finite number above 0 and at most 1, got 1.5
    """
    value = _plain(number)
    try:
        if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
            raise OverflowError
        value = int(value) if isinstance(value, Integral) else float(value)
    except OverflowError:  # also of an integer that no float can hold
        value = math.nan
    if least <= value <= most and above < value < below:
        return value
    limits = {"of at least": least, "above": above, "at most": most, "below": below}
    words = " and".join(f" {word} {x}" for word, x in limits.items() if math.isfinite(x))
    raise ValueError(f"expected {name} to be a finite number{words}, got {number!r:.80}")


def as_array(name: str, values: object) -> np.ndarray:
    """Return values as an array of whatever type they have; tensors without their gradients.

    Args:
        name: what the values are called.
        values: a value, rows of values, an array or a tensor on any device.

    Raises:
        ValueError: rows of different lengths, or something else that is no array.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = values.float() if str(values.dtype) == "torch.bfloat16" else values
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"expected {name} to be an array, got {values!r:.80}") from None


def check_array(
    name: str,
    numbers: object,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    finite: bool = True,
    truth: bool = False,
) -> np.ndarray:
    """Return `numbers`, a number or an array of them, as an array of floats.

    Args:
        name: what the numbers are called.
        numbers: what should be finite real numbers.
        least: the least that will do.
        above: what they have to be above.
        finite: whether infinity will not do.
        truth: whether truth values will do, as 1 and 0.

    Raises:
        ValueError: something else than numbers, NaN, an infinite one, or one out of range.
    """
    array = as_array(name, numbers)
    if array.dtype.kind not in ("fiub" if truth else "fiu") and array.size:
        raise ValueError(f"expected {name} to be numbers, got {numbers!r:.80}")
    array = array.astype(float)
    good = np.isfinite(array) if finite else ~np.isnan(array)
    if least > -math.inf or above > -math.inf:
        good &= (array >= least) & (array > above)
    wrong = array[~good]
    if wrong.size:
        limits = {"of at least": least, "above": above}
        words = " and".join(f" {word} {x}" for word, x in limits.items() if math.isfinite(x))
        kind = "finite numbers" if finite else "numbers"
        raise ValueError(f"expected {name} to be {kind}{words}, got {wrong[0]}")
    return array


def check_together(sign: str, one: tuple[int, ...], other: tuple[int, ...]) -> None:
    """Check that arrays of two shapes broadcast.

    Args:
        sign: what puts them together, for the message.
        one: a shape.
        other: another.

    Raises:
        ValueError: they do not.
    """
    try:
        np.broadcast_shapes(one, other)
    except ValueError:
        raise ValueError(f"expected shapes that broadcast, got {one} {sign} {other}") from None


def check_product(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    """Check that arrays of two shapes have a matrix product, or one for each of a batch.

    Raises:
        ValueError: they have none.
    """
    if min(len(one), len(other)) < 2 or one[-1] != other[-2]:
        raise ValueError(f"expected (..., N, D) @ (..., D, E), got {one} @ {other}")
    check_together("@", one[:-2], other[:-2])


def check_rows(name: str, array: np.ndarray) -> np.ndarray:
    """Return an array (N, D) of at least one row.

    Raises:
        ValueError: another number of axes, or no rows.
    """
    if array.ndim != 2 or not len(array):
        raise ValueError(f"expected {name} of shape (N, D) with N above 0, got {array.shape}")
    return array


def check_id_rows(
    token_ids: object, vocab_size: int | None = None, most: int | None = None
) -> np.ndarray:
    """Return token ids (B, T) as an array of 64-bit integers.

    Args:
        token_ids: rows of integers, as lists, an array or a tensor.
        vocab_size: as for `check_ids`.
        most: the largest T that will do.

    Raises:
        ValueError: no integers, another shape, no rows, no or too many columns, or ids out of
            range.
    """
    try:
        found = np.asarray(token_ids)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"expected rows of token ids, got {token_ids!r:.80}") from None
    if found.ndim != 2 or not found.size or (most is not None and found.shape[1] > most):
        limit = "" if most is None else f" with T from 1 to {most}"
        raise ValueError(f"expected token ids of shape (B, T){limit}, got {found.shape}")
    return np.array(check_ids(found.ravel(), vocab_size), dtype=np.int64).reshape(found.shape)


def check_real(real: object) -> "Tensor":
    """Return which positions of B texts are real and no padding, as booleans (B, T).

    Args:
        real: booleans (B, T), or 0 and 1 in their place, as lists, an array or a tensor.

    Raises:
        ValueError: another shape, nothing, or other values.
    """
    import torch  # here, so that the checks of chapters without torch start quickly

    try:
        found = torch.as_tensor(real)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"expected rows of booleans, got {real!r:.80}") from None
    if found.ndim != 2 or not found.numel():
        raise ValueError(f"expected booleans of shape (B, T), got {tuple(found.shape)}")
    flags = found.bool()
    if not torch.equal(flags.to(found.dtype), found):
        raise ValueError(f"expected booleans, or 0 and 1, got {found[flags != found][0].item()}")
    return flags


def check_probs(name: str, probs: object) -> object:
    """Return rows (..., V) of probabilities, an array or a tensor, which need not add up to 1.

    Raises:
        ValueError: a negative number, NaN or infinity, or a row of nothing but zeros.
    """
    totals = probs.sum(-1) if getattr(probs, "ndim", 0) else None
    if totals is None:
        raise ValueError(f"expected {name} to be an array of probabilities, got {probs!r:.80}")
    for bad in (probs[~(probs >= 0)], totals[~((totals > 0) & (totals < math.inf))]):
        if len(bad):
            raise ValueError(
                f"expected {name} to be finite, not negative, and above 0 in sum, got {bad[0]}"
            )
    return probs


def check_logits(logits: object) -> object:
    """Return logits (..., V), a tensor; `-inf` stands for what cannot come.

    Raises:
        ValueError: a row with a NaN or `+inf`, or of nothing but `-inf`: it has no largest one.
    """
    best = logits.amax(-1)
    wrong = best[~best.isfinite()]
    if len(wrong):
        raise ValueError(f"expected logits with a finite largest one, got {wrong[0]}")
    return logits


def check_counts(counts: Mapping[int, int], size: int) -> None:
    """Check how often each of `size` tokens was counted.

    Raises:
        ValueError: a token outside ``0 .. size - 1``, or a count that is no integer from 0 on.
    """
    check_ids(counts, size)
    for token, count in counts.items():
        check_integer(f"the count of token {token}", count, 0)


def check_positions(
    name: str, positions: object, size: int | None = None, length: int | None = None
) -> "Tensor":
    """Return positions, ids or other places in a row of `size`, as a tensor (N,) of 64 bits.

    Args:
        name: what they are called.
        positions: what should be one row of integers.
        size: they have to be below it; ``None``: as large as they like.
        length: N, where it has to be a certain one.

    Raises:
        ValueError: floats, truth values or something else; another shape; or one out of range.
    """
    import torch  # chapters without torch stand on this module too

    try:
        found = torch.as_tensor(positions)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"expected {name} to be integers, got {positions!r:.80}") from None
    whole = not (found.is_floating_point() or found.is_complex() or found.dtype == torch.bool)
    if found.numel() and not whole:  # of no numbers, nobody knows the type
        raise ValueError(f"expected {name} to be integers, got {found.dtype}")
    if found.ndim != 1 or length not in (None, len(found)):
        shape = f"({'N' if length is None else length},)"
        raise ValueError(f"expected {name} of shape {shape}, got {tuple(found.shape)}")
    found = found.to(torch.int64)
    wrong = found[(found < 0) | (found >= (2**63 - 1 if size is None else size))]
    if len(wrong):
        range_ = "from 0 on" if size is None else f"from 0 to {size - 1}"
        raise ValueError(f"expected {name} {range_}, got {wrong[0]}")
    return found


def check_bits(bits: int, width: int) -> int:
    """Return `bits` if it is 1, 2, 4 or 8 and `width` at least 1; `ValueError` else."""
    check_integer("width", width, 1)
    if check_integer("bits", bits, 1) not in (1, 2, 4, 8):
        raise ValueError(f"expected levels of 1, 2, 4 or 8 bits, got {bits}")
    return bits


def check_optimizer(groups: Iterable[Mapping]) -> None:
    """Check the settings of an optimizer's groups of parameters, those that are there.

    Raises:
        ValueError: `lr` or `weight_decay` negative; `momentum` or one of two `betas` outside
            ``[0, 1)``; `eps` not above 0; or one of them no finite number.
    """
    limits = {
        "lr": {"least": 0},
        "momentum": {"least": 0, "below": 1},
        "eps": {"above": 0},
        "weight_decay": {"least": 0},
    }
    for group in groups:
        for name in limits.keys() & group.keys():
            check_number(name, group[name], **limits[name])
        betas = group.get("betas", (0, 0))
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise ValueError(f"expected betas to be two numbers, got {betas!r}")
        for i, beta in enumerate(betas):
            check_number(f"betas[{i}]", beta, least=0, below=1)


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
    check_number("eps", config.eps, least=0)
    for name in ("qk_norm", "tied"):
        if type(setting := getattr(config, name, False)) is not bool:
            raise ValueError(f"expected {name} to be True or False, got {setting!r:.80}")
    check_number("rope_base", getattr(config, "rope_base", 1.0), above=0)
    if scaling := getattr(config, "rope_scaling", None):
        check_integer("old_context", scaling.old_context, 1, MOST_NUMBERS)
        check_number("factor", scaling.factor, above=0)
        check_number("high", scaling.high, above=check_number("low", scaling.low, least=0))
    if not isinstance(config.end_ids, tuple):
        raise ValueError(f"expected end_ids to be a tuple of tokens, got {config.end_ids!r:.80}")
    for token_id in config.end_ids:
        check_integer("a token of end_ids", token_id, 0, config.vocab_size - 1)
    if len(set(config.end_ids)) < len(config.end_ids):
        raise ValueError(f"expected end_ids that differ, got {config.end_ids!r:.80}")
