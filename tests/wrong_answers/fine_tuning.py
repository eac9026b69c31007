"""Wrong answers to the exercises of the chapter `fine_tuning`."""

import numpy as np

from lessons_lib.classroom.practice.fine_tuning import (
    check_adapter_numbers,
    check_answer_flags,
    check_token_weights,
)


def flags(role_counts=False, end=True, user_end=False, first=False, user=False, opening=True):
    """Return an `answer_flags` with some of its rules changed."""

    def answer_flags(turns):
        found = [first] if opening else []
        for role, n_tokens in turns:
            counts = role == "assistant"
            found += [role_counts and counts] + [counts or user] * n_tokens
            found += [end] if counts else [False] * user_end
        return found

    return answer_flags


def without_end(turns):
    found = [False]
    for role, n_tokens in turns:
        found += [False] + [role == "assistant"] * n_tokens
    return found


def empty_answers_left_out(turns):
    kept = [turn for turn in turns if turn[1] or turn[0] == "user"]
    return check_answer_flags.solution(kept)


def ranks(power=2, reach=lambda kept, share: kept >= share - 1e-9, more=1, order=1):
    """Return a `rank_for` with some of its steps changed."""

    def rank_for(change, share):
        sizes = np.linalg.svd(change, compute_uv=False)[::order] ** power
        kept = np.cumsum(sizes) / sizes.sum()
        return int(np.argmax(reach(kept, share))) + more

    return rank_for


def pokes(start=-1.0, step=1.0, minus_start=True, scale=1.0, all_at_once=False):
    """Return a `token_weights` with some of its steps changed."""

    def token_weights(loss, n_tokens):
        before = np.full(n_tokens, start)
        weights = []
        for place in range(n_tokens):
            after = before.copy()
            after[slice(None, place + 1) if all_at_once else place] -= step
            weights.append(scale * (loss(after) - (loss(before) if minus_start else 0)))
        return weights

    return token_weights


WRONG = {
    "check_answer_flags": {
        "role token counted": flags(role_counts=True),
        "end not counted": flags(end=False),
        "no end at all": without_end,
        "an end behind the user": flags(user_end=True),
        "first end counted": flags(first=True),
        "user counted": flags(user=True),
        "no end in front": flags(opening=False),
        "one too early": lambda turns: [*check_answer_flags.solution(turns)[1:], False],
        "empty answers left out": empty_answers_left_out,
        "nothing for no turns": lambda turns: check_answer_flags.solution(turns) if turns else [],
    },
    "check_adapter_numbers": {
        "the whole matrix": lambda shapes, rank: sum(a * b for a, b in shapes),
        "only A": lambda shapes, rank: sum(rank * n_in for _, n_in in shapes),
        "only B": lambda shapes, rank: sum(rank * n_out for n_out, _ in shapes),
        "without the rank": lambda shapes, rank: sum(a + b for a, b in shapes),
        "first matrix only": lambda shapes, rank: sum(rank * sum(shape) for shape in shapes[:1]),
        "rank squared": lambda shapes, rank: sum(rank**2 * sum(shape) for shape in shapes),
        "fails without matrices": lambda shapes, rank: (
            check_adapter_numbers.solution(shapes, rank) or rank
        ),
    },
    "check_rank_for": {
        "not squared": ranks(power=1),
        "one too few": ranks(more=0),
        "one too many": ranks(more=2),
        "passed, not reached": ranks(reach=lambda kept, share: kept > share + 1e-9),
        "smallest first": ranks(order=-1),
        "always all": lambda change, share: min(change.shape),
        "always 1": lambda change, share: 1,
    },
    "check_token_weights": {
        "the loss itself": pokes(minus_start=False),
        "other way round": pokes(scale=-1.0),
        "half a nat": pokes(step=0.5),
        "added up": pokes(all_at_once=True),
        "counted or not": lambda loss, n_tokens: [
            float(weight > 0) for weight in check_token_weights.solution(loss, n_tokens)
        ],
        "one too few places": lambda loss, n_tokens: check_token_weights.solution(loss, n_tokens)[
            :-1
        ],
        "adding up to 1": lambda loss, n_tokens: list(
            np.divide(
                check_token_weights.solution(loss, n_tokens),
                sum(check_token_weights.solution(loss, n_tokens)) or 1,
            )
        ),
        "all ones": lambda loss, n_tokens: [1.0] * n_tokens,
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_answer_flags", "user counted"): "none of it counts",
    ("check_answer_flags", "first end counted"): "none of it counts",
    ("check_answer_flags", "no end in front"): "none of it counts",
    ("check_answer_flags", "role token counted"): "with the END behind it",
    ("check_answer_flags", "end not counted"): "with the END behind it",
    ("check_answer_flags", "empty answers left out"): "an empty answer",
    ("check_answer_flags", "nothing for no turns"): "without turns",
    ("check_adapter_numbers", "the whole matrix"): "each column",
    ("check_adapter_numbers", "without the rank"): "r rows",
    ("check_adapter_numbers", "first matrix only"): "over all matrices",
    ("check_rank_for", "not squared"): "of the squares",
    ("check_rank_for", "passed, not reached"): "reached, not passed",
    ("check_token_weights", "the loss itself"): "by how much the loss grows",
    ("check_token_weights", "counted or not"): "is a mean",
}
