"""Numbers of the questions on the chapter `gpt`, drawn from a seed."""

from random import Random

import torch
from torch import nn

from lessons_lib.gpt import (
    GPT,
    GPTConfig,
    gpt_parameters,
    initialise,
    loss,
    padding_mask,
    to_hub_gpt2,
)


def _config(values: dict[str, int]) -> GPTConfig:
    return GPTConfig(n_heads=1, **values)


def count_gpt(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `count-gpt`."""
    values = {
        "vocab_size": 100 * rng.randint(2, 9),
        "context_length": rng.choice([32, 64, 128]),
        "d_model": rng.choice([10, 20, 40]),
        "n_layers": rng.randint(2, 6),
    }
    answer, d, n = gpt_parameters(_config(values)), values["d_model"], values["n_layers"]
    untied = answer + values["vocab_size"] * d
    return values | {
        "answer": answer,
        "wrong": [
            [
                untied,
                "The token table is counted twice.",
                "La tabla de tokens se cuenta dos veces.",
            ],
            [
                answer - 9 * n * d,
                "The biases of the linear maps are forgotten.",
                "Se olvidan los sesgos aditivos de las capas lineales.",
            ],
            [
                answer - 2 * d,
                "The last normalisation is forgotten.",
                "Se olvida la última normalización.",
            ],
        ],
    }


def count_outside(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `count-outside`."""
    v, t, d = 100 * rng.randint(2, 9), rng.choice([32, 64, 128]), rng.choice([10, 20, 40])
    values = {"vocab_size": v, "context_length": t, "d_model": d}
    inside = gpt_parameters(_config(values | {"n_layers": 2})) - gpt_parameters(
        _config(values | {"n_layers": 1})
    )
    return values | {
        "answer": gpt_parameters(_config(values | {"n_layers": 1})) - inside,
        "wrong": [
            [(v + t) * d, "Without the last normalisation.", "Falta la última normalización."],
            [v * d + 2 * d, "Without the position table.", "Falta la tabla de posiciones."],
            [
                (2 * v + t) * d + 2 * d,
                "The token table is counted twice.",
                "La tabla de tokens se cuenta dos veces.",
            ],
        ],
    }


def loss_from_probabilities(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `loss-from-probabilities`."""
    a, b, c = rng.sample([1, 2, 3, 4], 3)
    rows = [[0, a], [b, 0], [0, c]]
    ids = [rng.randint(0, 1), 0, 0]

    def nats(table: list[list[int]], text: list[int]) -> float:
        return loss(
            lambda _: torch.tensor([table], dtype=torch.float64), torch.tensor([text])
        ).item()

    answer = nats(rows[:2], ids)
    return {
        "rows": rows,
        "ids": ids,
        "answer": answer,
        "decimals": 2,
        "wrong": [
            [
                2 * answer,
                "The surprises are added, not averaged.",
                "Se suman las sorpresas sin promediar.",
            ],
            [
                nats(rows[1:], ids),
                "Each row is compared with its own token, not with the next.",
                "Cada fila se compara con su propio token y no con el siguiente.",
            ],
            [
                answer / 0.6931471805599453,
                "The logarithm to base 2 gives bits.",
                "El logaritmo en base 2 da bits.",
            ],
        ],
    }


def first_loss(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `first-loss`."""
    v, d = 1000 * rng.randint(2, 60), rng.choice([400, 900, 1200, 1600])
    even = loss(
        lambda ids: torch.zeros(1, 1, v, dtype=torch.float64), torch.tensor([[0, 1]])
    ).item()
    return {
        "vocab_size": v,
        "d_model": d,
        "answer": even + 0.0002 * d,
        "decimals": 2,
        "wrong": [
            [even, "The spread of the logits is left out.", "Falta la dispersión de los logits."],
            [even + 0.0004 * d, "σ² was not halved.", "σ² no se dividió entre dos."],
            [
                even + 0.01 * d**0.5,
                "σ was halved, not its square.",
                "Se dividió σ entre dos, y no su cuadrado.",
            ],
        ],
    }


def masked_pairs(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `masked-pairs`."""
    p, n = rng.randint(2, 5), rng.randint(3, 7)
    pairs = n * (n + 1) // 2
    return {
        "n_padding": p,
        "n_real": n,
        "answer": int(padding_mask(torch.tensor([[False] * p + [True] * n])).sum()),
        "wrong": [
            [pairs, "Padding positions attend to themselves.", "El relleno se atiende a sí mismo."],
            [
                (p + n) * (p + n + 1) // 2,
                "This is the plain causal mask: it lets real tokens read the padding.",
                "Esta es la máscara causal sola: deja que los tokens reales lean el relleno.",
            ],
            [
                p + n * n,
                "Real tokens do not see the real tokens after them.",
                "Los tokens reales no ven a los reales que van después.",
            ],
        ],
    }


def deviation_of_down(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `deviation-of-down`."""
    n_layers = rng.choice([3, 4, 6, 10, 12, 24, 48])
    part = nn.ModuleDict({"feed_forward": nn.ModuleDict({"down": nn.Linear(1, 1)})})
    ratio = []
    for n in (n_layers, 1):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            initialise(part, n)
        ratio.append(part["feed_forward"]["down"].weight.double().item())
    return {
        "n_layers": n_layers,
        "answer": ratio[0] / ratio[1] * 0.02 / 2**0.5,
        "decimals": 4,
        "wrong": [
            [0.02 / n_layers**0.5, "Each layer adds twice.", "Cada capa suma dos veces."],
            [0.02 / (2 * n_layers), "The root is missing.", "Falta la raíz."],
            [
                0.02,
                "This map adds to the stream, so it starts smaller.",
                "Esta capa suma al flujo, así que empieza con números menores.",
            ],
        ],
    }


def _small(v: int, t: int, d: int) -> GPT:
    return GPT(GPTConfig(v, t, d, n_heads=1, n_layers=1))


def shape_of_logits(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `shape-of-logits`."""
    b, t = rng.randint(2, 4), rng.randint(5, 9)
    v, d = rng.choice([20, 30, 40]), rng.choice([12, 16])
    with torch.random.fork_rng(devices=[]):
        shape = _small(v, t, d)(torch.zeros(b, t, dtype=torch.long)).shape
    return {
        "batch": b,
        "n_tokens": t,
        "vocab_size": v,
        "d_model": d,
        "answer": tuple(shape),
        "wrong": [
            [
                (b, v),
                "Every position has a row, not only the last.",
                "Cada posición tiene una fila.",
            ],
            [
                (b, t, d),
                "This is the stream, not the scores.",
                "Este es el flujo, no las puntuaciones.",
            ],
        ],
    }


def shape_of_targets(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `shape-of-targets`."""
    b, t, v = rng.randint(2, 6), rng.randint(9, 33), rng.choice([20, 50, 100])
    seen = []

    def model(ids: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(*ids.shape, v)
        seen.append(tuple(logits.flatten(0, 1).shape))
        return logits

    loss(model, torch.zeros(b, t, dtype=torch.long))
    return {
        "batch": b,
        "n_ids": t,
        "vocab_size": v,
        "answer": seen[0],
        "wrong": [
            [(b * t, v), "The last id is only a target.", "El último id es solo un objetivo."],
            [
                (b, t - 1, v),
                "`flatten(0, 1)` joins the first two.",
                "`flatten(0, 1)` junta las dos primeras.",
            ],
        ],
    }


def shape_of_c_attn(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `shape-of-c-attn`."""
    d = 4 * rng.randint(3, 12)
    with torch.random.fork_rng(devices=[]):
        tensors = to_hub_gpt2(_small(5, 2, d).state_dict())
    return {
        "d_model": d,
        "answer": tuple(tensors["transformer.h.0.attn.c_attn.weight"].shape),
        "wrong": [
            [
                (3 * d, d),
                "GPT-2's files keep it transposed.",
                "Los archivos de GPT-2 la guardan traspuesta.",
            ],
            [
                (d, d),
                "Queries, keys and values stand together.",
                "Consultas, claves y valores van juntas.",
            ],
        ],
    }
