"""Wrong answers to the exercises of the chapter `quantization`."""

import math
from itertools import product

import numpy as np


def power(x):
    return math.floor(math.log2(x))


def mixes(sizes, bits, fits):
    return [list(mix) for mix in product(bits, repeat=len(sizes)) if fits(mix)]


def average(sizes, bits, mix):
    return sum(n * bits[name] for n, name in zip(sizes, mix, strict=True)) / sum(sizes)


def within(harm, sizes, bits, most):
    """Return the mixes within the limit, the least harm first."""
    found = mixes(sizes, bits, lambda mix: average(sizes, bits, mix) <= most)
    return sorted(found, key=harm)


def one_at_a_time(harm, sizes, bits, most):
    """Measure each matrix alone, the others in the finest format, and add the harms up."""
    finest = max(bits, key=bits.get)

    def alone(i, name):
        return harm([name if k == i else finest for k in range(len(sizes))])

    found = within(harm, sizes, bits, most)
    return min(found, key=lambda mix: sum(alone(i, name) for i, name in enumerate(mix)))


def climb(harm, sizes, bits, most):
    """Begin with the coarsest and take the step that helps most, as long as one fits."""
    order = sorted(bits, key=bits.get)
    mix = [order[0]] * len(sizes)
    while True:
        steps = []
        for i, name in enumerate(mix):
            if name != order[-1]:
                step = [*mix[:i], order[order.index(name) + 1], *mix[i + 1 :]]
                if average(sizes, bits, step) <= most:
                    steps.append(step)
        if not steps:
            return mix
        mix = min(steps, key=harm)


def ratio(above, below):
    return above / below if below else 0.0


WRONG = {
    "check_gap": {
        "the same everywhere": lambda x, bits: 2.0**-bits,
        "in proportion": lambda x, bits: x * 2.0**-bits,
        "frexp as it is": lambda x, bits: 2.0 ** (math.frexp(x)[1] - bits),
        "rounded power": lambda x, bits: 2.0 ** (round(math.log2(x)) - bits),
        "power above": lambda x, bits: 2.0 ** (math.ceil(math.log2(x)) - 1 - bits),
        "one bit more": lambda x, bits: 2.0 ** (power(x) - bits - 1),
        "whole powers only": lambda x, bits: 2.0 ** (max(power(x), 0) - bits),
        "float32": lambda x, bits: float(np.spacing(np.float32(x))),
        "to the smaller one": lambda x, bits: (
            2.0 ** (power(x) - bits - (x > 1 and math.log2(x) == power(x)))
        ),
        "log2 in float32": lambda x, bits: 2.0 ** (math.floor(np.log2(np.float32(x))) - bits),
    },
    "check_file_bytes": {
        "nothing": lambda n, size, bits, scale: 0,
        "no scales": lambda n, size, bits, scale: n * bits / 8,
        "one scale": lambda n, size, bits, scale: n * bits / 8 + scale,
        "in bits": lambda n, size, bits, scale: n // size * (size * bits + 8 * scale),
        "a byte a level": lambda n, size, bits, scale: n // size * (size + scale),
        "blocks of 32": lambda n, size, bits, scale: n // 32 * (4 * bits + scale),
        "scales of 16 bits": lambda n, size, bits, scale: n // size * (size * bits / 8 + 2),
        "a scale a weight": lambda n, size, bits, scale: n * (bits / 8 + scale),
    },
    "check_best_mix": {
        "all the finest": lambda harm, sizes, bits, most: [max(bits, key=bits.get)] * len(sizes),
        "all the coarsest": lambda harm, sizes, bits, most: [min(bits, key=bits.get)] * len(sizes),
        "the finest that fits all": lambda harm, sizes, bits, most: (
            [max((name for name in bits if bits[name] <= most), key=bits.get)] * len(sizes)
        ),
        "matrices count alike": lambda harm, sizes, bits, most: min(
            mixes(sizes, bits, lambda mix: average([1] * len(sizes), bits, mix) <= most), key=harm
        ),
        "strictly less": lambda harm, sizes, bits, most: min(
            mixes(
                sizes,
                bits,
                lambda mix: average(sizes, bits, mix) < max(most, min(bits.values()) + 0.01),
            ),
            key=harm,
        ),
        "one at a time": one_at_a_time,
        "step by step": climb,
        "the harm": lambda harm, sizes, bits, most: [harm(within(harm, sizes, bits, most)[0])],
        "the most harm": lambda harm, sizes, bits, most: within(harm, sizes, bits, most)[-1],
        "most bits": lambda harm, sizes, bits, most: max(
            within(harm, sizes, bits, most), key=lambda mix: average(sizes, bits, mix)
        ),
        "bits": lambda harm, sizes, bits, most: [
            bits[name] for name in within(harm, sizes, bits, most)[0]
        ],
        "no limit": lambda harm, sizes, bits, most: min(
            mixes(sizes, bits, lambda mix: True), key=harm
        ),
    },
    "check_best_scale": {
        "nothing": lambda x, levels, w: 0.0,
        "mean": lambda x, levels, w: ratio(x.sum(), levels.sum()),
        "largest": lambda x, levels, w: ratio(np.abs(x).max(), np.abs(levels).max()),
        "no weights": lambda x, levels, w: ratio((x * levels).sum(), (levels**2).sum()),
        "weights above": lambda x, levels, w: ratio((w * x * levels).sum(), (levels**2).sum()),
        "weights squared": lambda x, levels, w: ratio(
            (w * w * x * levels).sum(), (w * w * levels**2).sum()
        ),
        "the other way round": lambda x, levels, w: ratio(
            (w * x * x).sum(), (w * x * levels).sum()
        ),
        "positive": lambda x, levels, w: abs(ratio((w * x * levels).sum(), (w * levels**2).sum())),
        "divided by 0": lambda x, levels, w: (
            (w * x * levels).sum() / (w * levels**2).sum() if levels.any() else float("nan")
        ),
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_gap", "frexp as it is"): "after 1 comes",
    ("check_gap", "the same everywhere"): "3 is 1.5 times 2",
    ("check_gap", "in proportion"): "3 is 1.5 times 2",
    ("check_gap", "whole powers only"): "below 1",
    ("check_gap", "to the smaller one"): "at a power of two",
    ("check_best_mix", "all the coarsest"): "the sensitive matrix",
    ("check_best_mix", "no limit"): "the sensitive matrix",
    ("check_best_mix", "matrices count alike"): "by its weights",
    ("check_best_mix", "strictly less"): "exactly as many",
    ("check_best_mix", "one at a time"): "whole mixes",
    ("check_file_bytes", "no scales"): "one block",
    ("check_file_bytes", "in bits"): "one block",
    ("check_file_bytes", "one scale"): "scale of its own",
    ("check_file_bytes", "a byte a level"): "8 bits",
    ("check_file_bytes", "blocks of 32"): "any size",
    ("check_file_bytes", "scales of 16 bits"): "any size",
    ("check_best_scale", "mean"): "the error is least",
    ("check_best_scale", "largest"): "the error is least",
    ("check_best_scale", "the other way round"): "the error is least",
    ("check_best_scale", "no weights"): "in both sums",
    ("check_best_scale", "weights above"): "in both sums",
    ("check_best_scale", "weights squared"): "in both sums",
    ("check_best_scale", "positive"): "negative",
    ("check_best_scale", "divided by 0"): "dividing by 0",
}
