"""Second computations of the numeric and shape questions of the chapter `ngrams`."""

import math


def how_many_ngrams(values):
    return values["tokens"] - values["n"] + 1


def share_after(values):
    followers = "".join(map(str, values["ids"])).split("0")[1:-1]
    return sum(text == "1" for text in followers) / len(followers)


def perplexity_from_probs(values):
    return math.prod(values["probs"]) ** (-1 / 4)


def uniform_perplexity(values):
    return values["vocab_size"]


def add_k_of(values):
    k = values["k"]
    return (values["count"] + k) / (values["total"] + k * values["vocab_size"])


def witten_bell_of(values):
    kept = values["total"] / (values["total"] + values["kinds"])
    return kept * values["count"] / values["total"] + (1 - kept) * values["shorter"]


def probs_shape(values):
    return (values["vocab_size"],)


def surprises_shape(values):
    return (values["length"],)


def bits_per_byte_by_hand(values):
    return values["nats"] * values["tokens"] * math.log2(math.e) / values["bytes"]
