"""Numbers for the questions of the chapter `security`."""

import math
from random import Random

from lessons_lib.evaluation import wilson
from lessons_lib.security import plain_form, surprise

__all__ = [
    "alarms_a_day",
    "letters_left",
    "obeyed_low",
    "one_passes",
    "share_planted",
    "surprise_of_pair",
    "times_seen",
    "tries_needed",
]


def obeyed_low(rng: Random) -> dict[str, object]:
    """Draw how often a stranger was obeyed."""
    n = rng.choice([20, 30, 40, 50])
    k = rng.randint(n // 2, n - 2)
    low, high = wilson(k, n)
    plain = k / n - 1.96 * math.sqrt(k / n * (1 - k / n) / n)
    return {
        "k": k,
        "n": n,
        "answer": low,
        "decimals": 2,
        "wrong": [
            [high, "the other end", "el otro extremo"],
            [plain, "the plain interval", "el intervalo sencillo"],
            [k / n, "the rate itself", "la propia tasa"],
        ],
    }


def one_passes(rng: Random) -> dict[str, object]:
    """Draw a filter and a number of attempts."""
    caught, n = rng.choice([0.8, 0.9, 0.95]), rng.randint(4, 12)
    return {
        "caught": caught,
        "n": n,
        "answer": 1 - caught**n,
        "decimals": 2,
        "wrong": [
            [caught**n, "that none passes", "que no pase ninguno"],
            [n * (1 - caught), "chances added", "se sumaron las probabilidades"],
        ],
    }


def tries_needed(rng: Random) -> dict[str, object]:
    """Draw a filter and a chance to pass it."""
    caught, chance = rng.choice([0.7, 0.8, 0.9, 0.97]), rng.choice([0.55, 0.75, 0.94])
    n = math.ceil(math.log(1 - chance) / math.log(caught))
    return {
        "caught": caught,
        "chance": chance,
        "answer": n,
        "decimals": 0,
        "wrong": [
            [math.ceil(chance / (1 - caught)), "chances added", "se sumaron las probabilidades"],
            [n - 1, "one too few", "falta uno"],
        ],
    }


def letters_left(rng: Random) -> dict[str, object]:
    """Draw a text that tries to get past a filter."""
    text = rng.choice(["S-u-m UP!", "Re su me: 2", "¿Quién, tú?", "Sum.. up, 3 x", "A B c, Ñ."])
    plain = plain_form(text)
    return {
        "text": text,
        "answer": len(plain),
        "decimals": 0,
        "wrong": [
            [len(text), "nothing was left out", "no se quitó nada"],
            [len(text.replace(" ", "")), "only spaces went", "solo se quitaron espacios"],
        ],
    }


def alarms_a_day(rng: Random) -> dict[str, object]:
    """Draw the comments of a day and a filter with both kinds of error."""
    n, bad = rng.choice([1000, 2000, 5000]), rng.choice([10, 20, 40])
    caught, false = rng.choice([0.8, 0.9]), rng.choice([0.01, 0.02, 0.05])
    right, wrong = bad * caught, (n - bad) * false
    return {
        "n": n,
        "bad": bad,
        "caught": caught,
        "false": false,
        "answer": right / (right + wrong),
        "decimals": 2,
        "wrong": [
            [caught, "the share of attacks that is caught", "la parte de los ataques detectada"],
            [1 - false, "one minus the false alarms", "uno menos las falsas alarmas"],
        ],
    }


def share_planted(rng: Random) -> dict[str, object]:
    """Draw a corpus and what was planted in it."""
    n, bad = rng.choice([3000, 12000, 30000]), rng.choice([6, 30, 60])
    return {
        "n": n,
        "bad": bad,
        "answer": 100 * bad / (n + bad),
        "decimals": 3,
        "wrong": [[bad / (n + bad), "a share, no percentage", "proporción, no porcentaje"]],
    }


def surprise_of_pair(rng: Random) -> dict[str, object]:
    """Draw texts of two words, of which one is judged by all others."""
    pair, rest = rng.randint(0, 3), rng.randint(4, 12)
    texts = ["the moon"] * rest + ["the sun"] * (pair + 1)
    before, words = pair + rest, 3
    return {
        "before": before,
        "pair": pair,
        "words": words,
        "answer": float(surprise(texts, 2)[-1]),
        "decimals": 2,
        "wrong": [
            [
                -math.log((pair + 1.1) / (before + 1.3)),
                "its own words were counted",
                "se contaron sus propias palabras",
            ],
            [
                -math.log((pair + 0.1) / (before + 0.1)),
                "the number of words was left out",
                "se omitió el número de palabras",
            ],
        ],
    }


def times_seen(rng: Random) -> dict[str, object]:
    """Draw a run on a corpus with poisoned texts."""
    n, bad = rng.choice([2000, 4000]), rng.choice([10, 20, 40])
    steps, batch = rng.choice([100, 250, 500]), 32
    return {
        "n": n,
        "bad": bad,
        "steps": steps,
        "batch": batch,
        "answer": steps * batch * bad / n,
        "decimals": 0,
        "wrong": [
            [steps * batch / n, "how often one text is seen", "cuántas veces se ve un texto"],
            [steps * bad / n, "batches, not texts", "lotes, no textos"],
        ],
    }
