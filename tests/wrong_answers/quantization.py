"""Wrong answers to the exercises of the chapter `quantization`."""

import numpy as np

from lessons_lib.classroom.practice.quantization import check_float_value


def fraction(mantissa):
    return int(mantissa, 2) / 2 ** len(mantissa)


def normal(sign, exponent, mantissa, bias):
    return (-1) ** int(sign) * (1 + fraction(mantissa)) * 2.0 ** (int(exponent, 2) - bias)


def with_zeros(sign, exponent, mantissa, bias):
    if int(exponent, 2):
        return normal(sign, exponent, mantissa, bias)
    return (-1) ** int(sign) * fraction(mantissa) * 2.0 ** (-bias)


def nibbles(data):
    return [b & 15 for b in data] + [b >> 4 for b in data]


def ratio(above, below):
    return above / below if below else 0.0


WRONG = {
    "check_float_value": {
        "nothing": lambda s, e, m, bias: 0.0,
        "no bias": lambda s, e, m, bias: (1 + fraction(m)) * 2.0 ** int(e, 2),
        "no mantissa": lambda s, e, m, bias: 2.0 ** (int(e, 2) - bias),
        "no 1 in front": lambda s, e, m, bias: fraction(m) * 2.0 ** (int(e, 2) - bias),
        "ten bits": lambda s, e, m, bias: (1 + int(m, 2) / 1024) * 2.0 ** (int(e, 2) - bias),
        "no sign": lambda s, e, m, bias: normal("0", e, m, bias),
        "no subnormals": normal,
        "subnormals halved": with_zeros,
        "zeros are zero": lambda s, e, m, bias: normal(s, e, m, bias) if int(e, 2) else 0.0,
        "none at all": lambda s, e, m, bias: (
            check_float_value.solution(s, e, m, bias) if int(m + e, 2) else None
        ),
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
    "check_decode_block": {
        "levels": lambda d, data: nibbles(data),
        "no scale": lambda d, data: [q - 8 for q in nibbles(data)],
        "no zero": lambda d, data: [d * q for q in nibbles(data)],
        "upper first": lambda d, data: [
            d * (q - 8) for q in [b >> 4 for b in data] + [b & 15 for b in data]
        ],
        "neighbours": lambda d, data: [d * (q - 8) for b in data for q in (b & 15, b >> 4)],
        "zero at 7": lambda d, data: [d * (q - 7) for q in nibbles(data)],
        "bytes": lambda d, data: [d * (b - 8) for b in data],
        "two's complement": lambda d, data: [d * (q - 16 * (q > 7)) for q in nibbles(data)],
        "scale made positive": lambda d, data: [abs(d) * (q - 8) for q in nibbles(data)],
        "cut off": lambda d, data: [d * (max(q, 1) - 8) for q in nibbles(data)],
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
    ("check_float_value", "no bias"): "minus the bias",
    ("check_float_value", "no mantissa"): "comes after 1",
    ("check_float_value", "ten bits"): "another length",
    ("check_float_value", "no sign"): "negative",
    ("check_float_value", "no subnormals"): "zeros only",
    ("check_float_value", "subnormals halved"): "zeros only",
    ("check_float_value", "zeros are zero"): "zeros only",
    ("check_float_value", "none at all"): "the number 0",
    ("check_file_bytes", "no scales"): "one block",
    ("check_file_bytes", "in bits"): "one block",
    ("check_file_bytes", "one scale"): "scale of its own",
    ("check_file_bytes", "a byte a level"): "8 bits",
    ("check_file_bytes", "blocks of 32"): "any size",
    ("check_file_bytes", "scales of 16 bits"): "any size",
    ("check_decode_block", "levels"): "level 8",
    ("check_decode_block", "no zero"): "level 8",
    ("check_decode_block", "zero at 7"): "level 8",
    ("check_decode_block", "two's complement"): "level 8",
    ("check_decode_block", "no scale"): "by the scale",
    ("check_decode_block", "upper first"): "lower four bits",
    ("check_decode_block", "neighbours"): "lower four bits",
    ("check_decode_block", "cut off"): "level 0",
    ("check_decode_block", "scale made positive"): "negative scale",
    ("check_best_scale", "mean"): "the error is least",
    ("check_best_scale", "largest"): "the error is least",
    ("check_best_scale", "the other way round"): "the error is least",
    ("check_best_scale", "no weights"): "in both sums",
    ("check_best_scale", "weights above"): "in both sums",
    ("check_best_scale", "weights squared"): "in both sums",
    ("check_best_scale", "positive"): "negative",
    ("check_best_scale", "divided by 0"): "dividing by 0",
}
