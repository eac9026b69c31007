"""The mean surprise of what a model gave these probabilities."""

import math

CHAPTER = "intro"


def mean_surprise(probs):
    return sum(-math.log2(p) for p in probs) / len(probs)


CASES = [
    (([0.5, 0.25],), "add up the surprises, then divide by how many there are."),
    (([1.0],), "what is certain brings no surprise: 0 bits."),
]
WRONG = {
    "the sum": lambda probs: sum(-math.log2(p) for p in probs),
    "natural logarithm": lambda probs: sum(-math.log(p) for p in probs) / len(probs),
}
