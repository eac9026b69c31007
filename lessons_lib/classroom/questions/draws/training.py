"""Numbers of the questions on the chapter `training`, drawn from a seed."""

import math
from random import Random

import torch

from lessons_lib.training import (
    SGD,
    AdamW,
    Windows,
    clip_gradients,
    cross_entropy_gradient,
    learning_rate,
    orthogonalise,
)


def gradient_of_target(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `gradient-of-target`."""
    n, logits, target = rng.randint(2, 5), rng.sample([0, 1, 2, 3], 3), rng.randint(0, 2)
    rows = torch.tensor([logits] * n, dtype=torch.float64)
    answer = cross_entropy_gradient(rows, torch.tensor([target] * n))[0, target].item()
    return {
        "n": n,
        "logits": logits,
        "target": target,
        "answer": answer,
        "decimals": 3,
        "wrong": [
            [
                answer * n,
                "The loss is a mean: divide by n.",
                "La pérdida es una media: divide entre n.",
            ],
            [answer + 1 / n, "The 1 at the target is missing.", "Falta restar 1 en el objetivo."],
            [-answer, "The sign is the wrong way round.", "El signo está al revés."],
        ],
    }


def two_sgd_steps(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `two-sgd-steps`."""
    start, a = rng.randint(1, 9), rng.choice([1, 2, 3, 4])
    x = torch.tensor([float(start)], dtype=torch.float64, requires_grad=True)
    optimizer = SGD([x], lr=0.1, momentum=0.5)
    for _ in range(2):
        x.grad = a * x.detach()
        optimizer.step()
    return {
        "x": start,
        "a": a,
        "answer": x.item(),
        "decimals": 3,
        "wrong": [
            [start * (1 - 0.1 * a) ** 2, "Momentum is left out.", "Falta el momento."],
            [start * (1 - 0.1 * a), "This is only one step.", "Esto es solo un paso."],
            [
                start * (1 - 0.25 * a),
                "The second step needs the slope at the new place.",
                "El segundo paso necesita la pendiente en el lugar nuevo.",
            ],
        ],
    }


def first_adamw_step(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `first-adamw-step`."""
    start, g, decay = rng.randint(2, 9), rng.choice([-50, -4, 5, 30]), rng.choice([0.1, 0.2, 0.5])
    x = torch.tensor([float(start)], dtype=torch.float64, requires_grad=True)
    x.grad = torch.tensor([float(g)], dtype=torch.float64)
    AdamW([x], lr=0.1, weight_decay=decay).step()
    step = math.copysign(0.1, g)
    return {
        "x": start,
        "g": g,
        "decay": decay,
        "answer": x.item(),
        "decimals": 3,
        "tolerance": 0.001,
        "wrong": [
            [start - step, "The weight decay is left out.", "Falta el decaimiento de pesos."],
            [
                start * (1 - decay) - step,
                "The decay is multiplied by the learning rate.",
                "El decaimiento se multiplica por la tasa de aprendizaje.",
            ],
            [start * (1 - 0.1 * decay) - 0.1 * g, "This step is SGD's.", "Este paso es de SGD."],
        ],
    }


def rate_at_step(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `rate-at-step`."""
    percent = rng.choice([30, 40, 50, 60, 70, 80, 90])
    left = 1 - percent / 100
    return {
        "percent": percent,
        "answer": learning_rate(percent / 100, warm_up=0.2),
        "decimals": 3,
        "wrong": [
            [left / 0.8, "It falls to 0.02, not to 0.", "Baja hasta 0,02, no hasta 0."],
            [
                0.02 + 0.98 * left,
                "The fall begins after the warm-up, not at the start.",
                "La bajada empieza tras el calentamiento, no al comienzo.",
            ],
            [1.0, "After the warm-up the rate falls.", "Tras el calentamiento, la tasa baja."],
        ],
    }


def clipped_number(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `clipped-number`."""
    a, b = rng.choice([(3, 4), (4, -3), (6, 8), (8, -6), (5, 12), (12, 5), (-8, 15)])
    longest = rng.choice([1, 2])
    x = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    x.grad = torch.tensor([a, b], dtype=torch.float64)
    clip_gradients(x, longest)
    return {
        "a": a,
        "b": b,
        "longest": longest,
        "answer": x.grad[0].item(),
        "decimals": 2,
        "wrong": [
            [
                math.copysign(longest, a),
                "The limit is for the common length, not for each number.",
                "El límite es para la longitud común, no para cada número.",
            ],
            [
                longest * a / (abs(a) + abs(b)),
                "The length is the root of the sum of squares.",
                "La longitud es la raíz de la suma de los cuadrados.",
            ],
        ],
    }


def muon_overhead(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `muon-overhead`."""
    width, rows, length = rng.choice([64, 128, 256]), rng.choice([16, 32]), rng.choice([64, 128])
    windows = Windows(range(rows * length + 1), length)
    read = windows.batch(0, rows)[:, :-1].numel()
    answer = 500 * width / read
    return {
        "width": width,
        "rows": rows,
        "length": length,
        "answer": answer,
        "decimals": 1,
        "wrong": [
            [answer / 5, "Five rounds, not one.", "Son cinco rondas, no una."],
            [
                answer * rows,
                "All windows of the batch count.",
                "Cuentan todas las ventanas del lote.",
            ],
        ],
    }


def shape_of_batch(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `shape-of-batch`."""
    length, size = rng.randint(5, 20), rng.randint(2, 4)
    n_tokens = length * rng.randint(5, 9) + 1
    return {
        "n_tokens": n_tokens,
        "length": length,
        "size": size,
        "answer": tuple(Windows(range(n_tokens), length).batch(0, size).shape),
        "wrong": [
            [(size, length), "The last target is missing.", "Falta el último objetivo."],
            [(length + 1, size), "Each window is a row.", "Cada ventana es una fila."],
        ],
    }


def shape_of_gradient(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `shape-of-gradient`."""
    n, v = rng.randint(2, 9), rng.randint(10, 30)
    gradient = cross_entropy_gradient(torch.zeros(n, v), torch.zeros(n, dtype=torch.long))
    return {
        "n": n,
        "vocab_size": v,
        "answer": tuple(gradient.shape),
        "wrong": [
            [(n,), "Not only the target has a slope.", "No solo el objetivo tiene pendiente."],
            [(v,), "Each position has its own row.", "Cada posición tiene su fila."],
        ],
    }


def shape_of_step(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `shape-of-step`."""
    rows, columns = rng.sample(range(4, 16), 2)
    return {
        "rows": rows,
        "columns": columns,
        "answer": tuple(orthogonalise(torch.ones(rows, columns)).shape),
        "wrong": [
            [(columns, rows), "It is turned back at the end.", "Al final se vuelve a trasponer."],
            [
                (min(rows, columns),) * 2,
                "This is x times its transpose.",
                "Esto es x por su traspuesta.",
            ],
        ],
    }
