"""Wrong answers to the exercises of the chapter `gpt`."""

from itertools import pairwise

import numpy as np

from lessons_lib.classroom.practice.gpt import check_count_gpt


def surprises(logits, ids, shift=1, axis=-1, largest=True):
    """Minus the logarithm of the probabilities of the tokens `shift` places later."""
    logits = np.asarray(logits, dtype=float)[: len(ids) - shift]
    with np.errstate(all="ignore"):
        moved = logits - (logits.max(axis, keepdims=True) if largest else 0)
        log_probs = moved - np.log(np.exp(moved).sum(axis, keepdims=True))
    return -log_probs[np.arange(len(log_probs)), ids[shift:]]


def log_of_softmax(logits, ids):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    with np.errstate(divide="ignore"):
        log_probs = np.log(powers / powers.sum(-1, keepdims=True))
    return -log_probs[np.arange(len(ids) - 1), ids[1:]].mean()


def last_row_too(logits, ids):
    return surprises(logits, [*ids, ids[0]]).mean()


def row_after(logits, ids):
    return surprises(logits[1:], ids[:-1], shift=0).mean()


WRONG = {
    "check_inputs_and_targets": {
        "no shift": lambda ids: (ids[:-1], ids[:-1]),
        "whole text": lambda ids: (ids, ids),
        "two places later": lambda ids: (ids[:-2], ids[2:]),
        "targets before": lambda ids: (ids[1:], ids[:-1]),
        "one too many": lambda ids: (ids, ids[1:]),
        "round the end": lambda ids: (ids, ids[1:] + ids[:1]),
        "by value": lambda ids: (
            [i for i in ids if i != ids[-1]],
            [i for i in ids if i != ids[0]],
        ),
        "pairs": lambda ids: list(pairwise(ids)),
    },
    "check_text_loss": {
        "no shift": lambda logits, ids: surprises(logits, ids, shift=0).mean(),
        "targets off by one": row_after,
        "wrong axis": lambda logits, ids: surprises(logits, ids, axis=0).mean(),
        "over everything": lambda logits, ids: surprises(logits, ids, axis=(0, 1)).mean(),
        "sum": lambda logits, ids: surprises(logits, ids).sum(),
        "divided by all tokens": lambda logits, ids: surprises(logits, ids).sum() / len(ids),
        "last row too": last_row_too,
        "sign": lambda logits, ids: -surprises(logits, ids).mean(),
        "bits": lambda logits, ids: surprises(logits, ids).mean() / np.log(2),
        "overflow": lambda logits, ids: surprises(logits, ids, largest=False).mean(),
        "logarithm of a softmax": log_of_softmax,
        "perplexity": lambda logits, ids: np.exp(surprises(logits, ids).mean()),
        "only the last": lambda logits, ids: surprises(logits, ids)[-1],
        "no softmax": lambda logits, ids: -np.mean([row[i] for row, i in zip(logits, ids[1:])]),  # noqa: B905
        "each token": surprises,
        "zero": lambda logits, ids: 0.0,
    },
    "check_count_gpt": {
        "two tables of tokens": lambda v, t, d, n: check_count_gpt.solution(v, t, d, n) + v * d,
        "no positions": lambda v, t, d, n: check_count_gpt.solution(v, 0, d, n),
        "no biases": lambda v, t, d, n: (v + t) * d + n * 12 * d * d,
        "no last norm": lambda v, t, d, n: check_count_gpt.solution(v, t, d, n) - 2 * d,
        "last norm without bias": lambda v, t, d, n: check_count_gpt.solution(v, t, d, n) - d,
        "one layer": lambda v, t, d, n: check_count_gpt.solution(v, t, d, min(n, 1)),
        "layers share": lambda v, t, d, n: check_count_gpt.solution(v, t, d, 1),
        "norms without bias": lambda v, t, d, n: check_count_gpt.solution(v, t, d, n) - 2 * n * d,
        "in millions": lambda v, t, d, n: check_count_gpt.solution(v, t, d, n) / 1e6,
        "narrow network": lambda v, t, d, n: (v + t) * d + n * (6 * d * d + 13 * d) + 2 * d,
    },
    "check_next_token": {
        "first row": lambda logits: np.argmax(logits[0]),
        "over everything": np.argmax,
        "last row of all": lambda logits: np.argmax(logits) % logits.shape[1],
        "the logit": lambda logits: logits[-1].max(),
        "last of the best": lambda logits: logits.shape[1] - 1 - int(np.argmax(logits[-1][::-1])),
        "largest in size": lambda logits: np.argmax(abs(logits[-1])),
        "smallest": lambda logits: np.argmin(logits[-1]),
        "one too many": lambda logits: np.argmax(logits[-1]) + 1,
        "all rows": lambda logits: logits.argmax(-1),
        "down the columns": lambda logits: np.argmax(logits.max(axis=0)),
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_inputs_and_targets", "no shift"): "one place later",
    ("check_inputs_and_targets", "targets before"): "one place later",
    ("check_inputs_and_targets", "by value"): "not by values",
    ("check_text_loss", "bits"): "in nats",
    ("check_text_loss", "no shift"): "place t + 1",
    ("check_text_loss", "targets off by one"): "place t + 1",
    ("check_text_loss", "wrong axis"): "each row by itself",
    ("check_text_loss", "sum"): "so is their mean",
    ("check_text_loss", "overflow"): "may be large",
    ("check_text_loss", "logarithm of a softmax"): "no logarithm of a softmax",
    ("check_count_gpt", "no positions"): "two tables",
    ("check_count_gpt", "two tables of tokens"): "two tables",
    ("check_count_gpt", "no last norm"): "last normalisation",
    ("check_count_gpt", "one layer"): "each layer for itself",
    ("check_count_gpt", "narrow network"): "12 D * D + 13 D",
    ("check_next_token", "first row"): "the last row",
    ("check_next_token", "over everything"): "the last row",
    ("check_next_token", "last of the best"): "smallest id",
    ("check_next_token", "largest in size"): "negative",
}
