"""Numbers for the questions of the chapter `alignment`."""

import math
from random import Random

import torch
from torch import Tensor

from lessons_lib.alignment import (
    answer_log_probs,
    dpo_loss,
    fit_scores,
    group_advantages,
    kl_estimate,
    optimum,
    preference,
)


def _uniform(token_ids: Tensor) -> Tensor:
    """Stand in for a model: all of ten tokens equally probable everywhere."""
    return torch.zeros(*token_ids.shape, 10)


def scores_apart(rng: Random) -> dict[str, object]:
    """Return wins and comparisons, and the gap of the two scores."""
    losses = rng.randint(2, 6)
    wins = losses + rng.randint(3, 9)
    scores = fit_scores([[0, wins], [losses, 0]]).scores
    total = wins + losses
    return {
        "wins": wins,
        "total": total,
        "answer": float(scores[0] - scores[1]),
        "decimals": 2,
        "wrong": [
            [wins / total, "This is the share that A won.", "Esta es la parte que ganó A."],
            [
                math.log(wins / total),
                "The odds are wins to losses, not wins to all.",
                "La razón es de victorias a derrotas, no al total.",
            ],
            [wins / losses, "The logarithm is missing.", "Falta el logaritmo."],
        ],
    }


def chance_of_a(rng: Random) -> dict[str, object]:
    """Return two scores, and the chance that the first is preferred."""
    b = rng.randint(-10, 10) / 10
    a = round(b + rng.choice([-1, 1]) * rng.randint(4, 20) / 10, 1)
    chance = preference(a, b)
    return {
        "a": a,
        "b": b,
        "answer": chance,
        "decimals": 2,
        "wrong": [
            [1 - chance, "This is the chance of B.", "Esta es la probabilidad de B."],
            [
                math.exp(a - b),
                "These are the odds; the chance is odds / (1 + odds).",
                "Esta es la razón; la probabilidad es razón / (1 + razón).",
            ],
        ],
    }


def best_policy(rng: Random) -> dict[str, object]:
    """Return two answers with rewards, and the first one's probability in the optimum."""
    p, r, beta = rng.choice([0.1, 0.2, 0.3]), rng.choice([1.0, 1.5, 2.0]), rng.choice([0.5, 2.0])
    q = round(1 - p, 1)

    def share(factor: float) -> float:
        return p * factor / (p * factor + q)

    return {
        "p": p,
        "q": q,
        "r": r,
        "beta": beta,
        "answer": float(optimum([p, q], [r, 0.0], beta)[0]),
        "decimals": 2,
        "wrong": [
            [share(math.exp(r * beta)), "Divide by beta.", "Hay que dividir entre beta."],
            [
                math.exp(r / beta) / (math.exp(r / beta) + 1),
                "The reference is missing.",
                "Falta la referencia.",
            ],
        ],
    }


def dpo_by_hand(rng: Random) -> dict[str, object]:
    """Return log-probabilities of a pair, and the loss."""
    good_before, bad_before = -rng.randint(3, 8) / 2, -rng.randint(3, 8) / 2
    rise, fall = rng.choice([0.5, 1.0]), rng.choice([1.5, 2.0, 2.5])
    good, bad, beta = good_before + rise, bad_before - fall, rng.choice([0.1, 0.5, 1.0])
    log_probs = torch.tensor([[good], [bad], [good_before], [bad_before]], dtype=torch.double)

    def loss(margin: float) -> float:
        return math.log1p(math.exp(-margin))

    wrong = [
        [
            loss(-beta * (rise + fall)),
            "The two answers are the wrong way round.",
            "Las dos respuestas están al revés.",
        ],
        [
            loss(beta * (rise - fall)),
            "The changes must be subtracted, not added.",
            "Los cambios se restan, no se suman.",
        ],
    ]
    return {
        "good": good,
        "bad": bad,
        "good_before": good_before,
        "bad_before": bad_before,
        "beta": beta,
        "answer": dpo_loss(*log_probs, beta).item(),
        "decimals": 3,
        "wrong": wrong,
    }


def advantage_of_right(rng: Random) -> dict[str, object]:
    """Return how many of a group are right, and the advantage of one of them."""
    n = rng.choice([4, 5, 6, 8])
    k = rng.randint(1, n - 1)
    rewards = torch.tensor([[1.0] * k + [0.0] * (n - k)], dtype=torch.double)
    above = 1 - k / n
    return {
        "n": n,
        "k": k,
        "answer": group_advantages(rewards)[0, 0].item(),
        "decimals": 2,
        "tolerance": 0.01,
        "wrong": [
            [above, "The spread is missing.", "Falta dividir entre la desviación."],
            [
                -(k / n) / rewards.std().item(),
                "This is the advantage of one that earned 0.",
                "Esta es la ventaja de una que ganó 0.",
            ],
        ],
    }


def k3_by_hand(rng: Random) -> dict[str, object]:
    """Return a token's log-probabilities, and the estimate of the divergence."""
    own = -rng.randint(10, 20) / 10
    d = rng.choice([-0.8, -0.6, -0.5, 0.4, 0.5, 0.6, 0.8])
    ref = round(own + d, 1)
    pair = torch.tensor([[own], [ref]], dtype=torch.double)
    return {
        "own": own,
        "ref": ref,
        "answer": kl_estimate(*pair).item(),
        "decimals": 3,
        "wrong": [
            [
                math.exp(-d) + d - 1,
                "The difference is the wrong way round.",
                "La diferencia está al revés.",
            ],
            [math.exp(d) - d, "The 1 is not subtracted.", "Falta restar 1."],
        ],
    }


def log_probs_shape(rng: Random) -> dict[str, object]:
    """Return the sizes of a batch, and the shape of its log-probabilities."""
    b, n_prompt, n_long = rng.randint(3, 8), rng.randint(6, 20), rng.randint(8, 15)
    n_short = n_long - rng.randint(1, 4)
    answers = [[1] * n_long] + [[1] * n_short] * (b - 1)
    found = answer_log_probs(_uniform, [[1] * n_prompt] * b, answers)[0]
    return {
        "b": b,
        "n_prompt": n_prompt,
        "n_long": n_long,
        "n_short": n_short,
        "answer": tuple(found.shape),
        "wrong": [
            [
                (b, n_prompt + n_long),
                "The first token of a row is not predicted.",
                "El primer token de una fila no se predice.",
            ],
            [
                (b, n_long),
                "The places of the prompt stay in the row; the mask marks them.",
                "Los lugares del prompt siguen en la fila; la máscara los señala.",
            ],
        ],
    }


def prefer_batch_shape(rng: Random) -> dict[str, object]:
    """Return the sizes of a batch of pairs, and the shape of its log-probabilities."""
    size, n_prompt, n_answer = rng.choice([4, 6, 8]), rng.randint(6, 20), rng.randint(5, 12)
    found = answer_log_probs(_uniform, [[1] * n_prompt] * 2 * size, [[1] * n_answer] * 2 * size)[0]
    rows, width = tuple(found.shape)
    return {
        "size": size,
        "n_prompt": n_prompt,
        "n_answer": n_answer,
        "answer": (rows, width),
        "wrong": [
            [
                (size, width),
                "A pair has two answers, and each is a row.",
                "Un par tiene dos respuestas, y cada una es una fila.",
            ],
            [
                (rows, width + 1),
                "The first token is not predicted.",
                "El primer token no se predice.",
            ],
        ],
    }


def advantages_shape(rng: Random) -> dict[str, object]:
    """Return tasks and answers of a step, and the shape of the advantages."""
    n_tasks, size = rng.randint(2, 6), rng.choice([7, 8, 12])
    rewards = torch.arange(n_tasks * size) % 2
    return {
        "n_tasks": n_tasks,
        "size": size,
        "answer": tuple(group_advantages(rewards.view(n_tasks, size)).shape),
        "wrong": [
            [
                (n_tasks * size, 1),
                "This is the shape after it was turned into a column.",
                "Esta es la forma después de convertirlo en columna.",
            ],
            [(size, n_tasks), "A row is a question.", "Una fila es una pregunta."],
        ],
    }
