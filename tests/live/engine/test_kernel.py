"""The engine's kernel: products of a matrix and a vector, with WebAssembly and without."""

import numpy as np
import pytest

from tests.live.engine import page as engines
from tests.live.engine.page import (
    TOLERANCE,
    engine_source,
    give,
    small_model,
    torch_logits,
    write,
)

pytestmark = pytest.mark.site
page, engine = engines.page, engines.engine  # fixtures

MULTIPLY = """([matrix, x, stride]) => {
    const [rows, columns] = [matrix.length, x.length];
    const { arrays, kernel } = inside.makeSpace([3, rows * stride, 5], Math.max(rows, columns));
    const numbers = arrays[1];
    numbers.fill(7);
    matrix.forEach((row, i) => numbers.set(row, i * stride));
    arrays[2].fill(9);
    const out = new Float64Array(rows).fill(-1);
    const done = kernel.multiply(out, { rows, columns, stride, numbers }, x);
    return [done, Array.from(out), Array.from(arrays[0]), Array.from(arrays[2])];
}"""


@pytest.mark.parametrize(
    ("rows", "columns", "stride"),
    [(8, 4, 4), (8, 4, 12), (24, 36, 36), (64, 256, 256), (19, 8, 8), (32, 20, 512)],
)
def test_products(engine, rows, columns, stride):
    """NumPy's product in the rows of whole groups, which may lie apart; no more is written."""
    rng = np.random.default_rng(rows)
    matrix = rng.normal(size=(rows, columns)).astype(np.float32)
    x = rng.normal(size=columns).astype(np.float32)
    done, out, before, behind = engine.evaluate(MULTIPLY, [matrix.tolist(), x.tolist(), stride])
    assert done == rows - rows % 8
    expected = matrix.astype(float) @ x.astype(float)
    np.testing.assert_allclose(out[:done], expected[:done], rtol=0, atol=1e-6 * columns)
    assert out[done:] == [-1] * (rows - done)
    assert (before, behind) == ([0] * 3, [9] * 5)


def test_a_product_by_hand(engine):
    """Each row holds a 1 at another place: the product is the vector itself, number by number."""
    rows = np.eye(8).tolist()
    x = [1, -2, 3.5, 0, 1e30, -1e-30, 7, 0.25]
    done, out, *_ = engine.evaluate(MULTIPLY, [rows, x, 8])
    assert done == 8
    np.testing.assert_array_equal(out, np.float32(x))


@pytest.mark.parametrize(("rows", "columns"), [(7, 8), (8, 6), (5, 3)])
def test_what_fits_into_no_group_is_left(engine, rows, columns):
    done, out, *_ = engine.evaluate(MULTIPLY, [np.ones((rows, columns)).tolist(), [1] * columns, 8])
    assert done == 0
    assert out == [-1] * rows


REFUSED = {
    "none": "delete globalThis.WebAssembly;",
    "no SIMD": "WebAssembly.Module = function () { throw new WebAssembly.CompileError('simd'); };",
    "no room": "WebAssembly.Memory = function () { throw new RangeError('memory'); };",
}


@pytest.mark.parametrize("reason", REFUSED)
def test_without_it_the_engine_gives_the_same(engine, tmp_path, reason):
    model, tokenizer = small_model(n_kv_heads=2, qk_norm=True)
    give(engine, "model", write(tmp_path, model, tokenizer))
    ids = np.random.default_rng(3).integers(model.config.vocab_size, size=30).tolist()
    with_kernel, without = engine.evaluate(
        """async ([source, refuse, ids]) => {
            const all = [];
            for (const first of ["", refuse]) {
                const rooms = new Function(`${first}; ${source}; return engine;`)();
                const { model } = await rooms.model.openFile(files.model, never);
                const session = new rooms.model.Session(model);
                const kernels = [model.table.kernel, session.cache[0].keys[0].kernel];
                all.push([kernels.map(Boolean), ids.map((id) => Array.from(session.read(id)))]);
            }
            return all;
        }""",
        [engine_source(), REFUSED[reason], ids],
    )
    assert [with_kernel[0], without[0]] == [[True, True], [False, False]]
    expected = torch_logits(model, ids)
    for _, logits in (with_kernel, without):
        np.testing.assert_allclose(logits, expected, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(with_kernel[1], without[1], rtol=0, atol=TOLERANCE)
