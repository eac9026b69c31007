"""Second computations of the numeric and shape questions of the chapter `tokens`."""

import math
import re


def count_bytes(values):
    return values["latin"] + 2 * values["enye"] + 3 * values["euro"] + 4 * values["turtle"]


def pair_count(values):
    return len(re.findall("(?=an)", values["word"]))


def merged_length(values):
    return len(values["word"].replace("aa", "A"))


def tokens_per_word_of(values):
    return values["tokens"] / values["words"]


def bytes_per_token_of(values):
    return (len(values["word"]) + values["word"].count("ñ")) / values["tokens"]


def bits_of_tokens(values):
    common, rare = values["common"], values["rare"]
    total = common + rare
    return (
        -(common * math.log2(common / total) + rare * math.log2(rare / total)) / values["n_bytes"]
    )


def embed_shape(values):
    return values["rows"], values["columns"], values["d"]


def one_hot_shape(values):
    return values["n"], values["vocab_size"]
