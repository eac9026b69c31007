"""Wrong answers to the exercises of the chapter `attention`."""

import numpy as np

from lessons_lib.classroom.practice.attention import (
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


def columns(x):
    return x.reshape(len(x), 2, -1).swapaxes(0, 1)


def rows(x):
    return x.reshape(2, len(x), -1)


def beside(heads):
    return heads.swapaxes(0, 1).reshape(heads.shape[1], -1)


def heads(cut=columns, join=beside, root=1.0, weigh=stable, scale=None):
    """Return a `two_heads` with some of its steps changed."""

    def two_heads(q, k, v):
        q, k, v = cut(q), cut(k), cut(v)
        divisor = scale or np.sqrt(root * q.shape[-1])
        return join(weigh(q @ k.swapaxes(1, 2) / divisor) @ v)

    return two_heads


def one_wide_head(q, k, v):
    return stable(q @ k.T / np.sqrt(q.shape[1] // 2)) @ v


def shared_weights(q, k, v):
    return stable(columns(q)[0] @ columns(k)[0].T / np.sqrt(q.shape[1] // 2)) @ v


def looks(keys=1.0, values=1.0, places=None, compare=slice(None), change="add"):
    """Return a `looks_ahead` that changes some keys and values and compares some outputs."""

    def looks_ahead(attend, q, k, v):
        before = attend(q, k, v)
        for t in places(len(q)) if places else [len(q) - 1]:
            k2, v2 = k.copy(), v.copy()
            if change == "zero":
                k2[t:] = v2[t:] = 0
            k2[t:] += keys if change == "add" else 0
            v2[t:] += values if change == "add" else 0
            if not np.allclose(attend(q, k2, v2)[:t][compare], before[:t][compare]):
                return True
        return False

    return looks_ahead


def everywhere(n):
    return range(1, n)


def compares_all(attend, q, k, v):
    k2, v2 = k.copy(), v.copy()
    k2[-1] += 1
    v2[-1] += 1
    return not np.allclose(attend(q, k2, v2), attend(q, k, v))


WRONG = {
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
    "check_two_heads": {
        "one wide head": one_wide_head,
        "reshape without transpose": heads(cut=rows),
        "joined without transpose": heads(join=lambda some: some.reshape(some.shape[1], -1)),
        "every other column": heads(cut=lambda x: np.stack([x[:, ::2], x[:, 1::2]])),
        "one below the other": heads(join=lambda some: some.reshape(-1, some.shape[-1])),
        "added up": heads(join=lambda some: some.sum(0)),
        "second head first": heads(join=lambda some: beside(some[::-1])),
        "the weights of the first": shared_weights,
        "no root": heads(scale=1.0),
        "root of both": heads(root=2.0),
        "overflow": heads(weigh=plain),
        "only the first": heads(join=lambda some: some[0]),
    },
    "check_looks_ahead": {
        "always False": lambda *_: False,
        "always True": lambda *_: True,
        "compares all": compares_all,
        "only values": looks(keys=0.0, places=everywhere),
        "only keys": looks(values=0.0, places=everywhere),
        "only the last token": looks(),
        "only the first token": looks(places=lambda n: [1]),
        "sets to zero": looks(change="zero"),
        "only the output before": looks(compare=slice(-1, None)),
        "upside down": lambda *given: not looks(places=everywhere)(*given),
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
    ("check_two_heads", "one below the other"): "side by side",
    ("check_two_heads", "added up"): "side by side",
    ("check_two_heads", "only the first"): "side by side",
    ("check_two_heads", "reshape without transpose"): "cut columns",
    ("check_two_heads", "joined without transpose"): "cut columns",
    ("check_two_heads", "one wide head"): "of its own",
    ("check_two_heads", "the weights of the first"): "of its own",
    ("check_two_heads", "no root"): "the root of K",
    ("check_two_heads", "overflow"): "scores may be large",
    ("check_looks_ahead", "always False"): "attend again",
    ("check_looks_ahead", "always True"): "before the change",
    ("check_looks_ahead", "compares all"): "before the change",
    ("check_looks_ahead", "only keys"): "change values too",
    ("check_looks_ahead", "only values"): "change keys too",
    ("check_looks_ahead", "sets to zero"): "0 already",
    ("check_looks_ahead", "only the last token"): "each position",
    ("check_looks_ahead", "only the first token"): "all outputs before",
    ("check_count_kv_cache", "one number"): "a key and a value",
    ("check_count_kv_cache", "bits"): "2 bytes each",
    ("check_count_kv_cache", "always two bytes"): "each layer",
    ("check_count_kv_cache", "no tokens fails"): "without tokens",
}
