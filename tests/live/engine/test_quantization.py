"""Numbers in few bits in the page: the library's bytes and numbers."""

import numpy as np
import pytest

from lessons_lib.quantization import dequantize, quantize
from lessons_lib.training import story_model
from tests.live.engine import page as engines
from tests.live.engine.page import fetch, give

pytestmark = pytest.mark.site
page, engine = engines.page, engines.engine  # fixtures


def families():
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(64, 32))
    outlier = normal.copy()
    outlier[:, 5] *= 1000
    return {
        "normal": normal,
        "heavy tails": rng.standard_t(1.5, size=(64, 32)),
        "zeros": np.zeros((2, 32)),
        "zeros below": -np.zeros((2, 32)),
        "constant": np.full((2, 32), -0.3),
        "tiny": 1e-30 * normal,
        "denormals": 1e-43 * normal,
        "of a half's denormals": 3e-7 * normal,
        "large": 1e5 * normal,
        "too large for a scale": 1e30 * normal,
        "outlier": outlier,
        "sorted": np.sort(normal),
        "halves": rng.integers(-254, 255, (64, 32)) / 2,
        "quarters": rng.integers(-16, 17, (64, 32)) / 4,
        "just below halves": np.tile(
            [127, *np.nextafter(np.arange(0.5, 31), 0, dtype=np.float32)], (2, 1)
        ),
        "of both signs": np.tile([7.0, -7.0], (4, 16)),
        "one number": np.eye(32),
        "trained": story_model("en")[0].head.weight.detach().numpy()[:64],
    }


@pytest.mark.parametrize("type", ["Q8_0", "Q4_0"])
def test_bytes_of_quantization_equal_the_library_s(engine, type):
    for name, values in families().items():
        x = values.astype(np.float32)
        with np.errstate(all="ignore"):
            expected = quantize(x, type)
        give(engine, "x", x.tobytes())
        found = fetch(
            engine,
            """async (type) => {
                const numbers = new Float32Array(files.x.buffer);
                const bytes = await inside.encodeNumbers(numbers, inside.typeNamed(type), never);
                const decoded = new Float32Array(numbers.length);
                inside.DECODERS[type](inside.viewOf(bytes), decoded);
                return [Array.from(bytes), Array.from(new Uint8Array(decoded.buffer))];
            }""",
            type,
        )
        assert bytes(found[0]) == expected.tobytes(), name
        decoded = np.frombuffer(bytes(found[1]), np.float32).reshape(x.shape)
        np.testing.assert_array_equal(decoded, dequantize(expected, type, x.shape), name)


def blocks():
    """Blocks that are hard to round: ties, two peaks, all sizes that the figure takes, zeros."""
    rng = np.random.default_rng(1)
    normal = rng.normal(size=(200, 32))
    halves = rng.integers(-31, 32, (100, 32)) / 2
    halves[:, rng.integers(32)] = rng.choice([8, -8, 16, -16, 7.5, 127], 100)
    sizes = 10.0 ** rng.uniform(-45, 4, (400, 1)) * rng.uniform(-1, 1, (400, 32))
    peaks = rng.choice([-1.0, 1.0, 0.5], (50, 32))
    zeros = rng.choice([0.0, -0.0, 1e-45, -1e-39, 1e-20], (200, 32))
    zeros[:20] = rng.choice([0.0, -0.0], (20, 32))
    sparse = np.where(rng.random((100, 32)) < 0.9, 0, rng.standard_t(1, (100, 32)).clip(-1e4, 1e4))
    bits = rng.integers(0, 0x7F800000, (100, 32)).astype(np.uint32).view(np.float32)
    bits = np.where(bits < 2e4, bits, 0) * rng.choice([-1, 1], (100, 32))
    blocks = [normal, halves, sizes, peaks, zeros, sparse, bits, edges(rng)]
    return np.concatenate(blocks).astype(np.float32)


def edges(rng):
    """Blocks whose numbers lie on the edge between two levels: each rounding on the way counts."""
    shape = (400, 32)
    made = []
    for most in (127, 16, 15, 8):
        high = rng.choice([1.0, -1.0, most, -most, *rng.normal(size=4)], (shape[0], 1))
        low = rng.choice([0.0, 0.3], (shape[0], 1)) * rng.normal(size=(shape[0], 1)) * high
        x = low + (high - low) * (rng.integers(0, most, shape) + 0.5) / most
        bits = x.astype(np.float32).view(np.int32) + rng.integers(-3, 4, shape)
        x = bits.astype(np.int32).view(np.float32)
        x[:, :2] = np.concatenate([high, low], axis=1)
        made.append(x)
    return np.concatenate(made)


@pytest.mark.parametrize("type", ["Q8_0", "Q5_0", "Q4_1", "Q4_0"])
def test_many_blocks_have_the_library_s_bytes_and_numbers(engine, type):
    x = blocks()
    found = fetch(
        engine,
        """([blocks, type]) => blocks.map((x) => {
            const { levels, bytes, value } = inside.quantizeBlock(x, type);
            return [bytes.flat(), levels.map(value)];
        })""",
        [x.astype(float).tolist(), type],
    )
    data = quantize(x, type)
    np.testing.assert_array_equal([bytes for bytes, _ in found], data)
    landed = dequantize(data, type, x.shape)
    np.testing.assert_array_equal([numbers for _, numbers in found], landed.astype(float))


def test_all_floats_of_16_bits(engine):
    found = fetch(
        engine,
        """() => Array.from({ length: 2 ** 16 }, (_, bits) => {
            const x = inside.fromHalf(bits);
            return [String(x), inside.toHalf(Math.fround(x))];
        })""",
    )
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    for bits, (text, back) in enumerate(found):
        number = float(halves[bits])
        assert np.isnan(number) if text == "NaN" else float(text) == number
        assert not np.isfinite(number) or back == bits


def test_rounding_to_16_bits(engine):
    """Ties to even, between all kinds of numbers."""
    rng = np.random.default_rng(1)
    x = (rng.normal(size=20_000) * 10.0 ** rng.integers(-9, 5, 20_000)).astype(np.float32)
    halves = np.arange(0, 31743, dtype=np.uint16).view(np.float16).astype(np.float32)
    middles = (halves[:-1] + halves[1:]) / 2
    x = np.concatenate([x, middles, -middles, np.float32([65504, 65519, 65520, 65536, 1e30])])
    give(engine, "x", x.tobytes())
    found = fetch(engine, "() => Array.from(new Float32Array(files.x.buffer), inside.toHalf)")
    with np.errstate(over="ignore"):
        assert found == x.astype(np.float16).view(np.uint16).tolist()
