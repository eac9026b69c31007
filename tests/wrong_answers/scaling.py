"""Wrong answers to the exercises of the chapter `scaling`."""

import math

import torch

from lessons_lib.llama import Llama
from lessons_lib.scaling import model_flops
from lessons_lib.training import Recipe, train


def devices(n, d, days, peak, u, each=6, day=86400, to=math.ceil):
    return to(each * n * d / (days * day * peak * u))


def one_more(config, n_steps, data, measure, steps=None, batch=12, work=None):
    """Train one more model, with one thing wrong."""
    torch.manual_seed(0)
    model = Llama(config)
    train(model, data, Recipe(n_steps=steps or n_steps, batch_size=batch))
    return (work or operations)(config, n_steps, data.length), measure(model)


def operations(config, n_steps, length, times=3, windows=12):
    return times * n_steps * windows * model_flops(config, length)


def wrong_work(**wrong):
    return lambda *given: one_more(
        *given, work=lambda config, n_steps, length: operations(config, n_steps, length, **wrong)
    )


def untrained(config, n_steps, data, measure):
    torch.manual_seed(0)
    return operations(config, n_steps, data.length), measure(Llama(config))


def by_the_rule(config, n_steps, length):
    return 6 * sum(p.numel() for p in Llama(config).parameters()) * n_steps * 12 * length


WRONG = {
    "check_devices_for": {
        "nothing": lambda n, d, days, peak, u: 0,
        "forward only": lambda *given: devices(*given, each=2),
        "seconds": lambda *given: devices(*given, day=1),
        "hours": lambda *given: devices(*given, day=3600),
        "no utilisation": lambda n, d, days, peak, u: devices(n, d, days, peak, 1),
        "times utilisation": lambda n, d, days, peak, u: devices(n, d, days, peak, 1 / u),
        "times days": lambda n, d, days, peak, u: devices(n, d, 1 / days, peak, u),
        "rounded down": lambda *given: devices(*given, to=math.floor),
        "a fraction": lambda *given: devices(*given, to=float),
        "rounded": lambda *given: devices(*given, to=round),
        "one more": lambda *given: devices(*given) + 1,
    },
    "check_texts_that_fit": {
        "nothing": lambda memory, weights, each, n: 0,
        "all memory": lambda memory, weights, each, n: memory // (each * n),
        "one token": lambda memory, weights, each, n: (memory - weights) // each,
        "a fraction": lambda memory, weights, each, n: max(0, memory - weights) / (each * n),
        "rounded": lambda memory, weights, each, n: max(0, round((memory - weights) / (each * n))),
        "rounded up": lambda memory, weights, each, n: -(-max(0, memory - weights) // (each * n)),
        "negative": lambda memory, weights, each, n: (memory - weights) // (each * n),
        "never none": lambda memory, weights, each, n: max(1, (memory - weights) // (each * n)),
    },
    "check_bytes_each": {
        "nothing": lambda n, devices, stage: 0,
        "all parts": lambda n, devices, stage: 16 * n / devices,
        "no parts": lambda n, devices, stage: 16 * n,
        "weights first": lambda n, devices, stage: (
            n * sum(b / devices if i < stage else b for i, b in enumerate((2, 2, 12)))
        ),
        "one stage late": lambda n, devices, stage: (
            n * sum(b / devices if i < stage - 1 else b for i, b in enumerate((12, 2, 2)))
        ),
        "in float32": lambda n, devices, stage: (
            n * sum(b / devices if i < stage else b for i, b in enumerate((8, 4, 4)))
        ),
        "all devices together": lambda n, devices, stage: (
            n * sum(b if i < stage else b * devices for i, b in enumerate((12, 2, 2)))
        ),
    },
    "check_one_more": {
        "untrained": untrained,
        "one step": lambda *given: one_more(*given, steps=1),
        "batch of 16": lambda *given: one_more(*given, batch=16),
        "forward only": wrong_work(times=1),
        "one window a step": wrong_work(windows=1),
        "tokens twice": lambda *given: one_more(
            *given, work=lambda config, steps, length: operations(config, steps, length) * length
        ),
        "6 N D": lambda *given: one_more(*given, work=by_the_rule),
        "the other way round": lambda *given: one_more(*given)[::-1],
        "only the excess": lambda *given: one_more(*given)[1],
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_devices_for", "forward only"): "6 operations",
    ("check_devices_for", "hours"): "86,400 seconds",
    ("check_devices_for", "rounded down"): "13.9",
    ("check_devices_for", "no utilisation"): "divide by the utilisation",
    ("check_devices_for", "times utilisation"): "divide by the utilisation",
    ("check_devices_for", "times days"): "ten times the days",
    ("check_texts_that_fit", "all memory"): "what the weights leave free",
    ("check_texts_that_fit", "one token"): "one whole text",
    ("check_texts_that_fit", "a fraction"): "round down",
    ("check_texts_that_fit", "rounded"): "round down",
    ("check_texts_that_fit", "rounded up"): "round down",
    ("check_texts_that_fit", "negative"): "not a negative number",
    ("check_texts_that_fit", "never none"): "too little room",
    ("check_bytes_each", "all parts"): "stage 0",
    ("check_bytes_each", "no parts"): "stage 1",
    ("check_bytes_each", "weights first"): "stage 1",
    ("check_bytes_each", "all devices together"): "stage 0",
    ("check_one_more", "one step"): "n_steps steps",
    ("check_one_more", "forward only"): "3 times model_flops",
    ("check_one_more", "the other way round"): "return two numbers",
}
