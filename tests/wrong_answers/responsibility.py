"""Wrong answers to the exercises of the chapter `responsibility`."""

import math

import numpy as np


def ranked(log_probs, own, more=lambda all_, one: all_ >= one, log=math.log2):
    log_probs = np.asarray(log_probs, float)
    rank = max(1, int(more(log_probs, log_probs[own]).sum()))
    return log(len(log_probs)) - log(rank)


def tokens(share, ratio, z, spread=None, rounding=math.ceil, power=2):
    spread = ratio * (1 - ratio) if spread is None else spread
    return rounding(z**2 * spread / abs(share - ratio) ** power - 1e-9)


def safe_log(x):
    return math.log(x) if x > 0 else 0.0


WRONG = {
    "check_price": {
        "nothing": lambda *_: 0.0,
        "the other way round": lambda p, q: (
            q * math.log(q / max(p, 1e-9)) + (1 - q) * math.log((1 - q) / (1 - p))
        ),
        "the planted answer alone": lambda p, q: p * safe_log(p / q),
        "the whole surprise": lambda p, q: -p * safe_log(q) - (1 - p) * safe_log(1 - q),
        "in bits": lambda p, q: (
            (p * safe_log(p / q) + (1 - p) * safe_log((1 - p) / (1 - q))) / math.log(2)
        ),
        "a logarithm of zero": lambda p, q: (
            p * float(np.log(max(p, 1e-300) / q)) + (1 - p) * math.log((1 - p) / (1 - q)) - (p == 0)
        ),
    },
    "check_bits_of_exposure": {
        "nothing": lambda *_: 0.0,
        "the most probable whatever it is": lambda log_probs, own: math.log2(len(log_probs)),
        "the rank": lambda log_probs, own: (
            ranked(log_probs, own, log=lambda x: -x) + len(log_probs)
        ),
        "equals do not count": lambda log_probs, own: (
            math.log2(len(log_probs)) - math.log2((log_probs > log_probs[own]).sum() + 1)
        ),
        "in nats": lambda log_probs, own: ranked(log_probs, own, log=math.log),
        "the least probable first": lambda log_probs, own: ranked(
            log_probs, own, lambda all_, one: all_ <= one
        ),
        "counted from zero": lambda log_probs, own: (
            math.log2(len(log_probs))
            - math.log2((np.asarray(log_probs) >= log_probs[own]).sum() + 1)
        ),
    },
    "check_tokens_needed": {
        "nothing": lambda *_: 0,
        "rounded down": lambda *given: tokens(*given, rounding=lambda x: math.floor(x + 2e-9)),
        "the deviation of the marked": lambda share, ratio, z: tokens(
            share, ratio, z, spread=share * (1 - share)
        ),
        "the difference not squared": lambda *given: tokens(*given, power=1),
        "z not squared": lambda share, ratio, z: math.ceil(
            z * ratio * (1 - ratio) / (share - ratio) ** 2
        ),
        "a variance of one quarter": lambda *given: tokens(*given, spread=0.25),
    },
    "check_remembered": {
        "the first": lambda *_: 0,
        "the most probable": lambda log_probs, _: int(np.argmax(log_probs)),
        "the least probable in the world": lambda _, true: int(np.argmin(true)),
        "the largest distance": lambda log_probs, true: int(np.argmax(np.abs(log_probs - true))),
        "the wrong sign": lambda log_probs, true: int(np.argmax(true - log_probs)),
        "the difference itself": lambda log_probs, true: int(np.max(log_probs - true)),
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_price", "the whole surprise"): "pays nothing",
    ("check_price", "the other way round"): "weighs both surprises",
    ("check_bits_of_exposure", "equals do not count"): "equals count",
    ("check_tokens_needed", "rounded down"): "round up",
    ("check_remembered", "the most probable"): "easy for everybody",
}
