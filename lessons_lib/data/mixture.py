"""How much of each source: weights by a temperature, and texts drawn by weights."""

import random
from collections.abc import Mapping, Sequence

import numpy as np

from lessons_lib.base.validation import check_array, check_integer, check_probs
from lessons_lib.responsibility import sharpen


def mixture_weights(sizes: Sequence[float], temperature: float = 1.0) -> np.ndarray:
    """Return the share of each source: as large as it is at temperature 1, more equal above.

    Args:
        sizes: of the sources, in texts or tokens, all above 0.
        temperature: above 0. Shares are raised to the power 1 / temperature.

    Returns:
        (K,), which add up to 1.

    Raises:
        ValueError: no sizes, one that is not above 0, or a temperature that is not.

    Source: Conneau and Lample, "Cross-lingual Language Model Pretraining", 2019, section 3.1, with
    an exponent of 0.5; XLM-R has 0.3. The formula is that of `sharpen`.

    >>> mixture_weights([800, 200], 2.0).round(3)
    array([0.667, 0.333])
    """
    sizes = check_array("sizes", sizes)
    if sizes.ndim != 1 or not len(sizes) or (sizes <= 0).any():
        raise ValueError(f"expected sizes above 0, got {sizes!r:.80}")
    if temperature == 0:
        raise ValueError("expected a temperature above 0, got 0")
    return sharpen(sizes / sizes.sum(), temperature)


def draw_mixture(
    sources: Mapping[str, Sequence[str]], weights: Sequence[float], n: int, seed: int = 0
) -> list[str]:
    """Draw n texts: for each first the source by its weight, then its next text.

    A source gives its texts in an order of its own, and begins again with another when it has none
    left: the smaller it is and the larger its weight, the more often each of its texts is read.

    Args:
        sources: texts by name.
        weights: (K,), in the order of the sources; they add up to 1.
        n: how many texts.
        seed: of all draws.

    Raises:
        ValueError: other weights than sources, a source without texts, or a negative number.
    """
    share = np.asarray(weights, float)
    if len(check_probs("weights", share)) != len(sources):
        raise ValueError(f"expected {len(sources)} weights, got {len(share)}")
    if empty := [name for name, texts in sources.items() if not len(texts)]:
        raise ValueError(f"expected texts of every source, got none of {', '.join(empty)}")
    rng = random.Random(check_integer("seed", seed, 0))
    waiting: dict[str, list[str]] = {name: [] for name in sources}
    drawn = []
    for name in rng.choices(list(sources), share.tolist(), k=check_integer("n", n, 0)):
        if not waiting[name]:
            waiting[name] = rng.sample(list(sources[name]), len(sources[name]))
        drawn.append(waiting[name].pop())
    return drawn
