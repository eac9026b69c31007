"""Numbers of the questions on the chapter `gradients`, drawn from a seed."""

import math
from random import Random

import numpy as np

from lessons_lib.gradients import Tensor, cross_entropy, fit, linear


def slope_of_w(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `slope-of-w`."""
    w, x, b = rng.randint(2, 5), rng.randint(3, 6), rng.randint(1, 4)
    d = rng.randint(2, 5)
    y = w * x + b - d
    weight = Tensor(w)
    difference = weight * x + b - y
    (difference * difference).backward()
    return {
        "w": w,
        "x": x,
        "b": b,
        "y": y,
        "answer": int(weight.gradient),
        "wrong": [
            [
                d * x,
                "Only one of the two paths is counted.",
                "Solo se cuenta uno de los dos caminos.",
            ],
            [2 * d, "The factor x of the product is missing.", "Falta el factor x del producto."],
            [-2 * d * x, "The sign is the wrong way round.", "El signo está al revés."],
        ],
    }


def one_step(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `one-step`."""
    w, x, d = rng.randint(2, 6), rng.randint(3, 5), rng.randint(2, 6)
    y = w * x - d
    weight = Tensor(w)
    difference = weight * x - y
    (difference * difference).backward()
    change = 0.01 * weight.gradient.item()
    return {
        "w": w,
        "x": x,
        "y": y,
        "answer": w - change,
        "decimals": 2,
        "wrong": [
            [w + change, "The step goes uphill.", "El paso va cuesta arriba."],
            [
                w - change / 2,
                "The factor 2 of the square is missing.",
                "Falta el factor 2 del cuadrado.",
            ],
            [w - change / x, "The factor x is missing.", "Falta el factor x."],
        ],
    }


def two_paths(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `two-paths`."""
    a, b = rng.sample(range(2, 10), 2)
    value = Tensor(a)
    (value * b + value * value).backward()
    return {
        "a": a,
        "b": b,
        "answer": int(value.gradient),
        "wrong": [
            [b + a, "a · a is two paths, not one.", "a · a son dos caminos, no uno."],
            [2 * a, "The path through a · b is missing.", "Falta el camino por a · b."],
            [a * b + a * a, "This is the value of c.", "Este es el valor de c."],
        ],
    }


def logit_slope(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `logit-slope`."""
    logits, target = rng.sample([0, 1, 2, 3], 3), rng.randint(0, 2)
    z = Tensor([logits])
    cross_entropy(z, [target]).backward()
    answer = z.gradient[0, target].item()
    return {
        "logits": logits,
        "target": target,
        "answer": answer,
        "decimals": 2,
        "wrong": [
            [
                answer + 1,
                "The 1 at the token that came is missing.",
                "Falta restar 1 al token que vino.",
            ],
            [-answer, "The sign is the wrong way round.", "El signo está al revés."],
            [math.log(answer + 1), "This is minus the loss.", "Esto es menos la pérdida."],
        ],
    }


def bias_slope(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `bias-slope`."""
    arrived = [[rng.randint(5, 9), rng.randint(1, 4)] for _ in range(3)]
    total = int(fit(np.array(arrived, dtype=float), (2,))[1])
    first = sum(row[0] for row in arrived)
    return {
        "arrived": arrived,
        "answer": total,
        "wrong": [
            [total / 3, "The slopes are added, not averaged.", "Se suman; no se promedian."],
            [first, "This is the first number of the bias.", "Este es el primer número."],
            [
                first + total,
                "Each column is added by itself.",
                "Cada columna se suma por separado.",
            ],
        ],
    }


def weight_slope(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `weight-slope`."""
    a, b, c, d = rng.sample(range(1, 6), 4)
    x, arrived = [[a, b], [c, d]], [[rng.randint(6, 7)], [rng.randint(8, 9)]]
    weight = Tensor(np.ones((1, 2)))
    (linear(Tensor(x), weight) * np.array(arrived)).sum().backward()
    s, t = arrived[0][0], arrived[1][0]
    return {
        "x": x,
        "arrived": arrived,
        "answer": int(weight.gradient[0, 0]),
        "wrong": [
            [s * b + t * d, "This is the second number of W.", "Este es el segundo número de W."],
            [a + c, "The arriving slopes are left out.", "Faltan las pendientes que llegan."],
        ],
    }


def shape_of_dw(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `shape-of-dw`."""
    n, d, e = rng.sample(range(2, 12), 3)
    weight = Tensor(np.ones((e, d)))
    linear(Tensor(np.ones((n, d))), weight).sum().backward()
    return {
        "n": n,
        "d": d,
        "e": e,
        "answer": weight.gradient.shape,
        "wrong": [
            [(n, e), "This is the shape of Y.", "Esta es la forma de Y."],
            [(d, e), "W is kept as (out, in).", "W se guarda como (salida, entrada)."],
        ],
    }


def shape_of_fit(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `shape-of-fit`."""
    a, b, c = rng.sample(range(2, 10), 3)
    return {
        "a": a,
        "b": b,
        "c": c,
        "answer": fit(np.ones((b, a, c)), (a, 1)).shape,
        "wrong": [
            [(a,), "An axis of size 1 is kept.", "Un eje de tamaño 1 se conserva."],
            [(b, a, c), "This is the slope that arrives.", "Esta es la pendiente que llega."],
        ],
    }


def shape_of_table_slope(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `shape-of-table-slope`."""
    v, d, n = rng.sample(range(3, 20), 3)
    table = Tensor(np.ones((v, d)))
    table[np.zeros(n, dtype=int)].sum().backward()
    return {
        "vocab_size": v,
        "d_model": d,
        "n_ids": n,
        "answer": table.gradient.shape,
        "wrong": [
            [
                (n, d),
                "This is the shape of the rows read.",
                "Esta es la forma de las filas leídas.",
            ],
            [(v,), "Each row has D slopes.", "Cada fila tiene D pendientes."],
        ],
    }
