"""The engine's choice of the next token: the library's probabilities."""

from itertools import islice

import numpy as np
import pytest
import torch

from lessons_lib.generation import Sampling, token_probs
from lessons_lib.intro import random_bits
from tests.live.engine import page as engines

pytestmark = pytest.mark.site
page, engine = engines.page, engines.engine  # fixtures


def test_probabilities_equal_the_library_s(engine):
    rng = np.random.default_rng(4)
    rows = [scale * rng.normal(size=50) for scale in (0.1, 3, 1000)]
    rows += [np.zeros(7), rng.integers(0, 3, 30).astype(float), np.array([5.0])]
    for row in rows:
        for temperature, min_p in [(1, 0), (0.1, 0), (2, 0.3), (0.7, 0.04), (0, 0), (0, 0.5)]:
            found = engine.evaluate(
                """([row, temperature, minP]) => Array.from(
                    inside.tokenProbs(Float64Array.from(row), { temperature, minP }))""",
                [row.tolist(), temperature, min_p],
            )
            expected = token_probs(torch.tensor(row), Sampling(temperature, min_p=min_p))
            np.testing.assert_allclose(found, expected.numpy(), rtol=1e-9, atol=1e-15)


# Tenths of probabilities, whose sums reach p exactly, whatever rounding does.
BOUNDARIES = [[5, 3, 2], [1] * 10, [3, 3, 2, 1, 1], [4] + [1] * 6, [7, 2, 1], [6, 4], [2] * 5]


def test_kept_tokens_at_the_boundaries_of_top_p(engine):
    """The token whose probability makes the sum reach p is the last."""
    for tenths in BOUNDARIES:
        sums = np.cumsum(sorted(tenths, reverse=True))
        row = np.log(np.array(tenths) / 10)
        for temperature in (1, 2):
            logits = row * temperature
            for n_kept, tenth in enumerate(sums, 1):
                p = float(tenth) / 10
                settings = {"temperature": temperature, "topP": p}
                found = engine.evaluate(
                    "([row, settings]) => Array.from(inside.tokenProbs(row, settings))",
                    [logits.tolist(), settings],
                )
                expected = token_probs(torch.tensor(logits), Sampling(temperature, top_p=p))
                assert np.count_nonzero(found) == np.count_nonzero(expected.numpy()) == n_kept
                np.testing.assert_allclose(found, expected.numpy(), rtol=1e-9, atol=1e-15)


def test_kept_tokens_at_the_boundaries_of_min_p(engine):
    """A token exactly min-p times as probable as the best stays."""
    for tenths in BOUNDARIES:
        row = np.log(np.array(tenths) / 10)
        for tenth in set(tenths):
            p = tenth / max(tenths)
            found = engine.evaluate(
                "([row, minP]) => Array.from(inside.tokenProbs(row, { minP }))", [row.tolist(), p]
            )
            expected = token_probs(torch.tensor(row), Sampling(min_p=p))
            n_kept = sum(one >= tenth for one in tenths)
            assert np.count_nonzero(found) == np.count_nonzero(expected.numpy()) == n_kept
            np.testing.assert_allclose(found, expected.numpy(), rtol=1e-9, atol=1e-15)


def test_all_settings_together(engine):
    rng = np.random.default_rng(6)
    for _ in range(60):
        row = rng.normal(size=30) * rng.choice([0.3, 1, 5])
        temperature, top_k = rng.choice([0.5, 1.0, 2.0]), int(rng.integers(1, 35))
        top_p, min_p = rng.uniform(0.05, 1), rng.uniform(0, 0.5)
        found = engine.evaluate(
            "([row, settings]) => Array.from(inside.tokenProbs(row, settings))",
            [
                row.tolist(),
                {"temperature": temperature, "topK": top_k, "topP": top_p, "minP": min_p},
            ],
        )
        sampling = Sampling(temperature, top_k=top_k, top_p=top_p, min_p=min_p)
        expected = token_probs(torch.tensor(row), sampling)
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("row", [[1, None, 0], [None], [0, "inf"], ["-inf", "-inf"]])
@pytest.mark.parametrize("temperature", [0, 1])
def test_logits_without_a_largest_one_are_refused(engine, row, temperature):
    """NaN, infinity, nothing but minus infinity: as the library, in its words."""
    numbers = {None: np.nan, "inf": np.inf, "-inf": -np.inf}
    found = engine.evaluate(
        """([row, temperature]) => {
            const numbers = { inf: Infinity, "-inf": -Infinity };
            try {
                inside.pickToken(row.map((one) => numbers[one] ?? one ?? NaN), { temperature });
            } catch (error) {
                return [error.message, error.reason];
            }
        }""",
        [row, temperature],
    )
    assert found[1] == "overflow"
    assert found[0].startswith("expected logits with a finite largest one, got ")
    logits = torch.tensor([float(numbers.get(one, one)) for one in row])
    with pytest.raises(ValueError, match="expected logits with a finite largest one, got "):
        token_probs(logits, Sampling(temperature))


def test_draws_follow_the_probabilities(engine):
    probs, n = [0.5, 0.0, 0.3, 0.2, 0.0], 20_000
    bits, counts = engine.evaluate(
        """([probs, n]) => {
            const bits = inside.randomBits(7);
            const first = [bits(), bits(), bits()];
            const counts = probs.map(() => 0);
            for (let i = 0; i < n; i++) counts[inside.draw(Float64Array.from(probs), bits)]++;
            return [first, counts];
        }""",
        [probs, n],
    )
    assert bits == list(islice(random_bits(7), 3))
    # five standard deviations of a count are at most 354
    assert all(abs(count - n * p) <= 354 for count, p in zip(counts, probs, strict=True))
    assert counts[1] == counts[4] == 0
    short = "inside.draw(Float64Array.of(0.1, 0.2, 0), () => 2 ** 32 - 1)"
    assert engine.evaluate(short) == 1  # sums may fall short of 1


def test_the_most_probable(engine):
    rng = np.random.default_rng(8)
    for row in (rng.random(100), rng.integers(0, 4, 50) / 10, np.array([0.5, 0.5, 1]), np.ones(3)):
        found = engine.evaluate(
            "row => inside.mostProbable(Float64Array.from(row), 8)", row.tolist()
        )
        assert found == np.argsort(-row, kind="stable")[:8].tolist()


def test_random_bits_are_the_library_s(engine):
    for seed in (0, 1, 2**31, 2**32 - 1):
        found = engine.evaluate(
            "seed => Array.from({length: 200}, inside.randomBits(seed))",
            seed,
        )
        assert found == list(islice(random_bits(seed), 200))
