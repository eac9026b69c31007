"""Second computations for the questions on the chapter `gpt`: plain Python, no `lessons_lib`."""

import math


def count_gpt(values):
    v, t, d = values["vocab_size"], values["context_length"], values["d_model"]
    f = 4 * d
    layer = 4 * (d * d + d) + d * f + f + f * d + d + 4 * d
    return v * d + t * d + values["n_layers"] * layer + 2 * d


def count_outside(values):
    return (values["vocab_size"] + values["context_length"] + 2) * values["d_model"]


def loss_from_probabilities(values):
    surprises = []
    for row, token in zip(values["rows"], values["ids"][1:], strict=False):
        powers = [math.exp(logit) for logit in row]
        surprises.append(-math.log(powers[token] / sum(powers)))
    return sum(surprises) / len(surprises)


def first_loss(values):
    sigma = 0.02 * math.sqrt(values["d_model"])
    return math.log(values["vocab_size"]) + sigma**2 / 2


def masked_pairs(values):
    p, n = values["n_padding"], values["n_real"]
    rows = range(p + n)
    return sum((p <= s <= t) or s == t for t in rows for s in rows)


def deviation_of_down(values):
    return 0.02 / math.sqrt(2 * values["n_layers"])


def shape_of_logits(values):
    return values["batch"], values["n_tokens"], values["vocab_size"]


def shape_of_targets(values):
    return values["batch"] * (values["n_ids"] - 1), values["vocab_size"]


def shape_of_c_attn(values):
    return values["d_model"], 3 * values["d_model"]
