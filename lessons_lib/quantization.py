"""Quantization: a trained model's numbers in fewer bits.

The chapter `quantization`. It adds to trained weights the formats in which they are stored: floats
of 32 and 16 bits, blocks of small integers that share a scale, and super-blocks whose scales are
integers too.

The bytes are those of llama.cpp on x86, to the last one, for all finite numbers. The `gguf` package
writes the same, but for the sign of some zeros: the scale of blocks (Q4_0, Q5_0) in which a minus
zero comes first and nothing else follows but zeros, and the minimum of blocks (Q4_1, Q5_1) whose
smallest numbers are zeros of both signs. Such a sign changes nothing but the sign of other zeros.

Shapes: n blocks, C numbers in a row, T rows of activations, N rows of weights. A format's encoder
takes blocks (n, block size) of float32 and fills a structured array (n,), whose fields have ggml's
names; its decoder goes back. Between the two, `levels` are the integers that stand for numbers.

Sources:
    ggml's `ggml-quants.c` and the `gguf` package: the formats, and which of several equally good
        roundings is taken. https://github.com/ggml-org/llama.cpp
    IEEE 754-2019, section 3: floats of 32 and 16 bits.
    Kalamkar et al., "A Study of BFLOAT16 for Deep Learning Training", 2019, arXiv:1905.12322.
    Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-
        Only Inference", 2017, arXiv:1712.05877: scales and zero points.
    Dettmers et al., "LLM.int8(): 8-bit Matrix Multiplication for Transformers at Scale", 2022,
        arXiv:2208.07339: integer products, and outliers.
    Open Compute Project, "Microscaling Formats (MX) Specification", version 1.0, 2023: MXFP4.
"""

import copy
import itertools
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lessons_lib.base.validation import (
    check_array,
    check_bits,
    check_ids,
    check_integer,
    check_number,
)

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "AT_A_TIME",
    "DECODERS",
    "ENCODERS",
    "FLOATS",
    "FORMATS",
    "HALF",
    "MXFP4_VALUES",
    "TINY",
    "FloatBits",
    "Format",
    "bf16_to_float",
    "block_format",
    "block_layout",
    "cut_to_levels",
    "decode_mxfp4",
    "decode_q4_0",
    "decode_q4_k",
    "decode_q6_k",
    "decode_q8_0",
    "dequantize",
    "encode_mxfp4",
    "encode_q4_0",
    "encode_q4_k",
    "encode_q6_k",
    "encode_q8_0",
    "fit_line",
    "fit_super_blocks",
    "float_bits",
    "float_to_bf16",
    "largest",
    "line_error",
    "matmul_q8_0",
    "nearest_int",
    "pack",
    "pack_scales",
    "power_of_two",
    "quantize",
    "quantize_model",
    "reciprocal",
    "rmse",
    "round_absmax",
    "round_scales",
    "round_signed",
    "round_zero_point",
    "search_scale",
    "search_scale_and_min",
    "signed_levels",
    "step_levels",
    "super_block_scales",
    "unpack",
    "unpack_scales",
]


# ---------------------------------------------------------------------------------- the formats


@dataclass(frozen=True)
class Format:
    """How a block of numbers is stored.

    Args:
        name: as in GGUF files.
        block_size: how many numbers share a block; rows are a multiple of it.
        layout: the fields of a block, in the order of their bytes.

    >>> Format("Q8_0", 32, np.dtype([("d", "<f2"), ("qs", "i1", 32)])).bits_per_weight
    8.5
    """

    name: str
    block_size: int
    layout: np.dtype

    @property
    def bytes_per_block(self) -> int:
        """How many bytes a block has."""
        return self.layout.itemsize

    @property
    def bits_per_weight(self) -> float:
        """How many bits a number takes, its share of the scales included."""
        return 8 * self.bytes_per_block / self.block_size


HALF = "(1,)<f2"  # a float of 16 bits, lowest byte first


def block_layout(**fields: str) -> np.dtype:
    """Return the layout of fields such as qs="32u1", 32 bytes: first, second, ..., no gaps."""
    return np.dtype(list(fields.items()))


FORMATS = {
    format.name: format
    for format in (
        Format("F32", 1, block_layout(x="(1,)<f4")),
        Format("F16", 1, block_layout(x=HALF)),
        Format("BF16", 1, block_layout(x="(1,)<u2")),
        Format("Q8_0", 32, block_layout(d=HALF, qs="32i1")),
        Format("Q4_0", 32, block_layout(d=HALF, qs="16u1")),
        Format("Q4_1", 32, block_layout(d=HALF, m=HALF, qs="16u1")),
        Format("Q5_0", 32, block_layout(d=HALF, qh="4u1", qs="16u1")),
        Format("Q5_1", 32, block_layout(d=HALF, m=HALF, qh="4u1", qs="16u1")),
        Format("Q2_K", 256, block_layout(scales="16u1", qs="64u1", d=HALF, dmin=HALF)),
        Format("Q3_K", 256, block_layout(hmask="32u1", qs="64u1", scales="12u1", d=HALF)),
        Format("Q4_K", 256, block_layout(d=HALF, dmin=HALF, scales="12u1", qs="128u1")),
        Format("Q5_K", 256, block_layout(d=HALF, dmin=HALF, scales="12u1", qh="32u1", qs="128u1")),
        Format("Q6_K", 256, block_layout(ql="128u1", qh="64u1", scales="16i1", d=HALF)),
        Format("MXFP4", 32, block_layout(e="(1,)u1", qs="16u1")),
    )
}


# ------------------------------------------------------------------------------ floats, opened up


def float_to_bf16(x: np.ndarray) -> np.ndarray:
    """Round float32 numbers to the nearest of 16 bits with the same exponent, half to even.

    Returns:
        The upper 16 bits of each, as uint16. What is not a number stays none.

    Source: Kalamkar et al. 2019.

    >>> hex(float_to_bf16(np.float32([1.0]))[0])
    '0x3f80'
    """
    bits = np.asarray(x, np.float32).view(np.uint32)
    rounded = (bits + (0x7FFF + (bits >> 16 & 1))) >> 16  # a half and more goes up
    return np.where(np.isnan(x), bits >> 16 | 0x40, rounded).astype(np.uint16)


def bf16_to_float(bits: np.ndarray) -> np.ndarray:
    """Return the float32 numbers whose upper 16 bits are given as uint16, the lower ones 0."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


FLOATS = {"F32": (8, 23), "F16": (5, 10), "BF16": (8, 7)}  # bits of exponent and mantissa


class FloatBits(NamedTuple):
    """The bits of a float, as texts of 0 and 1."""

    sign: str
    exponent: str
    mantissa: str

    @property
    def value(self) -> float:
        """The number that the bits stand for, by the formula.

        Source: IEEE 754-2019, section 3.4.
        """
        bias = 2 ** (len(self.exponent) - 1) - 1
        exponent = int(self.exponent, 2)
        fraction = int(self.mantissa, 2) / 2 ** len(self.mantissa)
        if exponent == 2 * bias + 1:
            size = math.nan if fraction else math.inf
        elif exponent == 0:
            size = fraction * 2.0 ** (1 - bias)
        else:
            size = (1 + fraction) * 2.0 ** (exponent - bias)
        return -size if self.sign == "1" else size


def float_bits(number: float, type: str = "F32") -> FloatBits:
    """Return the bits of a number as a float of a type in FLOATS, rounded to it from float32.

    Raises:
        ValueError: another type, or no number; NaN and infinity are floats too.

    >>> float_bits(-2.5, "BF16")
    FloatBits(sign='1', exponent='10000000', mantissa='0100000')
    """
    data = np.empty(1, block_format(type, FLOATS, (1,)).layout)
    if isinstance(number, bool) or not isinstance(number, Real):
        raise ValueError(f"expected a number, got {number!r:.80}")
    ENCODERS[type](np.float32([[number]]), data)
    n_exponent, n_mantissa = FLOATS[type]
    text = f"{int.from_bytes(data.tobytes(), 'little'):0{1 + n_exponent + n_mantissa}b}"
    return FloatBits(text[0], text[1 : 1 + n_exponent], text[1 + n_exponent :])


# ------------------------------------------------------------------------------ rounding to levels


def largest(x: np.ndarray) -> np.ndarray:
    """Return the number of the largest size in each row of x (n, k), with its sign: (n, 1).

    Of several the first one. A zero is positive.
    """
    columns = x.T.copy()  # the extremes of many short rows are found faster side by side
    top, bottom = columns.max(axis=0), columns.min(axis=0)
    peaks = np.where(top > -bottom, top, bottom)
    both = np.flatnonzero(top == -bottom)
    peaks[both] = x[both, np.abs(x[both]).argmax(axis=1)]
    return peaks[:, None] + np.float32(0)


@np.errstate(divide="ignore", over="ignore")
def reciprocal(x: np.ndarray, beyond: float = 0.0) -> np.ndarray:
    """Return 1 / x; 0 for 0, and `beyond` where 1 / x is too large for float32."""
    inverse = 1 / x
    return np.where(x == 0, 0, np.where(np.isinf(inverse), np.float32(beyond), inverse))


def round_absmax(x: np.ndarray, most: int = 127) -> tuple[np.ndarray, np.ndarray]:
    """Round each row of x (n, k) to whole multiples of a scale, the largest to `most` of them.

    Returns:
        Levels (n, k) from -most to most, half away from zero, as int8, and scales (n, 1). A scale
        that is too small for a reciprocal has levels 0.

    Raises:
        ValueError: more levels than int8 holds, or a number that is not finite.

    Source: Dettmers et al. 2022, section 2.1.

    >>> round_absmax(np.float32([[0.4, -1.27, 0.056]]))
    (array([[  40, -127,    6]], dtype=int8), array([[0.01]], dtype=float32))
    """
    check_integer("most", most, 1, 127)
    check_array("x", peak := largest(x))
    scale = np.abs(peak) / most
    levels = x * reciprocal(scale)
    levels += levels - np.trunc(levels)  # what follows the point, doubled: a half becomes a whole
    return levels.astype(np.int8), scale  # and the rest is cut off


def round_signed(x: np.ndarray, half: int) -> tuple[np.ndarray, np.ndarray]:
    """Round each row of x (n, k) to levels 0 to 2 half - 1, level `half` standing for zero.

    There is one more level below zero than above: the scale takes the sign that puts the largest
    number on it.

    Returns:
        Levels (n, k), half up, as uint8, and scales (n, 1): x is about ``scale * (level - half)``.

    Raises:
        ValueError: more levels than uint8 holds, or a number that is not finite.
    """
    check_integer("half", half, 1, 128)
    check_array("x", peak := largest(x))
    scale = peak / -half
    levels = x * reciprocal(scale, beyond=np.nan)
    levels += np.float32(half + 0.5)
    return cut_to_levels(levels, 2 * half - 1), scale


@np.errstate(over="ignore", invalid="ignore")
def round_zero_point(x: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Round each row of x (n, k) to levels that begin at its minimum and end at its maximum.

    Returns:
        Levels (n, k) from 0 to most, half up, as uint8, and (n, 1) each: the scale, the minimum.
        x is about ``scale * level + minimum``. Where a zero point is stored in place of the
        minimum, it is ``round(-minimum / scale)``.

    Raises:
        ValueError: more levels than uint8 holds, or a number that is not finite.

    Source: Jacob et al. 2017, equation 1.

    >>> levels, scale, low = round_zero_point(np.float32([[-1.0, 0.0, 2.0]]), 15)
    >>> levels, scale.item(), low.item()
    (array([[ 0,  5, 15]], dtype=uint8), 0.20000000298023224, -1.0)
    """
    check_integer("most", most, 1, 255)
    low = np.take_along_axis(x, x.argmin(axis=1, keepdims=True), axis=1)  # of equals the first
    high = x.max(axis=1, keepdims=True)
    check_array("x", [low, high])
    scale = np.abs(high - low) / most  # 0, but never -0
    return cut_to_levels((x - low) * reciprocal(scale) + np.float32(0.5), most), scale, low


@np.errstate(invalid="ignore")
def cut_to_levels(x: np.ndarray, most: int) -> np.ndarray:
    """Cut off what follows the point, to levels from 0 to `most`; 0 for what is not a number."""
    check_integer("most", most, 1, 255)
    return np.clip(x, 0, most).astype(np.uint8)


# ---------------------------------------------------------------------------- bits side by side


def pack(levels: np.ndarray, bits: int, width: int) -> np.ndarray:
    """Put levels (n, k) of 1, 2 or 4 bits into bytes (n, k * bits / 8).

    They come in groups. Byte j of a group holds, from its lowest bits up, levels j, j + width,
    j + 2 width, ... of the group.

    Raises:
        ValueError: another number of bits, a width below 1, levels that need more bits or do not
            fill the groups.

    >>> [f"{byte:08b}" for byte in pack(np.array([[1, 2, 3, 4]], np.uint8), 4, 2)[0]]
    ['00110001', '01000010']
    """
    parts = 8 // check_bits(bits, width)
    if levels.size and not 0 <= levels.min() <= levels.max() < 2**bits:
        raise ValueError(f"expected levels of {bits} bits, got {levels.min()} to {levels.max()}")
    groups = levels.reshape(len(levels), -1, parts, width)
    data = groups[:, :, 0].copy()
    for part in range(1, parts):
        data |= groups[:, :, part] << bits * part
    return data.reshape(len(levels), -1)


def unpack(data: np.ndarray, bits: int, width: int) -> np.ndarray:
    """Take levels of 1, 2 or 4 bits out of bytes (n, k), as `pack` put them: (n, k * 8 / bits)."""
    check_bits(bits, width)
    groups = data.reshape(len(data), -1, width)
    levels = np.empty((*groups.shape[:2], 8 // bits, width), np.uint8)
    for part in range(8 // bits):
        np.bitwise_and(groups >> bits * part, 2**bits - 1, out=levels[:, :, part])
    return levels.reshape(len(data), -1)


# ------------------------------------------------------------------------ blocks of 32, one scale


def encode_q8_0(x: np.ndarray, data: np.ndarray) -> None:
    """Store blocks x (n, 32) with 8 bits a number: x = d q."""
    data["qs"], data["d"] = round_absmax(x)


def decode_q8_0(data: np.ndarray) -> np.ndarray:
    """Return the numbers of blocks (n,): (n, 32)."""
    return data["qs"] * data["d"].astype(np.float32)


def encode_q4_0(x: np.ndarray, data: np.ndarray) -> None:
    """Store blocks x (n, 32) with 4 bits a number: x = d (q - 8)."""
    levels, data["d"] = round_signed(x, 8)
    data["qs"] = pack(levels, 4, 16)


def decode_q4_0(data: np.ndarray) -> np.ndarray:
    """Return the numbers of blocks (n,): (n, 32)."""
    levels = unpack(data["qs"], 4, 16)
    levels -= 8
    return levels.view(np.int8) * data["d"].astype(np.float32)


def _encode_q4_1(x: np.ndarray, data: np.ndarray) -> None:
    """Store x = d q + m."""
    levels, data["d"], data["m"] = round_zero_point(x, 15)
    data["qs"] = pack(levels, 4, 16)


def _decode_q4_1(data: np.ndarray) -> np.ndarray:
    return unpack(data["qs"], 4, 16) * data["d"].astype(np.float32) + data["m"]


def _encode_q5_0(x: np.ndarray, data: np.ndarray) -> None:
    """Store x = d (q - 16), the fifth bits of q by themselves."""
    levels, data["d"] = round_signed(x, 16)
    data["qs"], data["qh"] = pack(levels & 15, 4, 16), pack(levels >> 4, 1, 1)


def _decode_q5_0(data: np.ndarray) -> np.ndarray:
    levels = unpack(data["qs"], 4, 16) | unpack(data["qh"], 1, 1) << 4
    return (levels - np.uint8(16)).view(np.int8) * data["d"].astype(np.float32)


def _encode_q5_1(x: np.ndarray, data: np.ndarray) -> None:
    """Store x = d q + m, the fifth bits of q by themselves."""
    levels, data["d"], data["m"] = round_zero_point(x, 31)
    data["qs"], data["qh"] = pack(levels & 15, 4, 16), pack(levels >> 4, 1, 1)


def _decode_q5_1(data: np.ndarray) -> np.ndarray:
    levels = unpack(data["qs"], 4, 16) | unpack(data["qh"], 1, 1) << 4
    return levels * data["d"].astype(np.float32) + data["m"]


# -------------------------------------------------------------------------- MXFP4: floats of 4 bits

# doubled, so that they are integers; the power of two is halved instead
MXFP4_VALUES = np.float32([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12])


def encode_mxfp4(x: np.ndarray, data: np.ndarray) -> None:
    """Store blocks x (n, 32) as floats of 4 bits times a shared power of two.

    Such a float has a sign, two bits of exponent and one of mantissa: 0, 0.5, 1, 1.5, 2, 3, 4, 6.
    What lies halfway goes to the smaller one. The largest number of a block comes to 4 and more.

    Source: Microscaling Formats 1.0 for the format; the rounding is llama.cpp's.
    """
    peak = np.abs(largest(x))
    with np.errstate(divide="ignore"):
        exponent = np.where(peak > 0, np.floor(np.log2(peak)) + 125, 0)
    data["e"] = exponent.astype(np.int32)  # below 0 the lowest eight bits, as in C
    size, step = np.abs(x), power_of_two(data["e"])
    levels = np.zeros(x.shape, np.uint8)
    for below, above in itertools.pairwise(MXFP4_VALUES[:8]):
        levels += size > (below + above) / 2 * step
    levels[(x < 0) & (levels > 0)] += 8
    data["qs"] = pack(levels, 4, 16)


def decode_mxfp4(data: np.ndarray) -> np.ndarray:
    """Return the numbers of blocks (n,): (n, 32)."""
    return MXFP4_VALUES[unpack(data["qs"], 4, 16)] * power_of_two(data["e"])


def power_of_two(exponent: np.ndarray) -> np.ndarray:
    """Return half of the power of two that an exponent of MXFP4 stands for."""
    return np.ldexp(np.float32(1), exponent.astype(np.int32) - 128)


# -------------------------------------------------------- K-quants: super-blocks, scales of scales


def nearest_int(x: np.ndarray) -> np.ndarray:
    """Round float32 numbers to the nearest integer, half to even, as llama.cpp does it: int32.

    Beside 1.5 * 2^23 the mantissa has no room for what follows the point: adding it rounds, and
    the integer stands in the mantissa's bits. Numbers of 2^22 and more, inf and NaN give other
    integers, but on every machine the same.

    >>> nearest_int(np.float32([0.5, 1.5, -2.7]))
    array([ 0,  2, -3], dtype=int32)
    """
    bits = (np.asarray(x, np.float32) + np.float32(1.5 * 2**23)).view(np.int32)
    bits &= 2**23 - 1
    bits -= 2**22
    return bits


def step_levels(x: np.ndarray, low: np.ndarray, inverse: np.ndarray, most: int) -> np.ndarray:
    """Count how many steps of width 1 / inverse each x (k, n) lies above low: 0 to most."""
    check_integer("most", most, 1)
    return np.clip(nearest_int((x - low) * inverse), 0, most).astype(np.float32)


def line_error(
    levels: np.ndarray, x: np.ndarray, weights: np.ndarray, scale: np.ndarray, low: np.ndarray
) -> np.ndarray:
    """Return the weighted squared error of ``scale * level + low`` in each column: (n,)."""
    miss = levels * scale
    miss += low
    miss -= x
    miss *= miss
    miss *= weights
    return miss.sum(axis=0)


def fit_line(
    levels: np.ndarray, x: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find by least squares the line through the points (level, x) of each column.

    Returns:
        (n,) each: the determinant of the equations, which must be above 0; the line's slope, the
        scale; where it begins, the minimum, at most 0.
    """
    weighted = weights * levels
    sum_w, sum_x = weights.sum(axis=0), (weights * x).sum(axis=0)
    sum_l, sum_lx = weighted.sum(axis=0), (weighted * x).sum(axis=0)
    sum_ll = (weighted * levels).sum(axis=0)
    determinant = sum_w * sum_ll - sum_l * sum_l
    scale = (sum_w * sum_lx - sum_x * sum_l) / determinant
    low = (sum_ll * sum_x - sum_l * sum_lx) / determinant
    return determinant, np.where(low > 0, sum_lx / sum_ll, scale), np.where(low > 0, 0, low)


@np.errstate(all="ignore")
def search_scale_and_min(
    x: np.ndarray, weights: np.ndarray, most: int, first: float, n_trials: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the scale and the minimum of each column that have the smallest weighted error.

    Each trial rounds x to levels with a slightly smaller step than the one before, and takes the
    line that fits these levels best.

    Args:
        x: (k, n), a sub-block a column: NumPy then adds up row by row, in the order of C.
        weights: (k, n), how much each squared error counts.
        most: the largest level.
        first: the first trial spreads x over `most` levels and this many more (or fewer, below
            0); each that follows over 0.1 more.
        n_trials: how many.

    Returns:
        Scales (n,), minima (n,), at most 0, and levels (k, n): x is about scale * level + minimum.

    Raises:
        ValueError: a `most` below 1, a `first` that is not finite, a negative number of trials.
    """
    check_integer("most", most, 1)
    check_number("first", first)
    check_integer("n_trials", n_trials, 0)
    peak, low = x.max(axis=0), np.minimum(x.min(axis=0), 0)
    inverse = most / (peak - low)
    error = line_error(step_levels(x, low, inverse, most), x, weights, 1 / inverse, low)
    best = np.stack([error, 1 / inverse, low, inverse, low])
    for trial in range(n_trials):
        start = best[2]
        inverse = (np.float32(first) + np.float32(0.1) * trial + most) / (peak - start)
        levels = step_levels(x, start, inverse, most)
        determinant, scale, low = fit_line(levels, x, weights)
        error = line_error(levels, x, weights, scale, low)
        better = (determinant > 0) & (error < best[0])
        np.copyto(best, [error, scale, low, inverse, start], where=better)
    _, scale, low, inverse, start = best
    return scale, low, step_levels(x, start, inverse, most)


def round_scales(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Round the scales x (n, 8) of a super-block to 6 bits, multiples of a scale of their own.

    Returns:
        Levels (n, 8) from 0 to 63 as uint8, and the scales of scales (n, 1).
    """
    peak = x.max(axis=1, keepdims=True)
    peak = np.where(peak > 0, peak, 0)
    with np.errstate(all="ignore"):
        levels = nearest_int(x * np.where(peak > 0, 63 / peak, 0))
    return np.minimum(levels.astype(np.uint8), 63), peak / 63


def pack_scales(scales: np.ndarray, mins: np.ndarray) -> np.ndarray:
    """Put 8 scales and 8 minima of 6 bits each into 12 bytes: (n, 8) each to (n, 12).

    Bytes 0 to 3 hold the first four scales, bytes 4 to 7 the first four minima, and in their upper
    two bits those of the other four; bytes 8 to 11 hold the lower four bits of these.
    """
    both = np.stack([scales, mins], axis=1)  # (n, 2, 8)
    upper = both[..., :4] | both[..., 4:] >> 4 << 6
    lower = scales[:, 4:] & 15 | mins[:, 4:] << 4
    return np.concatenate([upper.reshape(-1, 8), lower], axis=1)


def unpack_scales(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take 8 scales and 8 minima out of 12 bytes, as `pack_scales` put them."""
    upper, lower = data[:, :8], unpack(data[:, 8:], 4, 4)
    both = np.concatenate([upper & 63, upper >> 6 << 4 | lower], axis=1).reshape(-1, 2, 2, 4)
    return both[:, :, 0].reshape(-1, 8), both[:, :, 1].reshape(-1, 8)


def fit_super_blocks(
    x: np.ndarray, data: np.ndarray, most: int, first: float, n_trials: int
) -> np.ndarray:
    """Fill in the scales of super-blocks x (n, 256), eight sub-blocks of 32 each.

    Args:
        x: (n, 256).
        data: blocks (n,) of Q4_K or Q5_K.
        most: as for `search_scale_and_min`.
        first: likewise.
        n_trials: likewise.

    Returns:
        Levels (n, 256) from 0 to most: x is about d * scale * level - dmin * min.
    """
    columns = np.ascontiguousarray(x.reshape(-1, 32).T)
    with np.errstate(over="ignore"):
        size = np.sqrt((columns * columns).sum(axis=0) / 32)
        weights = size + np.abs(columns)  # the large ones must fit better
    scale, low, levels = search_scale_and_min(columns, weights, most, first, n_trials)
    scales, data["d"] = round_scales(scale.reshape(-1, 8))
    mins, data["dmin"] = round_scales(-low.reshape(-1, 8))
    data["scales"] = pack_scales(scales, mins)
    with np.errstate(all="ignore"):  # the levels again, for the scales as they are stored
        step, shift = super_block_scales(data)
        fine = nearest_int((x.reshape(-1, 8, 32) + shift) / step)
    levels = np.where(step == 0, levels.T.reshape(-1, 8, 32), np.clip(fine, 0, most))
    return levels.astype(np.uint8).reshape(-1, 256)


def super_block_scales(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps and minima of the sub-blocks of blocks (n,) of Q4_K or Q5_K: (n, 8, 1)."""
    scales, mins = unpack_scales(data["scales"])
    d, dmin = data["d"].astype(np.float32), data["dmin"].astype(np.float32)
    return (d * scales)[..., None], (dmin * mins)[..., None]


def encode_q4_k(x: np.ndarray, data: np.ndarray) -> None:
    """Store super-blocks x (n, 256) with 4 bits a number: x = d scale q - dmin min."""
    data["qs"] = pack(fit_super_blocks(x, data, 15, -1.0, 21), 4, 32)


def decode_q4_k(data: np.ndarray) -> np.ndarray:
    """Return the numbers of super-blocks (n,): (n, 256)."""
    step, shift = super_block_scales(data)
    levels = unpack(data["qs"], 4, 32).reshape(-1, 8, 32)
    return (levels * step - shift).reshape(-1, 256)


def _encode_q5_k(x: np.ndarray, data: np.ndarray) -> None:
    levels = fit_super_blocks(x, data, 31, -0.5, 16)
    data["qs"], data["qh"] = pack(levels & 15, 4, 32), pack(levels >> 4, 1, 32)


def _decode_q5_k(data: np.ndarray) -> np.ndarray:
    step, shift = super_block_scales(data)
    levels = unpack(data["qs"], 4, 32) | unpack(data["qh"], 1, 32) << 4
    return (levels.reshape(-1, 8, 32) * step - shift).reshape(-1, 256)


TINY = 1e-15  # what is smaller than this counts as zero in Q6_K


def signed_levels(x: np.ndarray, half: int) -> np.ndarray:
    """Round to levels from -half to half - 1."""
    check_integer("half", half, 1)
    return np.clip(nearest_int(x), -half, half - 1).astype(np.float32)


@np.errstate(all="ignore")
def search_scale(x: np.ndarray, half: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Find for each column the scale with the smallest squared error, weighted by x squared.

    Args:
        x: (k, n), a sub-block a column.
        half: the levels go from -half to half - 1.

    Returns:
        Scales (n,) and levels (k, n), half added: x is about scale * (level - half).

    Raises:
        ValueError: a `half` below 1.
    """
    check_integer("half", half, 1)
    peak = largest(x.T)[:, 0]
    weights = x * x
    weighted = weights * x
    best = np.empty((3, len(peak)), np.float32)
    for trial in (0, *range(-9, 0), *range(1, 10)):
        inverse = -(half + np.float32(0.1) * trial) / peak
        levels = signed_levels(x * inverse, half)
        sum_lx, sum_ll = (weighted * levels).sum(axis=0), (weights * levels * levels).sum(axis=0)
        better = (sum_ll > 0) & (sum_lx * sum_lx > best[0] * sum_ll)
        scale = sum_lx / sum_ll
        np.copyto(best, [scale * sum_lx, scale, inverse], where=better | (trial == 0))
    _, scale, inverse = best
    tiny = np.abs(peak) < TINY
    scale = np.where(tiny | np.isnan(scale), 0, scale)
    return scale, np.where(tiny, 0, signed_levels(x * inverse, half) + half)


def encode_q6_k(x: np.ndarray, data: np.ndarray) -> None:
    """Store super-blocks x (n, 256) with 6 bits a number: x = d scale (q - 32).

    Sixteen sub-blocks of 16 have scales of 8 bits, themselves multiples of a scale of 16 bits.
    """
    scale, levels = search_scale(np.ascontiguousarray(x.reshape(-1, 16).T))
    scale = scale.reshape(-1, 16)
    peak = largest(scale)
    zero = np.abs(peak) < TINY
    with np.errstate(all="ignore"):
        inverse = np.where(zero, 0, -128 / peak)
        d = np.where(zero, 0, 1 / inverse)
        data["scales"] = np.minimum(nearest_int(inverse * scale), 127)
    data["d"] = d
    with np.errstate(all="ignore"):  # the levels again, for the scales as they are stored
        step = (data["d"].astype(np.float32) * data["scales"])[..., None]
        fine = signed_levels(x.reshape(-1, 16, 16) / step, 32) + 32
    levels = np.where(step == 0, levels.T.reshape(-1, 16, 16), fine)
    levels = np.where(zero[..., None], 0, levels).astype(np.uint8).reshape(-1, 256)
    data["ql"], data["qh"] = pack(levels & 15, 4, 64), pack(levels >> 4, 2, 32)


def decode_q6_k(data: np.ndarray) -> np.ndarray:
    """Return the numbers of super-blocks (n,): (n, 256)."""
    levels = unpack(data["ql"], 4, 64) | unpack(data["qh"], 2, 32) << 4
    step = (data["d"].astype(np.float32) * data["scales"])[..., None]
    return ((levels - np.uint8(32)).view(np.int8).reshape(-1, 16, 16) * step).reshape(-1, 256)


def _decode_q2_k(data: np.ndarray) -> np.ndarray:
    """Return d scale q - dmin min: sixteen sub-blocks of 16, scales and minima of 4 bits."""
    step = (data["d"].astype(np.float32) * (data["scales"] & 15))[..., None]
    shift = (data["dmin"].astype(np.float32) * (data["scales"] >> 4))[..., None]
    levels = unpack(data["qs"], 2, 32).reshape(-1, 16, 16)
    return (levels * step - shift).reshape(-1, 256)


def _decode_q3_k(data: np.ndarray) -> np.ndarray:
    """Return d (scale - 32) (q - 4): sixteen sub-blocks of 16, scales of 6 bits."""
    scales = unpack(data["scales"][:, :8], 4, 8) | unpack(data["scales"][:, 8:], 2, 4) << 4
    step = (data["d"].astype(np.float32) * (scales - np.uint8(32)).view(np.int8))[..., None]
    levels = unpack(data["qs"], 2, 32) | unpack(data["hmask"], 1, 32) << 2
    return ((levels - np.uint8(4)).view(np.int8).reshape(-1, 16, 16) * step).reshape(-1, 256)


# ------------------------------------------------------------------------- all formats, any array


def _encode_float(x: np.ndarray, data: np.ndarray) -> None:
    data["x"] = x


def _decode_float(data: np.ndarray) -> np.ndarray:
    return data["x"].astype(np.float32)


def _encode_bf16(x: np.ndarray, data: np.ndarray) -> None:
    data["x"] = float_to_bf16(x)


def _decode_bf16(data: np.ndarray) -> np.ndarray:
    return bf16_to_float(data["x"])


ENCODERS: dict[str, Callable[[np.ndarray, np.ndarray], None]] = {
    "F32": _encode_float,
    "F16": _encode_float,
    "BF16": _encode_bf16,
    "Q8_0": encode_q8_0,
    "Q4_0": encode_q4_0,
    "Q4_1": _encode_q4_1,
    "Q5_0": _encode_q5_0,
    "Q5_1": _encode_q5_1,
    "Q4_K": encode_q4_k,
    "Q5_K": _encode_q5_k,
    "Q6_K": encode_q6_k,
    "MXFP4": encode_mxfp4,
}
DECODERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "F32": _decode_float,
    "F16": _decode_float,
    "BF16": _decode_bf16,
    "Q8_0": decode_q8_0,
    "Q4_0": decode_q4_0,
    "Q4_1": _decode_q4_1,
    "Q5_0": _decode_q5_0,
    "Q5_1": _decode_q5_1,
    "Q2_K": _decode_q2_k,
    "Q3_K": _decode_q3_k,
    "Q4_K": decode_q4_k,
    "Q5_K": _decode_q5_k,
    "Q6_K": decode_q6_k,
    "MXFP4": decode_mxfp4,
}
AT_A_TIME = 2**16  # numbers: with what is computed from them they fit into a processor's cache


def block_format(type: str, known: Collection[str], shape: Sequence[int]) -> Format:
    """Return the format of this name, one of the known, if arrays of this shape fit its blocks."""
    if not isinstance(type, str) or type not in known:
        raise ValueError(f"expected one of {', '.join(known)}, got {type!r}")
    size = FORMATS[type].block_size
    check_ids(shape)
    if not shape or min(shape) < 1 or shape[-1] % size:
        raise ValueError(
            f"expected rows of a multiple of {size} numbers for {type}, got shape {tuple(shape)}"
        )
    return FORMATS[type]


def quantize(array: np.ndarray, type: str) -> np.ndarray:
    """Store numbers in a format, in the same bytes as llama.cpp.

    Args:
        array: (..., C), C a multiple of the format's block; taken as float32.
        type: one of ENCODERS.

    Returns:
        (..., bytes per row) as uint8. A scale too large for its 16 bits becomes infinite, as in
        llama.cpp; NumPy warns of the overflow.

    Raises:
        ValueError: another type, no real numbers, no rows of a multiple of the block, or a number
            that is not finite.
    """
    x = np.asarray(array)
    if x.dtype.kind not in "fiu":
        raise ValueError(f"expected an array of real numbers, got {x.dtype}")
    format = block_format(type, ENCODERS, x.shape)
    blocks = x.reshape(-1, format.block_size)
    data = np.empty(len(blocks), format.layout)
    step = AT_A_TIME // format.block_size
    for start in range(0, len(blocks), step):
        some = np.ascontiguousarray(blocks[start : start + step], np.float32)
        if not np.isfinite(some).all():
            wrong = some[~np.isfinite(some)][0]
            raise ValueError(f"expected finite numbers of 32 bits, got {wrong}")
        ENCODERS[type](some, data[start : start + step])
    return data.view(np.uint8).reshape(*x.shape[:-1], -1)


def dequantize(data: np.ndarray, type: str, shape: Sequence[int]) -> np.ndarray:
    """Return the numbers that the bytes of a format stand for.

    Args:
        data: the bytes, uint8 in any shape.
        type: one of FORMATS.
        shape: of the numbers, (..., C).

    Returns:
        (..., C) as float32, in memory of its own.

    Raises:
        ValueError: another type, no bytes, no rows of a multiple of the block, or a number of bytes
            that does not go with the shape.
    """
    raw, shape = np.asarray(data), tuple(check_ids(shape))
    if raw.dtype != np.uint8:
        raise ValueError(f"expected bytes (uint8), got {raw.dtype}")
    format = block_format(type, FORMATS, shape)
    n_blocks = math.prod(shape) // format.block_size
    if raw.size != n_blocks * format.bytes_per_block:
        expected = n_blocks * format.bytes_per_block
        raise ValueError(f"expected {expected} bytes for {type} of {shape}, got {raw.size}")
    blocks = np.ascontiguousarray(raw).reshape(-1).view(format.layout)
    x = np.empty((n_blocks, format.block_size), np.float32)
    step = AT_A_TIME // format.block_size
    with np.errstate(all="ignore"):  # bytes from elsewhere may hold scales that are not finite
        for start in range(0, n_blocks, step):
            x[start : start + step] = DECODERS[type](blocks[start : start + step])
    return x.reshape(shape)


# ------------------------------------------------------------------------- what is lost and gained


def rmse(a: np.ndarray, b: np.ndarray) -> float:
    """Return the root of the mean squared difference of two arrays of the same shape.

    Raises:
        ValueError: other shapes, or no numbers.

    >>> rmse(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    1.4142135623730951
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or not a.size:
        raise ValueError(f"expected two arrays of one shape, got {a.shape} and {b.shape}")
    return math.sqrt(np.square(a - b).mean())


def matmul_q8_0(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Multiply activations by the transposed weights, both in Q8_0, with products of integers.

    Within a block of 32 numbers everything is an integer; only its sum is multiplied by the two
    scales.

    Args:
        x: activations (T, C).
        weights: the bytes of a matrix (N, C) in Q8_0, (N, C / 32 * 34).

    Returns:
        (T, N) as float32.

    Raises:
        ValueError: as `quantize`; weights of other sizes.

    Source: Dettmers et al. 2022, section 2.1, with blocks in place of rows and columns.
    """
    layout, data = FORMATS["Q8_0"].layout, quantize(x, "Q8_0")
    if (
        weights.dtype != np.uint8
        or data.ndim != 2
        or weights.ndim != 2
        or weights.shape[1] != data.shape[1]
    ):
        raise ValueError(
            f"expected x (T, C) and Q8_0 of (N, C), got {np.shape(x)} and {weights.shape} bytes"
        )
    a, b = data.view(layout), np.ascontiguousarray(weights).view(layout)  # (T, C/32), (N, C/32)
    result = np.zeros((len(a), len(b)), np.float32)
    for i in range(a.shape[1]):
        integers = a["qs"][:, i].astype(np.int32) @ b["qs"][:, i].astype(np.int32).T
        result += integers * (a["d"][:, i].astype(np.float32) * b["d"][:, i, 0])
    return result


def quantize_model(model: "nn.Module", type: str, keep: Collection[str] = ()) -> "nn.Module":
    """Return a copy of a model whose matrices went through a format and back.

    What has one dimension, such as biases and the weights of norms, stays as it is.

    Args:
        model: any torch module.
        type: one of ENCODERS.
        keep: names of parameters that stay as well.

    Raises:
        ValueError: as `quantize`, with the name of the parameter; a name to keep that is none.
    """
    quantized = copy.deepcopy(model)
    parameters = dict(quantized.named_parameters())
    if not parameters.keys() >= set(keep):
        raise ValueError(f"expected names of parameters, got {sorted(set(keep) - set(parameters))}")
    for name, parameter in parameters.items():
        if parameter.ndim < 2 or name in keep:
            continue
        array = parameter.detach().float().cpu().numpy()
        try:
            data = quantize(array, type)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        parameter.data.copy_(parameter.new_tensor(dequantize(data, type, array.shape)))
    return quantized
