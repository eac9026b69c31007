"""Wrong answers to the exercises of the chapter `clip`."""

import math

import numpy as np

from lessons_lib.classroom.practice.clip import check_blind_to, check_least_loss


def patch(row, column, image_size, patch_size, by=None, ceiling=False):
    per_row = by if by is not None else image_size // patch_size
    if ceiling:
        row, column = row + patch_size - 1, column + patch_size - 1
    return row // patch_size * per_row + column // patch_size


def pairs(scores, bias, signs=None, divide=len, with_bias=True):
    z = np.asarray(scores, float) + (bias if with_bias else 0.0)
    signs = 2 * np.eye(len(z)) - 1 if signs is None else signs
    return np.logaddexp(0, -signs * z).sum() / divide(z)


def diagonal_bias(scores, bias):
    z = np.asarray(scores, float)
    return pairs(z + bias * (1 - np.eye(len(z))), 0.0)


def tried(score, picture, names=("left", "right", "place", "side"), falls=None):
    left, right, place = picture
    changed = {
        "left": ("nothing", right, place),
        "right": (left, "nothing", place),
        "place": (left, right, "nothing"),
        "side": (right, left, place),
    }
    whole = score(picture, picture)
    falls = falls or (lambda new, old: new < old)
    return [name for name in names if not falls(score(picture, changed[name]), whole)]


WRONG = {
    "check_patch_of": {
        "nothing": lambda *_: 0,
        "columns first": lambda row, column, image_size, patch_size: patch(
            column, row, image_size, patch_size
        ),
        "the row alone": lambda row, column, image_size, patch_size: row // patch_size,
        "the pixel's number": lambda row, column, image_size, patch_size: row * image_size + column,
        "rounded up": lambda *given: patch(*given, ceiling=True),
        "counted from 1": lambda *given: patch(*given) + 1,
        "always four in a row": lambda *given: patch(*given, by=4),
        "patch size for their number": lambda row, column, image_size, patch_size: patch(
            row, column, image_size, patch_size, by=patch_size
        ),
    },
    "check_pair_loss": {
        "nothing": lambda *_: 0.0,
        "all belong together": lambda scores, bias: pairs(scores, bias, np.ones_like(scores)),
        "the diagonal alone": lambda scores, bias: (
            pairs(np.diag(np.diag(scores)), bias) - (len(scores) - 1) * math.log(1 + math.exp(bias))
        ),
        "signs turned": lambda scores, bias: pairs(scores, bias, 1 - 2 * np.eye(len(scores))),
        "without the bias": lambda *given: pairs(*given, with_bias=False),
        "no bias on the diagonal": diagonal_bias,
        "a mean over all": lambda *given: pairs(*given, divide=np.size),
        "a sum": lambda *given: pairs(*given, divide=lambda _: 1),
        "in bits": lambda *given: pairs(*given) / math.log(2),
        "as the contrastive loss": lambda scores, bias: float(
            np.mean(np.logaddexp.reduce(scores, axis=1) - np.diag(scores))
        ),
    },
    "check_least_loss": {
        "nothing": lambda *_: 0.0,
        "chance": lambda n, tau: math.log(n),
        "zero elsewhere": lambda n, tau: math.log1p((n - 1) * math.exp(-tau)),
        "all opposite": lambda n, tau: math.log1p((n - 1) * math.exp(-2 * tau)),
        "one other": lambda n, tau: math.log1p(math.exp(-tau / (n - 1) - tau)),
        "n others": lambda n, tau: math.log1p(n * math.exp(-tau / (n - 1) - tau)),
        "divided by n": lambda n, tau: math.log1p((n - 1) * math.exp(-tau / n - tau)),
        "rows and columns added": lambda n, tau: 2 * check_least_loss.solution(n, tau),
        "in bits": lambda n, tau: check_least_loss.solution(n, tau) / math.log(2),
    },
    "check_blind_to": {
        "blind to nothing": lambda *_: [],
        "blind to all": lambda *_: ["left", "right", "place", "side"],
        "always the side": lambda *_: ["side"],
        "what it sees": lambda score, picture: [
            name
            for name in ("left", "right", "place", "side")
            if name not in check_blind_to.solution(score, picture)
        ],
        "without the side": lambda score, picture: tried(
            score, picture, ("left", "right", "place")
        ),
        "below zero": lambda score, picture: tried(score, picture, falls=lambda new, old: new < 0),
        "down to zero": lambda score, picture: tried(
            score, picture, falls=lambda new, old: new <= 0
        ),
        "another order": lambda score, picture: tried(
            score, picture, ("side", "place", "right", "left")
        ),
        "never the side": lambda score, picture: [
            name for name in check_blind_to.solution(score, picture) if name != "side"
        ],
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_patch_of", "columns first"): "rows of patches first",
    ("check_patch_of", "always four in a row"): "here 14",
    ("check_pair_loss", "all belong together"): "off the diagonal",
    ("check_pair_loss", "without the bias"): "added to every score",
    ("check_pair_loss", "no bias on the diagonal"): "on the diagonal too",
    ("check_pair_loss", "a sum"): "off the diagonal",
    ("check_least_loss", "zero elsewhere"): "point away",
    ("check_least_loss", "one other"): "63 others",
    ("check_blind_to", "blind to all"): "all three parts",
    ("check_blind_to", "blind to nothing"): "exchange them",
    ("check_blind_to", "never the side"): "exchange them",
}
