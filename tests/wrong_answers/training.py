"""Wrong answers to the exercises of the chapter `training`."""

import statistics

import numpy as np
import torch

from lessons_lib.training import SGD, AdamW


def quietly(function):
    def call(*arguments):
        with np.errstate(all="ignore"):
            return function(*arguments)

    return call


def softmax(logits):
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def heights(rates, steepness, n_steps, kind=AdamW, anew=True, forget=True, lowest=False):
    """Walk down the valley at each rate, with one thing wrong; return the heights."""
    found = []
    place = torch.tensor([-2.0, 1.0])
    slope = torch.zeros(2)
    for rate in rates:
        if anew:
            place, slope = torch.tensor([-2.0, 1.0]), torch.zeros(2)
        optimizer, path = kind([place], lr=rate), []
        for _ in range(n_steps):
            slope = place * torch.tensor([1.0, steepness]) + (0 if forget else slope)
            place.grad = slope.clone()
            optimizer.step()
            path.append((place[0] ** 2 + steepness * place[1] ** 2).item() / 2)
        found.append(min(path) if lowest else path[-1])
    return found


def best(choose=min, **wrong):
    def call(rates, steepness, n_steps):
        found = heights(rates, steepness, n_steps, **wrong)
        return rates[found.index(choose(found))]

    return call


def spike(middle=statistics.median, begin=None, above=lambda a, b: a > b, last=False, own=0):
    """Look for a spike, with one thing wrong."""

    def call(lengths, window, factor):
        found = [
            step
            for step in range(window if begin is None else begin, len(lengths))
            if above(
                lengths[step],
                factor * middle(lengths[max(0, step - window + own) : step + own] or [1.0]),
            )
        ]
        return (found[-1] if last else found[0]) if found else -1

    return call


def rate(step, n_steps, n_warm_up, n_decay, lr):
    if step < n_warm_up:
        return lr * step / n_warm_up
    return lr if step <= n_steps - n_decay else lr * (n_steps - step) / n_decay


WRONG = {
    "check_teacher_gradient": {
        "logits": lambda logits, wanted: logits,
        "probabilities only": lambda logits, wanted: softmax(logits),
        "turned round": lambda logits, wanted: wanted - softmax(logits),
        "logits less the teacher": lambda logits, wanted: logits - wanted,
        "only the teacher's favourite": lambda logits, wanted: (
            softmax(logits) - np.eye(len(logits))[wanted.argmax()]
        ),
        "weighed by the teacher": lambda logits, wanted: (softmax(logits) - 1) * wanted,
        "shares of the logits": quietly(lambda logits, wanted: logits / logits.sum() - wanted),
        "overflow": quietly(lambda logits, wanted: np.exp(logits) / np.exp(logits).sum() - wanted),
        "the loss itself": lambda logits, wanted: -(wanted * np.log(softmax(logits))).sum(),
        "mean over the vocabulary": lambda logits, wanted: (softmax(logits) - wanted) / len(logits),
    },
    "check_best_rate": {
        "the largest": lambda rates, steepness, n_steps: max(rates),
        "the smallest": lambda rates, steepness, n_steps: min(rates),
        "always 0.1": lambda rates, steepness, n_steps: 0.1,
        "its place": lambda rates, steepness, n_steps: int(
            np.argmin(heights(rates, steepness, n_steps))
        ),
        "its height": lambda rates, steepness, n_steps: min(heights(rates, steepness, n_steps)),
        "the highest": best(choose=max),
        "gradient descent": best(kind=SGD),
        "goes on from the rate before": best(anew=False),
        "slopes added up": best(forget=False),
        "one step": lambda rates, steepness, n_steps: best()(rates, steepness, 1),
        "ten steps": lambda rates, steepness, n_steps: best()(rates, steepness, min(n_steps, 10)),
    },
    "check_first_spike": {
        "none": lambda lengths, window, factor: -1,
        "a mean": spike(statistics.mean),
        "the largest": spike(max),
        "from the first step": spike(begin=0),
        "exactly counts": spike(above=lambda a, b: a >= b),
        "the last spike": spike(last=True),
        "itself in the window": spike(own=1),
        "its length": lambda lengths, window, factor: (
            lengths[spike()(lengths, window, factor)] if lengths else -1
        ),
        "None for none": lambda lengths, window, factor: (
            None if spike()(lengths, window, factor) < 0 else spike()(lengths, window, factor)
        ),
        "the median of all": lambda lengths, window, factor: next(
            (
                step
                for step in range(window, len(lengths))
                if lengths[step] > factor * statistics.median(lengths[:step])
            ),
            -1,
        ),
    },
    "check_stable_rate": {
        "constant": lambda step, n_steps, n_warm_up, n_decay, lr: lr,
        "no warm-up": lambda step, n_steps, n_warm_up, n_decay, lr: rate(
            step, n_steps, 0, n_decay, lr
        ),
        "falls from the start": lambda step, n_steps, n_warm_up, n_decay, lr: rate(
            step, n_steps, n_warm_up, n_steps - n_warm_up, lr
        ),
        "never falls": lambda step, n_steps, n_warm_up, n_decay, lr: rate(
            step, n_steps, n_warm_up, 0, lr
        ),
        "falls after n_decay": lambda step, n_steps, n_warm_up, n_decay, lr: rate(
            step, n_steps, n_warm_up, n_steps - n_decay, lr
        ),
        "without lr": lambda step, n_steps, n_warm_up, n_decay, lr: rate(
            step, n_steps, n_warm_up, n_decay, 1.0
        ),
        "one step early": lambda step, n_steps, n_warm_up, n_decay, lr: rate(
            step + 1, n_steps, n_warm_up, n_decay, lr
        ),
        "divides by nothing": lambda step, n_steps, n_warm_up, n_decay, lr: min(
            lr, lr * step / n_warm_up, lr * (n_steps - step) / n_decay
        ),
        "0 at the end": lambda step, n_steps, n_warm_up, n_decay, lr: (
            0.0 if step == n_steps else rate(step, n_steps, n_warm_up, n_decay, lr)
        ),
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_teacher_gradient", "probabilities only"): "less 1 there",
    ("check_teacher_gradient", "turned round"): "less 1 there",
    ("check_teacher_gradient", "only the teacher's favourite"): "what the teacher gives",
    ("check_teacher_gradient", "overflow"): "the largest away",
    ("check_best_rate", "its place"): "not its place",
    ("check_best_rate", "its height"): "not its place",
    ("check_best_rate", "the largest"): "begin anew",
    ("check_best_rate", "goes on from the rate before"): "begin anew",
    ("check_best_rate", "ten steps"): "n_steps",
    ("check_first_spike", "a mean"): "median of 9",
    ("check_first_spike", "from the first step"): "none yet",
    ("check_first_spike", "exactly counts"): "not more than 3 times",
    ("check_first_spike", "the last spike"): "comes first",
    ("check_first_spike", "the median of all"): "grow slowly",
    ("check_stable_rate", "no warm-up"): "half of the rate",
    ("check_stable_rate", "without lr"): "the whole rate",
    ("check_stable_rate", "falls from the start"): "the whole rate",
    ("check_stable_rate", "never falls"): "a quarter left",
    ("check_stable_rate", "divides by nothing"): "do not divide by 0",
    ("check_stable_rate", "0 at the end"): "stays to the end",
}
