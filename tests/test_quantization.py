"""Quantization beside llama.cpp and the gguf package, byte for byte, and beside numbers by hand."""

import dataclasses
import doctest
import itertools
import math
import os
import struct
import subprocess
import sys
from fractions import Fraction
from functools import cache

os.environ["HF_HUB_OFFLINE"] = "1"  # before the imports that read it

import gguf
import numpy as np
import pytest
import torch
from gguf.quants import dequantize as gguf_dequantize
from gguf.quants import quantize as gguf_quantize

from lessons_lib import quantization
from lessons_lib.corpus.stories import sample
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.quantization import (
    DECODERS,
    ENCODERS,
    FLOATS,
    FORMATS,
    FloatBits,
    bf16_to_float,
    dequantize,
    float_bits,
    float_to_bf16,
    largest,
    matmul_q8_0,
    nearest_int,
    pack,
    pack_scales,
    quantize,
    quantize_model,
    rmse,
    round_absmax,
    round_signed,
    round_zero_point,
    search_scale,
    search_scale_and_min,
    unpack,
    unpack_scales,
)
from lessons_lib.training import story_losses, story_model
from tests.llama_cpp import ggml_quantize

ROWS, WIDTH = 48, 512
K_QUANTS = ("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K")
GGUF_ENCODES = [name for name in ENCODERS if name not in K_QUANTS]
# scales that overflow are part of what is compared
pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning"),
]


def numbers(*shape, seed=0, decimals=None):
    normal = np.random.default_rng(seed).standard_normal(shape)
    return (normal if decimals is None else normal.round(decimals)).astype(np.float32)


def half_steps(x):
    """Move most numbers of x to where Q6_K has to choose between two levels."""
    rng = np.random.default_rng(0)
    for _ in range(4):  # the steps depend on the numbers in turn
        data = quantize(x, "Q6_K").view(FORMATS["Q6_K"].layout)[..., None]
        step = data["d"].astype(np.float32) * data["scales"]
        step = step.reshape(len(x), -1, 1)
        blocks = x.reshape(len(x), -1, 16)
        halves = np.float32((np.floor(blocks / step) + np.float32(0.5)) * step)
        keep = np.abs(blocks) == np.abs(blocks).max(axis=2, keepdims=True)
        keep |= rng.random(blocks.shape) < 0.3
        x = np.where(keep, blocks, halves).reshape(x.shape)
    return x


@cache
def families():
    """Ten families of inputs, (ROWS, WIDTH) each."""
    rng = np.random.default_rng(1)
    normal = numbers(ROWS, WIDTH)
    scales = 10.0 ** rng.uniform(-8, 4, (ROWS, WIDTH // 16)).repeat(16, axis=1)
    model, _ = story_model("en")
    weights = [p.detach().numpy().ravel() for p in model.parameters() if p.ndim > 1]
    return {
        "normal": normal,
        "heavy tails": np.float32(rng.standard_t(1.5, normal.shape) * scales),
        "zeros": np.zeros_like(normal),
        "constants": np.linspace(-3, 3, ROWS, dtype=np.float32)[:, None].repeat(WIDTH, axis=1),
        "tiny": normal * np.logspace(-36, -5, ROWS, dtype=np.float32)[:, None],
        "huge": normal.clip(-3, 3) * np.logspace(3, 38, ROWS, dtype=np.float32)[:, None],
        "single outlier": np.where(np.arange(WIDTH) % 256 == 77, 1000 * normal, normal),
        "denormals": normal * np.logspace(-44, -37, ROWS)[:, None].astype(np.float32),
        "sorted": np.sort(normal.ravel()).reshape(normal.shape),
        "trained weights": np.concatenate(weights)[: ROWS * WIDTH].reshape(normal.shape),
    }


@cache
def adversaries():
    """What the families leave out: ties, whole numbers, any bits, zeros of both signs."""
    rng = np.random.default_rng(2)
    shape = (ROWS, WIDTH)
    bits = rng.integers(0, 2**32, shape, dtype=np.uint32).view(np.float32)
    signs = np.where(rng.random(shape) < 0.5, np.float32(-1), np.float32(1))
    steps = np.float32(rng.integers(-20, 21, shape)) / rng.integers(1, 9, (ROWS, 1))
    powers = np.ldexp(np.float32(1), rng.integers(-149, 128, shape))
    # in these rows multiplying by 1 / step gives other levels of Q4_K than dividing by the step
    hundredths = numbers(2000, WIDTH, seed=3, decimals=2)[[912, 1417]]
    return {
        "divisions": np.concatenate([hundredths, half_steps(numbers(ROWS - 2, WIDTH))]),
        "any bits": np.where(np.isfinite(bits), bits, 0).astype(np.float32),
        "whole numbers": np.float32(rng.integers(-9, 10, shape)),
        "ties": np.float32(steps / 2),
        "powers of two": powers,
        "just below them": np.nextafter(powers, np.float32(0)),
        "far from zero": np.float32(rng.uniform(-1, 1, shape) + rng.uniform(-9, 9, (ROWS, 1))),
        "minus zeros": -np.zeros(shape, np.float32),
        "zeros of both signs": 0 * signs,
        "sparse": numbers(*shape, seed=3) * (rng.random(shape) < 0.05) * signs,
    }


def bytes_per_row(type, width):
    return width // FORMATS[type].block_size * FORMATS[type].bytes_per_block


def differing(type, a, b, inputs):
    """How many blocks differ, by the name of the input."""
    size = FORMATS[type].bytes_per_block
    a, b = (np.frombuffer(x, np.uint8).reshape(len(inputs), -1, size) for x in (a, b))
    counts = (a != b).any(axis=2).sum(axis=1).tolist()
    return {name: count for name, count in zip(inputs, counts, strict=True) if count}


def through(array, type):
    return dequantize(quantize(array, type), type, array.shape)


# ------------------------------------------------------------------------ byte for byte the same


@pytest.mark.parametrize("inputs", [families, adversaries])
@pytest.mark.parametrize("type", ENCODERS)
def test_bytes_equal_those_of_llama_cpp(type, inputs):
    arrays = np.concatenate(list(inputs().values()))
    ours = quantize(arrays, type)
    assert ours.shape == (len(arrays), bytes_per_row(type, WIDTH))
    assert differing(type, ours.tobytes(), ggml_quantize(arrays, type), inputs()) == {}


@pytest.mark.parametrize("type", GGUF_ENCODES)
def test_bytes_equal_those_of_the_gguf_package(type):
    arrays = np.concatenate(list(families().values()))
    with np.errstate(all="ignore"):
        theirs = gguf_quantize(arrays, gguf.GGMLQuantizationType[type])
    assert differing(type, quantize(arrays, type).tobytes(), theirs.tobytes(), families()) == {}


@pytest.mark.parametrize("type", GGUF_ENCODES)
def test_the_gguf_package_differs_only_in_the_sign_of_zeros(type):
    arrays = np.concatenate(list(adversaries().values()))
    with np.errstate(all="ignore"):
        theirs = gguf_quantize(arrays, gguf.GGMLQuantizationType[type]).view(np.uint8)
    layout = FORMATS[type].layout
    ours, theirs = quantize(arrays, type).view(layout), np.ascontiguousarray(theirs).view(layout)
    different = set()
    for field in layout.names:
        np.testing.assert_array_equal(ours[field], theirs[field])  # 0 equals -0 here
        if ours[field].tobytes() != theirs[field].tobytes():
            different.add(field)
    expected = {"Q4_0": {"d"}, "Q5_0": {"d"}, "Q4_1": {"m"}, "Q5_1": {"m"}}
    assert different == expected.get(type, set())


@pytest.mark.parametrize("type", FORMATS)
def test_decoding_equals_that_of_the_gguf_package(type):
    shape = (200, bytes_per_row(type, WIDTH))
    data = [np.random.default_rng(4).integers(0, 256, shape, dtype=np.uint8)]
    if type in ENCODERS:
        data += [quantize(x, type) for x in families().values()]
    data = np.concatenate(data)
    ours = dequantize(data, type, (len(data), WIDTH))
    with np.errstate(all="ignore"):
        theirs = gguf_dequantize(data, gguf.GGMLQuantizationType[type])
    assert ours.dtype == theirs.dtype == np.float32
    same = (ours.view(np.uint32) == theirs.view(np.uint32)) | (np.isnan(ours) & np.isnan(theirs))
    assert same.all()
    assert np.isfinite(ours).any()


def test_the_table_of_formats():
    for name, format in FORMATS.items():
        sizes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
        assert (format.block_size, format.bytes_per_block) == sizes
        assert format.name == name
    expected = {"F32": 32, "F16": 16, "BF16": 16, "Q8_0": 8.5, "Q4_0": 4.5, "Q4_1": 5, "Q5_0": 5.5}
    expected |= {"Q5_1": 6, "Q2_K": 2.625, "Q3_K": 3.4375, "Q4_K": 4.5, "Q5_K": 5.5}
    expected |= {"Q6_K": 6.5625, "MXFP4": 4.25}
    assert {name: format.bits_per_weight for name, format in FORMATS.items()} == expected
    assert list(DECODERS) == list(FORMATS)
    assert set(FORMATS) - set(ENCODERS) == {"Q2_K", "Q3_K"}
    with pytest.raises(dataclasses.FrozenInstanceError):
        FORMATS["F32"].block_size = 2


# -------------------------------------------------------------------------------- blocks by hand


def block(*first, fill=0.0):
    """A row of 32 numbers: some at the beginning, the rest all the same."""
    return np.float32([*first, *[fill] * (32 - len(first))])


def test_q8_0_by_hand():
    # the scale is 127 / 127 = 1; halves go away from zero
    data = quantize(block(127, 0.5, -0.5, 2.5, -2.5, 0.49999997, -126.7), "Q8_0")
    assert data[:2].tobytes() == struct.pack("<e", 1)
    assert data[2:].view(np.int8).tolist() == [127, 1, -1, 3, -3, 0, -127] + [0] * 25
    assert dequantize(data, "Q8_0", (32,))[:3].tolist() == [127, 1, -1]


def test_q4_0_by_hand():
    # the largest number is 4, so the scale is 4 / -8 = -0.5 and 4 has level 0; zero has level 8
    data = quantize(block(4, -4, 1, -0.25, fill=0.0), "Q4_0")
    assert data[:2].tobytes() == struct.pack("<e", -0.5)
    # -4 is 16, cut to 15; 1 is 6; -0.25 is 8.5, half up: 9. Byte i holds levels i and i + 16
    assert data[2:].tolist() == [0x80, 0x8F, 0x86, 0x89] + [0x88] * 12
    decoded = dequantize(data, "Q4_0", (32,))
    assert decoded.tolist() == [4, -3.5, 1, -0.5] + [0] * 28


def test_q4_1_by_hand():
    data = quantize(block(-1, 2, 0.1, fill=1.0), "Q4_1")  # (2 - -1) / 15 = 0.2
    assert data[:4].tobytes() == struct.pack("<ee", 0.2, -1)
    assert data[4:].tolist() == [0xA0, 0xAF, 0xA6] + [0xAA] * 13  # 5.5 goes up


def test_q5_0_by_hand():
    data = quantize(block(-16, 15, 3, -4, fill=0.0), "Q5_0")  # scale 1, levels 16 more
    assert data[:2].tobytes() == struct.pack("<e", 1)
    assert int.from_bytes(data[2:6].tobytes(), "little") == 0b11111111111111111111111111110110
    assert data[6:].tolist() == [0x00, 0x0F, 0x03, 0x0C] + [0x00] * 12


def test_q5_1_by_hand():
    data = quantize(block(0, 31, 16, fill=1.0), "Q5_1")
    assert data[:4].tobytes() == struct.pack("<ee", 1, 0)
    assert int.from_bytes(data[4:8].tobytes(), "little") == 0b110
    assert data[8:].tolist() == [0x10, 0x1F, 0x10] + [0x11] * 13


def test_mxfp4_by_hand():
    # the largest is 6 = 1.5 * 4: the power of two is 1, stored as 127
    data = quantize(block(6, -6, 0.25, 0.26, -0.75, 1.3, 2.5, 5.0, 3.51, 5.1), "MXFP4")
    assert data[0] == 127
    expected = [6, -6, 0, 0.5, -0.5, 1.5, 2, 4, 4, 6]  # what lies halfway goes to the smaller one
    assert dequantize(data, "MXFP4", (32,)).tolist() == expected + [0] * 22
    assert data[1] == 7
    assert data[2] == 15


def test_q4_k_by_hand():
    scales, mins = np.arange(1, 9) * 7, np.arange(8) * 9
    levels = np.arange(256) % 16
    data = np.zeros(1, FORMATS["Q4_K"].layout)
    data["d"], data["dmin"] = 0.5, 0.25
    packed = [0] * 12
    for j in range(4):
        packed[j] = scales[j] | (scales[j + 4] >> 4) << 6
        packed[j + 4] = mins[j] | (mins[j + 4] >> 4) << 6
        packed[j + 8] = scales[j + 4] & 15 | (mins[j + 4] & 15) << 4
    data["scales"] = packed
    for j in range(4):  # two sub-blocks share 32 bytes
        low, high = levels[64 * j : 64 * j + 32], levels[64 * j + 32 : 64 * j + 64]
        data["qs"][0, 32 * j : 32 * j + 32] = low | high << 4
    expected = [
        0.5 * scales[i // 32] * level - 0.25 * mins[i // 32] for i, level in enumerate(levels)
    ]
    assert dequantize(data.view(np.uint8), "Q4_K", (256,)).tolist() == expected


def test_q6_k_by_hand():
    scales = np.arange(-8, 8) * 16
    levels = np.arange(256) % 64
    data = np.zeros(1, FORMATS["Q6_K"].layout)
    data["d"], data["scales"] = 0.125, scales
    for i, level in enumerate(levels):
        half, place = divmod(i, 128)
        quarter, j = divmod(place, 32)
        data["ql"][0, 64 * half + place % 64] |= (level & 15) << 4 * (place // 64)
        data["qh"][0, 32 * half + j] |= (level >> 4) << 2 * quarter
    expected = [0.125 * scales[i // 16] * (level - 32) for i, level in enumerate(levels)]
    assert dequantize(data.view(np.uint8), "Q6_K", (256,)).tolist() == expected


def test_packing():
    levels = np.arange(16, dtype=np.uint8)[None]
    assert pack(levels, 4, 8).tolist() == [[16 * (i + 8) + i for i in range(8)]]
    assert pack(levels, 4, 2).tolist() == [[0x20, 0x31, 0x64, 0x75, 0xA8, 0xB9, 0xEC, 0xFD]]
    assert pack(levels % 4, 2, 4).tolist() == [[0, 0b01010101, 0b10101010, 0b11111111]]
    assert pack(np.uint8([[1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]]), 1, 1).tolist() == [
        [0b10000001, 0b10]
    ]


@pytest.mark.parametrize(("bits", "width"), [(4, 16), (4, 32), (4, 64), (2, 32), (1, 32), (1, 1)])
def test_unpacking_takes_out_what_was_packed(bits, width):
    levels = np.random.default_rng(5).integers(0, 2**bits, (7, 512), dtype=np.uint8)
    data = pack(levels, bits, width)
    assert data.shape == (7, 512 * bits // 8)
    np.testing.assert_array_equal(unpack(data, bits, width), levels)


def test_scales_of_six_bits():
    scales, mins = np.random.default_rng(6).integers(0, 64, (2, 100, 8), dtype=np.uint8)
    data = pack_scales(scales, mins)
    assert data.shape == (100, 12)
    for got, expected in zip(unpack_scales(data), (scales, mins), strict=True):
        np.testing.assert_array_equal(got, expected)


# ------------------------------------------------------------------------------ floats and rounding


@pytest.mark.parametrize(("type", "code"), [("F32", "f"), ("F16", "e")])
def test_float_bits_are_those_in_memory(type, code):
    for number in [0.0, -0.0, 1.0, -2.5, 0.1, 65504.0, 6e-8, 1e-7, math.inf, -math.inf]:
        number = float(np.float32(number))
        memory = int.from_bytes(struct.pack(f"<{code}", number), "little")
        bits = float_bits(number, type)
        assert int("".join(bits), 2) == memory
        assert tuple(map(len, bits)) == (1, *FLOATS[type])
        assert bits.value == struct.unpack(f"<{code}", struct.pack(f"<{code}", number))[0]


def test_float_bits_by_hand():
    assert float_bits(0.15625) == ("0", "01111100", "01000000000000000000000")  # 1.25 / 8
    assert float_bits(1.0, "F16") == ("0", "01111", "0000000000")
    assert float_bits(-3.140625, "BF16") == ("1", "10000000", "1001001")
    assert FloatBits("0", "00000", "0000000001").value == 2.0**-24  # a denormal
    assert math.copysign(1, FloatBits("1", "00000", "0000000000").value) == -1
    assert FloatBits("1", "11111", "0000000000").value == -math.inf
    assert math.isnan(float_bits(math.nan, "BF16").value)


@pytest.mark.parametrize("type", FLOATS)
def test_the_formula_gives_the_number_back(type):
    for number in through(np.concatenate([numbers(300), 1e-6 * numbers(300)]), type).tolist():
        assert float_bits(number, type).value == number


def test_bfloat16_beside_torch():
    bits = np.random.default_rng(7).integers(0, 2**32, 100_000, dtype=np.uint32)
    halves = np.arange(2**16, dtype=np.uint32) << 16 | 0x8000  # exactly between two neighbours
    x = np.concatenate([bits, halves, halves - 1, halves + 1]).view(np.float32)
    theirs = torch.from_numpy(x).bfloat16()
    ours = bf16_to_float(float_to_bf16(x))
    np.testing.assert_array_equal(ours, theirs.float().numpy())  # NaN equals NaN here
    their_bits = theirs.view(torch.int16).numpy().view(np.uint16)
    assert (np.isnan(x) | (float_to_bf16(x) == their_bits)).all()


def test_nearest_int():
    x = np.concatenate([numbers(10_000) * 1e4, np.arange(-9, 9) + 0.5]).astype(np.float32)
    np.testing.assert_array_equal(nearest_int(x), np.rint(x).astype(np.int32))
    assert nearest_int(np.float32([-(2**22), 2**22 - 1])).tolist() == [-(2**22), 2**22 - 1]
    # what llama.cpp gets for what is no integer of 23 bits
    assert nearest_int(np.float32([np.nan, np.inf, -np.inf])).tolist() == [0, -(2**22), -(2**22)]


def half_away(x):
    return int(math.copysign(math.floor(abs(x) + Fraction(1, 2)), x))


def test_absmax_rounding_beside_exact_fractions():
    for seed, most in itertools.product(range(20), (7, 100, 127)):
        row = numbers(64, seed=seed)
        levels, scale = round_absmax(row[None], most)
        assert scale[0, 0] == np.float32(abs(row).max()) / np.float32(most)
        inverse = np.float32(1) / scale[0, 0]
        expected = [half_away(Fraction(float(x * inverse))) for x in row]
        assert levels[0].tolist() == expected
        assert abs(levels).max() == most
        assert abs(levels * scale - row).max() <= 0.5001 * scale  # of float32's own rounding


def test_zero_point_rounding():
    for seed, most in itertools.product(range(20), (15, 31, 255)):
        row = numbers(64, seed=seed)[None] + seed
        levels, scale, low = round_zero_point(row, most)
        assert levels.min() == 0
        assert levels.max() == most
        assert low == row.min()
        assert abs(levels * scale + low - row).max() <= 0.5001 * scale


def test_rounding_with_a_signed_scale():
    for seed, half in itertools.product(range(20), (8, 16)):
        row = numbers(64, seed=seed)[None]
        levels, scale = round_signed(row, half)
        assert levels.min() == 0
        assert levels.max() <= 2 * half - 1
        error = abs((levels.astype(float) - half) * scale - row)
        assert error.max() <= abs(scale) * 1.0001  # the largest level of the other sign is missing
        assert error[levels < 2 * half - 1].max() <= abs(scale) * 0.5001


def test_largest_takes_the_first_of_equals():
    x = np.float32([[1, -2, 2], [1, 2, -2], [0, 0, -3], [0.0, -0.0, 0.0], [-0.0, 0.0, 0.0]])
    assert largest(x).tolist() == [[-2], [2], [-3], [0], [0]]
    assert not np.signbit(largest(x)[3:]).any()


# ------------------------------------------------------------------------------------ the searches


def weighted_error(x, approximation, weights):
    return (weights * (approximation - x) ** 2).sum(axis=0)


def test_the_search_for_scale_and_minimum_beats_plain_rounding():
    x = numbers(32, 400)
    weights = np.abs(x) + 1
    scale, low, levels = search_scale_and_min(x, weights, 15, -1.0, 21)
    assert (low <= 0).all()
    assert levels.min() == 0
    assert levels.max() == 15
    found = weighted_error(x, levels * scale + low, weights)
    plain_levels, plain_scale, plain_low = round_zero_point(np.ascontiguousarray(x.T), 15)
    plain = weighted_error(x, (plain_levels * plain_scale + plain_low).T, weights)
    assert (found < plain * 1.0001).all()
    assert found.mean() < 0.9 * plain.mean()
    # and no other line through the same levels is better: the fit is one of least squares
    for i in range(400):
        root = np.sqrt(weights[:, i])
        sides = np.stack([levels[:, i], np.ones(32)], axis=1) * root[:, None]
        best = np.linalg.lstsq(sides, x[:, i] * root, rcond=None)[1][0]
        assert low[i] == 0 or found[i] <= best * 1.001


def test_more_trials_are_never_worse():
    x = numbers(32, 400, seed=8)
    weights = np.ones_like(x)
    errors = []
    for n_trials in (0, 1, 5, 21):
        scale, low, levels = search_scale_and_min(x, weights, 15, -1.0, n_trials)
        errors.append(weighted_error(x, levels * scale + low, weights))
    for before, after in itertools.pairwise(errors):
        assert (after <= before * 1.0001).all()


def test_the_search_for_a_scale_beats_plain_rounding():
    x = numbers(16, 400)
    scale, levels = search_scale(x)
    found = weighted_error(x, scale * (levels - 32), x * x)
    plain_levels, plain_scale = round_signed(np.ascontiguousarray(x.T), 32)
    plain = weighted_error(x, ((plain_levels - 32.0) * plain_scale).T, x * x)
    assert (found <= plain * 1.0001).all()
    assert found.mean() < 0.9 * plain.mean()


# ------------------------------------------------------------------------- what the formats promise

# Root mean square errors for normal numbers as once measured with llama.cpp and the gguf package.
NORMAL_RMSE = {
    "F16": 0.00021,
    "BF16": 0.00166,
    "Q8_0": 0.00535,
    "Q6_K": 0.01773,
    "Q5_K": 0.03611,
    "Q5_1": 0.03784,
    "Q5_0": 0.04269,
    "Q4_K": 0.07132,
    "Q4_1": 0.07820,
    "Q4_0": 0.08593,
    "MXFP4": 0.11494,
}


@pytest.mark.parametrize("type", NORMAL_RMSE)
def test_error_of_normal_numbers(type):
    x = numbers(64, 4096)
    # 2%: about three times what samples of this size differ by
    assert rmse(x, through(x, type)) == pytest.approx(NORMAL_RMSE[type], rel=0.02)


@pytest.mark.parametrize("type", ENCODERS)
def test_numbers_stay_close(type):
    x = families()["trained weights"]
    error = np.abs(through(x, type) - x).reshape(-1, FORMATS[type].block_size).max(axis=1)
    largest_of_block = np.abs(x).reshape(-1, FORMATS[type].block_size).max(axis=1)
    steps = {"F32": 0, "F16": 2**-11, "BF16": 2**-8, "Q8_0": 0.57 / 127, "Q6_K": 1.3 / 32}
    # the largest of all is -8 of -8 to 7 or 16: a whole step; in MXFP4 8 comes to 6
    steps |= {"Q5_0": 1.01 / 16, "Q5_1": 1.02 / 31, "Q5_K": 2 / 31, "Q4_0": 1.01 / 8}
    steps |= {"Q4_1": 1.02 / 15, "Q4_K": 2 / 15, "MXFP4": 0.26}
    assert (error <= steps[type] * largest_of_block + 2**-25).all()


@pytest.mark.parametrize("type", ENCODERS)
def test_zeros_stay_zeros(type):
    assert not through(np.zeros((3, 256)), type).any()


@pytest.mark.parametrize("type", ENCODERS)
def test_each_block_is_stored_for_itself(type, monkeypatch):
    x = numbers(6, 1024)
    whole = quantize(x, type)
    size = FORMATS[type].block_size
    blocks = [quantize(row, type) for row in x.reshape(-1, max(size, 32))]
    assert np.concatenate(blocks).tobytes() == whole.tobytes()
    monkeypatch.setattr(quantization, "AT_A_TIME", 3 * 256)  # some at a time, the rest at last
    np.testing.assert_array_equal(quantize(x, type), whole)
    np.testing.assert_array_equal(dequantize(whole, type, x.shape), through(x, type))


@pytest.mark.parametrize("type", ["F16", "Q8_0", "Q4_K"])
def test_arrays_of_any_kind(type):
    x = numbers(4, 3, 512).astype(np.float16)
    expected = quantize(x.astype(np.float32), type)
    assert expected.shape == (4, 3, bytes_per_row(type, 512))
    assert expected.dtype == np.uint8
    for same in (x, x.astype(np.float64), x.repeat(2, axis=1)[:, ::2], np.asfortranarray(x)):
        np.testing.assert_array_equal(quantize(same, type), expected)
    np.testing.assert_array_equal(quantize(x.tolist(), type), expected)
    np.testing.assert_array_equal(quantize(x[0, 0], type), expected[0, 0])
    whole = np.arange(512) - 256
    np.testing.assert_array_equal(quantize(whole, type), quantize(whole.astype(float), type))
    # data may have any shape and lie anywhere in memory
    decoded = dequantize(expected, type, x.shape)
    flat = dequantize(expected.ravel(), type, [12, 512])
    np.testing.assert_array_equal(flat.reshape(x.shape), decoded)
    shifted = np.zeros(expected.size + 1, np.uint8)
    shifted[1:] = expected.ravel()
    np.testing.assert_array_equal(dequantize(shifted[1:], type, x.shape), decoded)
    every_other = np.repeat(expected.ravel(), 2)[::2]
    np.testing.assert_array_equal(dequantize(every_other, type, x.shape), decoded)


def test_decoded_numbers_are_a_copy():
    x = numbers(2, 32)
    data = quantize(x, "F32")
    decoded = dequantize(data, "F32", x.shape)
    decoded[:] = 0
    np.testing.assert_array_equal(dequantize(data, "F32", x.shape), x)


@pytest.mark.filterwarnings("default:overflow:RuntimeWarning")
@pytest.mark.parametrize(
    ("type", "number"),
    [("F16", 7e4), ("Q8_0", 1e7), ("Q4_0", 1e6), ("Q4_1", 1e6), ("Q4_K", 1e9), ("Q6_K", 1e9)],
)
def test_scales_that_overflow_give_a_warning(type, number):
    x = np.full(256, number, np.float32)
    x[0] = 0
    with pytest.warns(RuntimeWarning, match="overflow"):
        data = quantize(x, type)
    assert not np.isfinite(dequantize(data, type, x.shape)).all()


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("type", ENCODERS)
def test_no_warnings_where_nothing_overflows(type):
    for name in ("normal", "zeros", "constants", "single outlier", "sorted", "tiny", "denormals"):
        through(families()[name], type)
    if type in ("F32", "BF16", "MXFP4"):
        through(families()["huge"], type)


# --------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("array", "type", "message"),
    [
        (np.zeros(32), "Q4_9", r"expected one of F32, F16, .*MXFP4, got 'Q4_9'"),
        (np.zeros(32), "q4_0", "got 'q4_0'"),
        (np.zeros(32), 2, "got 2"),
        (np.zeros(32), ["Q4_0"], r"got \['Q4_0'\]"),
        (np.zeros(256), "Q2_K", "got 'Q2_K'"),
        (np.zeros(256), "Q3_K", "got 'Q3_K'"),
        (np.zeros((2, 33)), "Q8_0", r"multiple of 32 numbers for Q8_0, got shape \(2, 33\)"),
        (np.zeros((32, 31)), "Q4_0", r"multiple of 32 numbers for Q4_0, got shape \(32, 31\)"),
        (np.zeros(32), "Q4_K", r"multiple of 256 numbers for Q4_K, got shape \(32,\)"),
        (np.zeros(0), "F32", r"got shape \(0,\)"),
        (np.zeros((0, 32)), "Q8_0", r"got shape \(0, 32\)"),
        (np.zeros((32, 0)), "Q8_0", r"got shape \(32, 0\)"),
        (np.float32(1), "F32", r"got shape \(\)"),
        ([np.nan] * 32, "Q8_0", "expected finite numbers of 32 bits, got nan"),
        ([0.0] * 31 + [-np.inf], "F16", "expected finite numbers of 32 bits, got -inf"),
        (np.full(32, 1e300), "F32", "expected finite numbers of 32 bits, got inf"),
        (np.full(32, "a"), "F32", "expected an array of real numbers, got <U1"),
        (np.full(32, 1j), "F32", "expected an array of real numbers, got complex128"),
        (np.full(32, True), "F32", "expected an array of real numbers, got bool"),
        (None, "F32", "expected an array of real numbers, got object"),
    ],
)
def test_what_cannot_be_quantized(array, type, message):
    with pytest.raises(ValueError, match=message):
        quantize(array, type)


def test_numbers_that_are_not_finite_are_found_anywhere(monkeypatch):
    monkeypatch.setattr(quantization, "AT_A_TIME", 64)
    for place in (0, 70, 255):
        x = np.zeros((2, 128))
        x.flat[place] = np.nan
        with pytest.raises(ValueError, match="got nan"):
            quantize(x, "Q8_0")


@pytest.mark.parametrize(
    ("data", "type", "shape", "message"),
    [
        (np.zeros(34, np.uint8), "Q9", (32,), r"expected one of F32, .*MXFP4, got 'Q9'"),
        (np.zeros(34, np.int8), "Q8_0", (32,), r"expected bytes \(uint8\), got int8"),
        (b"\0" * 34, "Q8_0", (32,), r"expected bytes \(uint8\), got \|S"),
        (np.zeros(33, np.uint8), "Q8_0", (32,), r"34 bytes for Q8_0 of \(32,\), got 33"),
        (np.zeros(35, np.uint8), "Q8_0", (32,), r"34 bytes for Q8_0 of \(32,\), got 35"),
        (np.zeros(0, np.uint8), "Q8_0", (32,), "got 0"),
        (np.zeros(34, np.uint8), "Q8_0", (16, 2), r"multiple of 32 numbers for Q8_0, got shape"),
        (np.zeros(34, np.uint8), "Q8_0", (), r"got shape \(\)"),
        (np.zeros(0, np.uint8), "Q8_0", (0, 32), r"got shape \(0, 32\)"),
        (np.zeros(34, np.uint8), "Q8_0", (-1, 32), r"got shape \(-1, 32\)"),
        (np.zeros(34, np.uint8), "Q8_0", (1.0, 32), "expected a sequence of integers"),
        (np.zeros(34, np.uint8), "Q8_0", 32, "expected a sequence of integers"),
        (np.zeros(34, np.uint8), "Q8_0", (2**62, 2**62, 32), f"expected {2**124 * 34} bytes"),
        (np.zeros(84, np.uint8), "Q2_K", (128,), "multiple of 256 numbers for Q2_K"),
    ],
)
def test_what_cannot_be_decoded(data, type, shape, message):
    with pytest.raises(ValueError, match=message):
        dequantize(data, type, shape)


@pytest.mark.parametrize("type", ["Q8_0", None, ["F32"]])
def test_float_bits_of_what_is_no_float(type):
    with pytest.raises(ValueError, match="expected one of F32, F16, BF16, got"):
        float_bits(1.0, type)


# ----------------------------------------------------------------- products, errors, whole models


def test_integer_product_by_hand():
    x = np.concatenate([block(127, 64), block(254, 2)])  # scales 1 and 2: levels 127, 64; 127, 1
    weights = np.stack(
        [
            np.concatenate([block(127, -3), block(127, 5)]),  # scales 1 and 1
            np.concatenate([block(), block(63.5, -1)]),  # scales 0 and 0.5: levels 127, -2
        ]
    )
    got = matmul_q8_0(x[None], quantize(weights, "Q8_0"))
    assert got.tolist() == [[127 * 127 - 64 * 3 + 2 * (127 * 127 + 5), 127 * 127 - 2]]


def test_integer_product_equals_that_of_the_decoded_numbers():
    x, weights = numbers(5, 256), numbers(7, 256, seed=1)
    expected = through(x, "Q8_0").astype(float) @ through(weights, "Q8_0").astype(float).T
    got = matmul_q8_0(x, quantize(weights, "Q8_0"))
    assert got.dtype == np.float32
    # eight blocks are added up in float32, of numbers below 100
    np.testing.assert_allclose(got, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("seed", range(5))
def test_error_bound_of_the_integer_product(seed):
    x, weights = numbers(9, 512, seed=seed), numbers(11, 512, seed=100 + seed)
    x[:, 17] *= 50  # an outlier spoils its own block only

    def bound_of_errors(array):
        """Half a scale, and up to 127 times what the scale loses as a float of 16 bits."""
        scale = np.abs(array).reshape(len(array), -1, 32).max(axis=2).astype(float) / 127
        return ((0.5 + 127 * 2**-11) * scale * 1.0001).repeat(32, axis=1)

    ex, ew = bound_of_errors(x), bound_of_errors(weights)
    assert (np.abs(through(x, "Q8_0") - x) <= ex).all()
    bound = ex @ np.abs(weights).T + np.abs(x) @ ew.T + ex @ ew.T
    error = np.abs(matmul_q8_0(x, quantize(weights, "Q8_0")) - x.astype(float) @ weights.T)
    assert (error <= bound).all()
    assert error.max() > 0.001 * bound.max()
    assert error.mean() < 0.02 * np.abs(x @ weights.T).mean() + 1


@pytest.mark.parametrize(
    ("x", "weights", "message"),
    [
        (np.zeros((2, 64)), np.zeros((3, 34), np.uint8), r"got \(2, 64\) and \(3, 34\) bytes"),
        (np.zeros(64), np.zeros((3, 68), np.uint8), r"got \(64,\) and"),
        (np.zeros((2, 64)), np.zeros(68, np.uint8), r"got \(2, 64\) and \(68,\)"),
        (np.zeros((2, 63)), np.zeros((3, 68), np.uint8), "multiple of 32"),
        (np.full((2, 64), np.nan), np.zeros((3, 68), np.uint8), "finite"),
    ],
)
def test_products_that_do_not_fit(x, weights, message):
    with pytest.raises(ValueError, match=message):
        matmul_q8_0(x, weights)


def test_rmse():
    assert rmse([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 6.0]) == 1.0
    assert rmse(np.ones((2, 3)), np.ones((2, 3))) == 0.0
    assert rmse(np.full(4, 2e38, np.float32), np.full(4, -2e38, np.float32)) == pytest.approx(4e38)
    for a, b in [([1.0], [1.0, 2.0]), ([], []), (np.ones((2, 1)), np.ones((1, 2)))]:
        with pytest.raises(ValueError, match="expected two arrays of one shape"):
            rmse(a, b)


def tiny_model(**changes):
    torch.manual_seed(0)
    return Llama(LlamaConfig(40, 16, d_model=32, n_heads=4, n_layers=2, d_ff=64, **changes))


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("type", ["Q4_0", "Q8_0", "BF16"])
def test_a_model_through_a_format(type, tied):
    model = tiny_model(tied=tied)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    quantized = quantize_model(model, type)
    assert (quantized.head.weight is quantized.token_embedding.weight) == tied
    for name, p in quantized.named_parameters():
        old = before[name]
        assert torch.equal(old, model.get_parameter(name))  # the model is as it was
        if p.ndim == 1:
            assert torch.equal(p, old)
        else:
            assert not torch.equal(p, old)
            np.testing.assert_array_equal(p.detach().numpy(), through(old.numpy(), type))
        assert p.requires_grad
    assert quantized(torch.arange(16)[None]).isfinite().all()


def test_parameters_that_are_kept():
    model = tiny_model()
    quantized = quantize_model(model, "Q4_0", keep=["head.weight"])
    assert torch.equal(quantized.head.weight, model.head.weight)
    assert not torch.equal(quantized.token_embedding.weight, model.token_embedding.weight)
    with pytest.raises(ValueError, match=r"expected names of parameters, got \['haed.weight'\]"):
        quantize_model(model, "Q4_0", keep=["haed.weight", "head.weight"])


def test_models_of_16_bits_keep_their_type():
    model = tiny_model().half()
    quantized = quantize_model(model, "Q8_0")
    assert quantized.head.weight.dtype == torch.float16
    expected = through(model.head.weight.detach().numpy(), "Q8_0").astype(np.float16)
    np.testing.assert_array_equal(quantized.head.weight.detach().numpy(), expected)


def test_a_matrix_that_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"^token_embedding.weight: expected rows of a multiple"):
        quantize_model(tiny_model(), "Q4_K")


@torch.no_grad()
def test_what_the_books_model_loses():
    model, tokenizer = story_model("en")
    stories = sample(60, seed=0)
    ids = torch.tensor([tokenizer.encode(stories[0].text)])
    exact, exact_losses = model(ids), story_losses(model, tokenizer, stories)
    errors = {}
    for type in ("F16", "Q8_0", "Q5_0", "Q4_0", "MXFP4"):
        quantized = quantize_model(model, type)
        errors[type] = rmse(quantized(ids), exact)
        # Nats, of about 40 a story, on average: single stories lose or win more by chance.
        more = (story_losses(quantized, tokenizer, stories) - exact_losses).mean()
        assert abs(more) < {"F16": 1e-6, "Q8_0": 0.05}.get(type, 1)
    assert errors["F16"] == 0  # its weights are stored so
    assert 0 < 2 * errors["Q8_0"] < errors["Q5_0"] < errors["Q4_0"] < errors["MXFP4"]
    assert errors["MXFP4"] < 0.5 * exact.std()


def test_the_module_needs_no_torch():
    code = "import sys, lessons_lib.quantization; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_doctests():
    assert doctest.testmod(quantization).failed == 0
