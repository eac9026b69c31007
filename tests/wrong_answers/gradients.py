"""Wrong answers to the exercises of the chapter `gradients`."""

import numpy as np

from lessons_lib.classroom.practice.gradients import (
    check_path_counts,
    check_quotient_slopes,
    check_shared_slopes,
)


def quotient(second):
    """Return a `quotient_slopes` with another slope of b."""
    return lambda a, b, arrived: (arrived / b, second(a, b, arrived))


def copies(arrived, n_times):
    return arrived.reshape(-1, n_times, *arrived.shape[1:])


def paths(merge=lambda old, new: old + new, forwards=False, kinds=list):
    """Return a `path_counts` with some of its steps changed."""

    def path_counts(made_from):
        names = list(made_from)
        counts = dict.fromkeys(names, 0)
        if forwards:
            for name in names:
                counts[name] = sum(counts[source] for source in made_from[name]) or 1
            return counts
        counts[names[-1]] = 1
        for name in reversed(names):
            for source in kinds(made_from[name]):
                counts[source] = merge(counts[source], counts[name])
        return counts

    return path_counts


def uses(made_from):
    every = [source for sources in made_from.values() for source in sources]
    return {name: every.count(name) for name in made_from}


def all_reach(made_from):
    """Count, as if every end were a result."""
    counts = dict.fromkeys(made_from, 0)
    for name in reversed(list(made_from)):
        counts[name] = counts[name] or 1
        for source in made_from[name]:
            counts[source] += counts[name]
    return counts


def tries(
    arrive=lambda x: np.random.default_rng(1).normal(size=x.shape),
    h=1e-5,
    off=1e-4,
    at=lambda x: x,
    places=lambda n: range(n),
    own=False,
    total=False,
):
    """Return an `is_right` with some of its steps changed."""

    def is_right(operation, x):
        x = at(x)
        arrived = arrive(x)
        found, wanted = operation.slopes(x, arrived), np.zeros_like(x)
        for i in range(len(x)):
            step = h * np.eye(len(x))[i]
            change = arrived * (operation(x + step) - operation(x - step)) / (2 * h)
            wanted[i] = change[i] if own else change.sum()
        if total:
            return bool(abs(found.sum() - wanted.sum()) < off)
        return all(abs(found[i] - wanted[i]) < off for i in places(len(x)))

    return is_right


def ones(x):
    return np.ones_like(x)


WRONG = {
    "check_quotient_slopes": {
        "no minus": quotient(lambda a, b, arrived: arrived * a / b**2),
        "not squared": quotient(lambda a, b, arrived: -arrived * a / b),
        "without a": quotient(lambda a, b, arrived: -arrived / b**2),
        "nothing arrives": lambda a, b, arrived: (1 / b, -a / b**2),
        "rule of the product": lambda a, b, arrived: (arrived * b, arrived * a),
        "other way round": lambda a, b, arrived: check_quotient_slopes.solution(a, b, arrived)[
            ::-1
        ],
        "only that of a": lambda a, b, arrived: arrived / b,
        "added up": lambda a, b, arrived: [
            np.sum(slope) for slope in check_quotient_slopes.solution(a, b, arrived)
        ],
    },
    "check_shared_slopes": {
        "mean": lambda arrived, n_times: copies(arrived, n_times).mean(1),
        "first copy only": lambda arrived, n_times: copies(arrived, n_times)[:, 0],
        "every other head": lambda arrived, n_times: arrived.reshape(
            n_times, -1, *arrived.shape[1:]
        ).sum(0),
        "all heads": lambda arrived, n_times: arrived.sum(0, keepdims=True),
        "as they arrive": lambda arrived, n_times: arrived,
        "n_times heads left": lambda arrived, n_times: arrived.reshape(
            n_times, -1, *arrived.shape[1:]
        ).sum(1),
        "added up over positions": lambda arrived, n_times: copies(arrived, n_times).sum((1, 2)),
        "one copy fails": lambda arrived, n_times: (
            check_shared_slopes.solution(arrived, n_times) if n_times > 1 else arrived[0]
        ),
    },
    "check_path_counts": {
        "the last overwrites": paths(lambda old, new: new),
        "forwards": paths(forwards=True),
        "each source once": paths(kinds=set),
        "direct uses": uses,
        "reached or not": paths(max),
        "one for each use": paths(lambda old, new: old + 1),
        "every end is a result": all_reach,
        "without the result": lambda made_from: (
            check_path_counts.solution(made_from) | {list(made_from)[-1]: 0}
        ),
        "without what is not used": lambda made_from: {
            name: count for name, count in check_path_counts.solution(made_from).items() if count
        },
    },
    "check_is_right": {
        "always True": lambda *_: True,
        "always False": lambda *_: False,
        "ones arrive": tries(ones),
        "the same slope everywhere": tries(lambda x: 2 * ones(x)),
        "at ones": tries(at=ones),
        "first number only": tries(places=lambda n: [0]),
        "own result only": tries(own=True),
        "only the sum": tries(total=True),
        "a large step": tries(h=0.5),
        "too patient": tries(off=0.2),
        "too strict": tries(off=1e-16),
        "only positive slopes arrive": tries(lambda x: 1 + np.arange(len(x))),
        "upside down": lambda operation, x: not tries()(operation, x),
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_quotient_slopes", "no minus"): "has a minus",
    ("check_quotient_slopes", "without a"): "has a minus",
    ("check_quotient_slopes", "not squared"): "-1 / b**2",
    ("check_quotient_slopes", "nothing arrives"): "the one that arrives",
    ("check_shared_slopes", "mean"): "their sum",
    ("check_shared_slopes", "first copy only"): "their sum",
    ("check_shared_slopes", "every other head"): "neighbours",
    ("check_shared_slopes", "all heads"): "neighbours",
    ("check_shared_slopes", "n_times heads left"): "their sum",
    ("check_shared_slopes", "one copy fails"): "one copy each",
    ("check_path_counts", "without the result"): "the last name",
    ("check_path_counts", "each source once"): "used twice",
    ("check_path_counts", "reached or not"): "used twice",
    ("check_path_counts", "the last overwrites"): "used twice",
    ("check_path_counts", "one for each use"): "as many paths",
    ("check_path_counts", "every end is a result"): "no path to it",
    ("check_is_right", "always False"): "this rule is right",
    ("check_is_right", "always True"): "at the x that is given",
    ("check_is_right", "at ones"): "at the x that is given",
    ("check_is_right", "first number only"): "at the x that is given",
    ("check_is_right", "a large step"): "a large step",
    ("check_is_right", "ones arrive"): "not all 1",
    ("check_is_right", "too patient"): "to three decimals",
    ("check_is_right", "the same slope everywhere"): "different slopes",
    ("check_is_right", "own result only"): "all results",
    ("check_is_right", "only positive slopes arrive"): "both signs",
}
