"""Wrong answers to the exercises of the chapter `gpt`."""

import numpy as np

from lessons_lib.classroom.practice.gpt import check_count_layers, check_cut_rows


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


def cut(ids, size, step):
    """Return rows of at most `size` tokens, one beginning each `step` places."""
    return [ids[i : i + size] for i in range(0, len(ids), step)]


def by_value(ids, n):
    """Look for the place where a row ends by the token there: wrong once tokens repeat."""
    rows, at = [], 0
    while at < len(ids) - 1:
        rows.append(ids[at : at + n + 1])
        at = max(at + 1, ids.index(rows[-1][-1]))
    return rows


def layers(n, v, t, d, tables=None, norm=2, each=None):
    tables = (v + t) * d if tables is None else tables
    return (n - tables - norm * d) / (12 * d * d + 13 * d if each is None else each)


def probability_of_the_echo(model, ids):
    return model(ids).softmax(-1).gather(-1, ids[..., None]).mean().item()


def echoes_of_next(model, ids):
    return (model(ids)[:, :-1].argmax(-1) == ids[:, 1:]).double().mean().item()


def echoes(model, ids):
    return model(ids).argmax(-1) == ids


WRONG = {
    "check_cut_rows": {
        "no overlap": lambda ids, n: cut(ids, n + 1, n + 1),
        "rows one too short": lambda ids, n: cut(ids, n, n),
        "a row without a target": lambda ids, n: cut(ids, n + 1, n),
        "without the last row": lambda ids, n: [r for r in cut(ids, n + 1, n) if len(r) > n],
        "a new row at each token": lambda ids, n: cut(ids, n + 1, 1),
        "overlap of two": lambda ids, n: cut(ids[:-1], n + 2, n),
        "padded": lambda ids, n: [
            r + [0] * (n + 1 - len(r)) for r in check_cut_rows.solution(ids, n)
        ],
        "inputs only": lambda ids, n: [r[:-1] for r in check_cut_rows.solution(ids, n)],
        "by value": by_value,
        "one row": lambda ids, n: [ids],
        "nothing": lambda ids, n: None,
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
    "check_count_layers": {
        "two tables of tokens": lambda n, v, t, d: layers(n, v, t, d, (2 * v + t) * d),
        "no positions": lambda n, v, t, d: layers(n, v, t, d, v * d),
        "no tables": lambda n, v, t, d: round(layers(n, v, t, d, 0)),
        "no biases": lambda n, v, t, d: layers(n, v, t, d, each=12 * d * d),
        "no last norm": lambda n, v, t, d: layers(n, v, t, d, norm=0),
        "last norm without bias": lambda n, v, t, d: layers(n, v, t, d, norm=1),
        "narrow network": lambda n, v, t, d: layers(n, v, t, d, each=6 * d * d + 13 * d),
        "one norm": lambda n, v, t, d: layers(n, v, t, d, each=12 * d * d + 11 * d),
        "tables in each layer": lambda n, v, t, d: n // ((v + t) * d + 12 * d * d + 13 * d),
        "always 12": lambda n, v, t, d: 12,
        "at most 24": lambda n, v, t, d: min(24, check_count_layers.solution(n, v, t, d)),
        "nothing": lambda n, v, t, d: None,
    },
    "check_echo_share": {
        "the number": lambda model, ids: echoes(model, ids).sum().item(),
        "the next token": echoes_of_next,
        "only the last": lambda model, ids: echoes(model, ids)[:, -1].double().mean().item(),
        "only the first row": lambda model, ids: echoes(model, ids)[0].double().mean().item(),
        "the probability": probability_of_the_echo,
        "largest in size": lambda model, ids: (
            (model(ids).abs().argmax(-1) == ids).double().mean().item()
        ),
        "the smallest": lambda model, ids: (model(ids).argmin(-1) == ids).double().mean().item(),
        "token by token": lambda model, ids: (
            echoes(model, ids.reshape(-1, 1)).double().mean().item()
        ),
        "row by column": lambda model, ids: (
            (model(ids.T).argmax(-1) == ids.T).double().mean().item()
        ),
        "all positions of a row": lambda model, ids: (
            echoes(model, ids).all(1).double().mean().item()
        ),
        "always all": lambda model, ids: 1.0,
        "nothing": lambda model, ids: None,
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_cut_rows", "no overlap"): "first input of the next row",
    ("check_cut_rows", "a row without a target"): "first input of the next row",
    ("check_cut_rows", "without the last row"): "a shorter row",
    ("check_cut_rows", "padded"): "a shorter row",
    ("check_cut_rows", "by value"): "not by values",
    ("check_text_loss", "bits"): "in nats",
    ("check_text_loss", "no shift"): "place t + 1",
    ("check_text_loss", "targets off by one"): "place t + 1",
    ("check_text_loss", "wrong axis"): "each row by itself",
    ("check_text_loss", "sum"): "so is their mean",
    ("check_text_loss", "overflow"): "may be large",
    ("check_text_loss", "logarithm of a softmax"): "no logarithm of a softmax",
    ("check_count_layers", "two tables of tokens"): "two tables",
    ("check_count_layers", "no last norm"): "the last normalisation",
    ("check_count_layers", "no biases"): "12 D * D + 13 D",
    ("check_count_layers", "narrow network"): "12 D * D + 13 D",
    ("check_count_layers", "at most 24"): "large numbers",
    ("check_echo_share", "the number"): "a share",
    ("check_echo_share", "the probability"): "a share",
    ("check_echo_share", "the next token"): "just read",
    ("check_echo_share", "largest in size"): "negative",
    ("check_echo_share", "only the first row"): "all rows count",
    ("check_echo_share", "token by token"): "whole rows",
}
