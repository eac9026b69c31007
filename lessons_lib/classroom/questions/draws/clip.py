"""Numbers for the questions of the chapter `clip`."""

import math
from functools import cache
from random import Random

import torch

from lessons_lib.clip import CLIP, CLIPConfig, contrastive_loss, patches, recall
from lessons_lib.clip.sizes import TowerConfig


@cache
def _positions(image: int, size: int, d_model: int) -> tuple[int, ...]:
    """Build a CLIP of these sizes, and return the shape of its table of positions."""
    tower = TowerConfig(n_layers=1, d_model=d_model)
    config = CLIPConfig(9, text=tower, vision=tower, image_size=image, patch_size=size)
    return tuple(CLIP(config).vision.position_embedding.weight.shape)


@cache
def _small() -> CLIP:
    """Return a small CLIP."""
    tower = TowerConfig(n_layers=1, d_model=64)
    return CLIP(CLIPConfig(9, text=tower, vision=tower, image_size=8))


def which_patch(rng: Random) -> dict[str, object]:
    """Return a pixel's place, and the number of its patch."""
    image, size = rng.choice([(24, 8), (24, 4), (32, 4), (48, 8), (48, 16), (64, 16)])
    per_row = image // size
    down = rng.randint(1, per_row - 1)
    right = rng.choice([one for one in range(per_row) if one != down])
    row, column = down * size + rng.randrange(size), right * size + rng.randrange(size)
    pixels = torch.arange(image * image).view(1, image, image, 1)
    found = (patches(pixels, size)[0] == row * image + column).any(1).nonzero().item()
    wrong = [
        [
            right * per_row + down,
            "Rows and columns are exchanged.",
            "Las filas y las columnas están intercambiadas.",
        ],
        [found + 1, "The patches are counted from 0.", "Los parches se cuentan desde 0."],
    ]
    if len({found, *(one[0] for one in wrong)}) < 3:
        wrong[1][0] = row * image + column
        wrong[1][1:] = ["This is the number of the pixel.", "Este es el número del píxel."]
    return {
        "image": image,
        "size": size,
        "row": row,
        "column": column,
        "answer": found,
        "wrong": wrong,
    }


def chance_loss(rng: Random) -> dict[str, object]:
    """Return a batch size, and the loss of equal scores."""
    n = rng.choice([8, 10, 12, 16, 20, 32, 48, 64, 100, 128, 256])
    return {
        "n": n,
        "answer": contrastive_loss(torch.zeros(n, n, dtype=torch.double)).item(),
        "decimals": 2,
        "wrong": [
            [2 * math.log(n), "Take the mean of both directions.", "Se toma la media de las dos."],
            [math.log2(n), "This is in bits.", "Esto está en bits."],
            [1 / n, "This is the probability of a hit.", "Esta es la probabilidad de acertar."],
        ],
    }


def two_pairs(rng: Random) -> dict[str, object]:
    """Return the scores of two captions and two pictures, and their loss."""
    first, second, low, lower = (
        rng.choice([2.0, 2.5, 3.0]),
        rng.choice([1.0, 1.5]),
        rng.choice([0.0, 0.5]),
        rng.choice([-1.0, -0.5]),
    )
    table = [[first, low], [lower, second]]
    rows = (math.log1p(math.exp(low - first)) + math.log1p(math.exp(lower - second))) / 2
    loss = contrastive_loss(torch.tensor(table, dtype=torch.double)).item()
    return {
        "table": table,
        "answer": loss,
        "decimals": 3,
        "wrong": [
            [rows, "Only the captions chose.", "Solo eligieron las descripciones."],
            [2 * loss, "Rows and columns: take their mean.", "Filas y columnas: toma la media."],
        ],
    }


def least_loss(rng: Random) -> dict[str, object]:
    """Return a batch size and a factor, and the loss of the perfect table."""
    n, tau = rng.randint(3, 9), rng.choice([0.5, 1.0, 1.5, 2.0])
    table = torch.full((n, n), -tau / (n - 1), dtype=torch.double).fill_diagonal_(tau)
    return {
        "n": n,
        "tau": tau,
        "answer": contrastive_loss(table).item(),
        "decimals": 2,
        "wrong": [
            [math.log(n), "This is chance.", "Esto es el azar."],
            [
                math.log1p((n - 1) * math.exp(-2 * tau)),
                "Not all can point away from each other by -τ.",
                "No todos pueden oponerse entre sí con -τ.",
            ],
        ],
    }


def recall_by_hand(rng: Random) -> dict[str, object]:
    """Return a table of scores, and the recall at 1 or 2."""
    k = rng.choice([1, 2])
    ranks = rng.choice([[1, 1, 2, 3], [1, 2, 2, 4], [1, 2, 3, 3], [1, 1, 2, 4], [1, 2, 3, 4]])
    rng.shuffle(ranks)
    table = []
    for i, rank in enumerate(ranks):
        ordered = sorted(rng.sample(range(1, 10), 4), reverse=True)
        own = ordered.pop(rank - 1)
        rng.shuffle(ordered)
        table.append([*ordered[:i], own, *ordered[i:]])
    found = recall(torch.tensor(table), k)
    other = recall(torch.tensor(table), 3 - k)
    return {
        "table": table,
        "k": k,
        "answer": found,
        "decimals": 2,
        "wrong": [
            [other, f"This is the recall at {3 - k}.", f"Esta es la exhaustividad en {3 - k}."],
            [4 * found, "Divide by the number of captions.", "Divide entre las descripciones."],
        ],
    }


def one_left_out(rng: Random) -> dict[str, object]:
    """Return a batch size, and the loss of equal scores with one place left out."""
    n = rng.randint(3, 9)
    also = torch.eye(n, dtype=torch.bool)
    also[0, n - 1] = True
    return {
        "n": n,
        "answer": contrastive_loss(torch.zeros(n, n, dtype=torch.double), also).item(),
        "decimals": 3,
        "wrong": [
            [math.log(n), "Nothing was left out.", "No se ha dejado nada fuera."],
            [
                math.log(n - 1),
                "Only one row and one column have a choice less.",
                "Solo una fila y una columna tienen una opción menos.",
            ],
        ],
    }


def patches_shape(rng: Random) -> dict[str, object]:
    """Return pictures and a patch size, and the shape of the patches."""
    image, size = rng.choice([(24, 8), (32, 4), (32, 8), (48, 8), (48, 16), (64, 16)])
    m, side = rng.randint(2, 9), image // size
    return {
        "m": m,
        "image": image,
        "size": size,
        "answer": tuple(patches(torch.zeros(m, image, image, 3), size).shape),
        "wrong": [
            [
                (m, side * side, size * size),
                "Each pixel has three numbers.",
                "Cada píxel tiene tres números.",
            ],
            [
                (m, side, size * size * 3),
                "These are the patches of one row only.",
                "Estos son los parches de una sola fila.",
            ],
        ],
    }


def positions_shape(rng: Random) -> dict[str, object]:
    """Return the sizes of a tower, and the shape of its table of positions."""
    image, size = rng.choice([(24, 8), (32, 4), (32, 8), (48, 8), (48, 16), (64, 16)])
    d_model = rng.choice([64, 128])
    found = _positions(image, size, d_model)
    return {
        "image": image,
        "size": size,
        "d_model": d_model,
        "answer": found,
        "wrong": [
            [
                (found[0] - 1, d_model),
                "The vector in front has a position too.",
                "El vector de delante también tiene una posición.",
            ],
            [
                (image * image, d_model),
                "Positions belong to patches, not to pixels.",
                "Las posiciones son de los parches, no de los píxeles.",
            ],
        ],
    }


def scores_shape(rng: Random) -> dict[str, object]:
    """Return numbers of captions and pictures, and the shape of their scores."""
    n, m = rng.sample(range(2, 9), 2)
    t = rng.randint(9, 15)
    token_ids = torch.tensor([[1] * (t - 1) + [3]] * n)
    with torch.no_grad():
        found = _small()(token_ids, torch.zeros(m, 8, 8, 3))
    return {
        "n": n,
        "m": m,
        "t": t,
        "answer": tuple(found.shape),
        "wrong": [
            [(m, n), "Captions are rows.", "Las descripciones son filas."],
            [
                (n, t, m),
                "A caption is one vector, whatever its length.",
                "Una descripción es un solo vector, mida lo que mida.",
            ],
        ],
    }
