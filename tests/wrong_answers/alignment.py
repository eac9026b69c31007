"""Wrong answers to the exercises of the chapter `alignment`."""

import numpy as np

from lessons_lib.alignment import optimum
from lessons_lib.classroom.practice.alignment import check_best_of_n, check_vote


def implied(power=1, sign=1, shift=np.mean, reference=True):
    """Return an `implied_rewards` with some of its steps changed."""

    def implied_rewards(own, before, beta):
        found = sign * beta**power * (np.array(own) - reference * np.array(before))
        return (found - shift(found)).tolist()

    return implied_rewards


def levels(power=lambda p, n: p**n, order=1):
    """Return a `best_of_n` with some of its steps changed."""

    def best_of_n(probs, rewards, n):
        total = below = 0.0
        for level in sorted(set(rewards))[::order]:
            pairs = zip(probs, rewards, strict=True)
            so_far = sum(p for p, r in pairs if order * r <= order * level)
            total += level * (power(so_far, n) - power(below, n))
            below = so_far
        return total

    return best_of_n


def each_alone(probs, rewards, n):
    """Leave out that answers of the same reward belong together."""
    total = below = 0.0
    for reward in sorted(set(rewards)):
        at_most = below + probs[list(rewards).index(reward)]
        total += reward * (at_most**n - below**n)
        below = at_most
    return total


def betas(paid="judge", ties=max, best=max):
    """Return a `best_beta` with some of its steps changed."""

    def best_beta(reference, judge, truth, betas):
        pays = {"judge": judge, "truth": truth}[paid]
        worth = {beta: optimum(reference, pays, beta) @ np.array(truth) for beta in betas}
        top = best(worth.values())
        return ties(beta for beta in betas if abs(worth[beta] - top) < 1e-9)

    return best_beta


def most_paid(reference, judge, truth, betas):
    worth = {beta: optimum(reference, judge, beta) @ np.array(judge) for beta in betas}
    return max(betas, key=worth.get)


WRONG = {
    "check_implied_rewards": {
        "without beta": implied(power=0),
        "divided by beta": implied(power=-1),
        "other way round": implied(sign=-1),
        "not shifted": implied(shift=lambda found: 0.0),
        "first at 0": implied(shift=lambda found: found[0]),
        "smallest at 0": implied(shift=np.min),
        "without the reference": implied(reference=False),
    },
    "check_best_of_n": {
        "mean reward": lambda probs, rewards, n: float(np.dot(probs, rewards)),
        "n times the mean": lambda probs, rewards, n: n * float(np.dot(probs, rewards)),
        "always the best": lambda probs, rewards, n: max(rewards),
        "times n": levels(power=lambda p, n: p * n),
        "worst of n": levels(order=-1),
        "each for itself": each_alone,
        "one answer more": lambda probs, rewards, n: check_best_of_n.solution(
            probs, rewards, n + 1
        ),
    },
    "check_vote": {
        "first one": lambda answers: answers[0] if answers else "",
        "last of equals": lambda answers: check_vote.solution(answers[::-1]),
        "first in the alphabet": lambda answers: max(
            sorted({one for one in answers if one}), key=answers.count, default=""
        ),
        "empty ones counted": lambda answers: max(answers, key=answers.count, default=""),
        "rarest": lambda answers: min(
            [one for one in answers if one], key=answers.count, default=""
        ),
        "nobody for none": lambda answers: check_vote.solution(answers) or "nobody",
    },
    "check_best_beta": {
        "always the smallest": lambda reference, judge, truth, betas: min(betas),
        "always the largest": lambda reference, judge, truth, betas: max(betas),
        "optimum of the truth": betas(paid="truth"),
        "what the judge pays": most_paid,
        "worst": betas(best=min),
        "smallest of equals": betas(ties=min),
        "first of equals": betas(ties=next),
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_implied_rewards", "other way round"): "own less",
    ("check_implied_rewards", "without beta"): "times beta",
    ("check_best_of_n", "n times the mean"): "both earn nothing",
    ("check_best_of_n", "mean reward"): "both earn nothing",
    ("check_vote", "first one"): "most frequent",
    ("check_vote", "last of equals"): "came first",
    ("check_vote", "empty ones counted"): "empty answer",
    ("check_vote", "nobody for none"): "an empty text",
    ("check_best_beta", "always the smallest"): "try every beta",
    ("check_best_beta", "always the largest"): "can be trusted",
    ("check_best_beta", "smallest of equals"): "changes nothing",
}
