"""Wrong answers to the exercises of the chapter `attention`."""

import numpy as np

from lessons_lib.classroom.practice.attention import (
    check_attend_one,
    check_causal_weights,
    check_count_kv_cache,
    check_stable_softmax,
)


def plain(scores):
    with np.errstate(all="ignore"):
        return np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)


def stable(scores):
    exponentials = np.exp(scores - scores.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def masked(scores, fill=-np.inf, weigh=stable, shift=0):
    n_queries, n_keys = scores.shape
    mask = np.tril(np.ones(scores.shape, dtype=bool), n_keys - n_queries + shift)
    with np.errstate(all="ignore"):
        return weigh(np.where(mask, scores, fill))


def square_only(scores):
    return stable(np.where(np.tril(np.ones(scores.shape)) > 0, scores, -np.inf))


def inverted(scores):
    with np.errstate(all="ignore"):
        return stable(np.where(np.tri(*scores.shape) > 0, -np.inf, scores))


def shifted_by_all(scores):
    exponentials = np.exp(scores - scores.max())
    with np.errstate(all="ignore"):
        return exponentials / exponentials.sum(-1, keepdims=True)


WRONG = {
    "check_attend_one": {
        "mean": lambda q, keys, values: values.mean(axis=0),
        "zeros": lambda q, keys, values: np.zeros(values.shape[1]),
        "no root": lambda q, keys, values: stable(keys @ q) @ values,
        "divided by K": lambda q, keys, values: stable(keys @ q / len(q)) @ values,
        "root of S": lambda q, keys, values: stable(keys @ q / np.sqrt(len(keys))) @ values,
        "times the root": lambda q, keys, values: stable(keys @ q * np.sqrt(len(q))) @ values,
        "no softmax": lambda q, keys, values: keys @ q / np.sqrt(len(q)) @ values,
        "shares of the scores": lambda q, keys, values: keys @ q / (keys @ q).sum() @ values,
        "only the best": lambda q, keys, values: values[np.argmax(keys @ q)],
        "overflow": lambda q, keys, values: plain(keys @ q / np.sqrt(len(q))) @ values,
        "transposed": lambda q, keys, values: stable(keys.T @ q / np.sqrt(len(q))) @ values,
        "the weights": lambda q, keys, values: stable(keys @ q / np.sqrt(len(q))),
        "values as keys": lambda q, keys, values: stable(keys @ q / np.sqrt(len(q))) @ keys,
        "a column": lambda q, keys, values: np.array(check_attend_one.solution(q, keys, values))[
            :, None
        ],
    },
    "check_stable_softmax": {
        "no sum": lambda scores: np.exp(scores - scores.max(-1, keepdims=True)),
        "overflow": plain,
        "largest absolute value": lambda scores: plain(scores - abs(scores).max(-1, keepdims=True)),
        "over everything": lambda scores: (
            np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        ),
        "first axis": lambda scores: stable(scores.T).T,
        "second axis": lambda scores: (
            stable(scores)
            if scores.ndim == 1
            else stable(scores.swapaxes(1, -1)).swapaxes(1, -1)
            if scores.ndim > 2
            else stable(scores)
        ),
        "one largest for all": shifted_by_all,
        "base 2": lambda scores: stable(scores * np.log(2)),
        "best only": lambda scores: (scores == scores.max(-1, keepdims=True)).astype(float),
        "minus": lambda scores: stable(-scores),
        "clipped": lambda scores: plain(np.clip(scores, -50, 50)),
        "logarithm": lambda scores: np.log(check_stable_softmax.solution(scores)),
    },
    "check_causal_weights": {
        "no mask": stable,
        "inverted": inverted,
        "off by one, below": lambda scores: masked(scores, shift=-1),
        "off by one, above": lambda scores: masked(scores, shift=1),
        "after the softmax": lambda scores: (
            stable(scores) * np.tril(np.ones(scores.shape), scores.shape[1] - scores.shape[0])
        ),
        "zero for forbidden": lambda scores: masked(scores, fill=0.0),
        "not low enough": lambda scores: masked(scores, fill=-100.0),
        "first positions": square_only,
        "wrong axis": lambda scores: masked(scores, weigh=lambda a: stable(a.T).T),
        "overflow": lambda scores: masked(scores, weigh=plain),
        "transposed": lambda scores: np.array(check_causal_weights.solution(scores)).T,
        "the mask": lambda scores: np.tril(np.ones(scores.shape)),
    },
    "check_count_kv_cache": {
        "one number": lambda *sizes: np.prod(sizes),
        "no heads": lambda n_layers, n_kv_heads, d_head, n_tokens, n_bytes: (
            2 * n_layers * d_head * n_tokens * n_bytes
        ),
        "no layers": lambda n_layers, n_kv_heads, d_head, n_tokens, n_bytes: (
            2 * n_kv_heads * d_head * n_tokens * n_bytes
        ),
        "always two bytes": lambda n_layers, n_kv_heads, d_head, n_tokens, n_bytes: (
            4 * n_layers * n_kv_heads * d_head * n_tokens
        ),
        "bits": lambda *sizes: 8 * check_count_kv_cache.solution(*sizes),
        "pairs of tokens": lambda n_layers, n_kv_heads, d_head, n_tokens, n_bytes: (
            n_layers * n_kv_heads * n_tokens**2 * n_bytes
        ),
        "no tokens fails": lambda *sizes: 2 * np.prod(sizes) if all(sizes) else None,
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_attend_one", "mean"): "dot products",
    ("check_attend_one", "no softmax"): "softmax",
    ("check_attend_one", "no root"): "the root of K",
    ("check_attend_one", "divided by K"): "the root of K",
    ("check_attend_one", "times the root"): "the root of K",
    ("check_attend_one", "overflow"): "subtract the largest",
    ("check_stable_softmax", "no sum"): "divided by their sum",
    ("check_stable_softmax", "overflow"): "subtract the largest",
    ("check_stable_softmax", "largest absolute value"): "very negative",
    ("check_stable_softmax", "over everything"): "each row by itself",
    ("check_stable_softmax", "first axis"): "each row by itself",
    ("check_stable_softmax", "one largest for all"): "of its own",
    ("check_stable_softmax", "second axis"): "any shape",
    ("check_causal_weights", "no mask"): "right of the diagonal",
    ("check_causal_weights", "inverted"): "right of the diagonal",
    ("check_causal_weights", "off by one, below"): "right of the diagonal",
    ("check_causal_weights", "off by one, above"): "right of the diagonal",
    ("check_causal_weights", "not low enough"): "minus infinity",
    ("check_causal_weights", "first positions"): "position S - T",
    ("check_causal_weights", "overflow"): "scores may be large",
    ("check_count_kv_cache", "one number"): "a key and a value",
    ("check_count_kv_cache", "bits"): "2 bytes each",
    ("check_count_kv_cache", "always two bytes"): "each layer",
    ("check_count_kv_cache", "no tokens fails"): "without tokens",
}
