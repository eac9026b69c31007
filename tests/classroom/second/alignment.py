"""Second computations for the questions of the chapter `alignment`."""

import math
import statistics


def scores_apart(values):
    return math.log(values["wins"]) - math.log(values["total"] - values["wins"])


def chance_of_a(values):
    return (1 + math.tanh((values["a"] - values["b"]) / 2)) / 2


def best_policy(values):
    odds = values["p"] / values["q"] * math.exp(values["r"] / values["beta"])
    return odds / (1 + odds)


def dpo_by_hand(values):
    before = values["good_before"] - values["bad_before"]
    margin = values["good"] - values["bad"] - before
    return -math.log(1 / (1 + math.exp(-values["beta"] * margin)))


def advantage_of_right(values):
    rewards = [1.0] * values["k"] + [0.0] * (values["n"] - values["k"])
    return (1 - statistics.mean(rewards)) / (statistics.stdev(rewards) + 1e-4)


def k3_by_hand(values):
    d = values["ref"] - values["own"]
    return math.exp(d) - d - 1


def log_probs_shape(values):
    return values["b"], values["n_prompt"] + values["n_long"] - 1


def prefer_batch_shape(values):
    return 2 * values["size"], values["n_prompt"] + values["n_answer"] - 1


def advantages_shape(values):
    return values["n_tasks"], values["size"]
