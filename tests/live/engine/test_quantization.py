"""Numbers in few bits in the page: the library's bytes and numbers."""

import numpy as np
import pytest

from lessons_lib.quantization import dequantize, quantize
from lessons_lib.training import story_model
from tests.live.engine import page as engines
from tests.live.engine.page import give

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
        found = engine.evaluate(
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


def test_all_floats_of_16_bits(engine):
    found = engine.evaluate(
        """() => Array.from({ length: 2 ** 16 }, (_, bits) => {
            const x = inside.fromHalf(bits);
            return [String(x), inside.toHalf(Math.fround(x))];
        })"""
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
    found = engine.evaluate("() => Array.from(new Float32Array(files.x.buffer), inside.toHalf)")
    with np.errstate(over="ignore"):
        assert found == x.astype(np.float16).view(np.uint16).tolist()
