"""Second computations for the chapter `data`, in plain Python."""

from itertools import combinations


def link_share(values):
    link = values["link"].replace(" ", "")
    return len(link) / len(values["before"].replace(" ", "") + "|" + link)


def jaccard_of_sets(values):
    return values["n_both"] / (values["n_a"] + values["n_b"] - values["n_both"])


def one_word_changed(values):
    n_shingles, width = values["n_words"] - values["width"] + 1, values["width"]
    return (n_shingles - width) / (n_shingles + width)


def error_of_signature(values):
    return (values["j"] * (1 - values["j"]) / values["n_hashes"]) ** 0.5


def chance_of_bands(values):
    missed = 1.0
    for _ in range(values["bands"]):
        missed *= 1 - values["j"] ** values["rows"]
    return 1 - missed


def pairs_compared(values):
    return sum(1 for _ in combinations(range(values["n"]), 2))


def signatures_shape(values):
    return values["n"], values["bands"], values["n_hashes"] // values["bands"]


def weight_of_small(values):
    small, large = (values[name] ** (1 / values["tau"]) for name in ("n_small", "n_large"))
    return small / (small + large)


def times_read(values):
    return values["n_drawn"] * values["weight"] / values["n_texts"]
