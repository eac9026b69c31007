"""Numbers of the questions on the chapter `llama`, drawn from a seed."""

import math
from random import Random

import torch

from lessons_lib.llama import (
    LlamaConfig,
    RMSNorm,
    RopeScaling,
    RotaryEmbedding,
    SwiGLU,
    llama_block,
    llama_parameters,
    rotate_pairs,
    rotation_speeds,
)


def rms_of_vector(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `rms-of-vector`."""
    x = [rng.randint(1, 3), rng.randint(1, 3), rng.randint(4, 6), rng.randint(7, 9)]
    mean, square = sum(x) / 4, sum(number**2 for number in x) / 4
    return {
        "x": x,
        "answer": RMSNorm(4, eps=0.0)(torch.tensor(x, dtype=torch.float64))[-1].item(),
        "decimals": 2,
        "wrong": [
            [
                (x[-1] - mean) / math.sqrt(square - mean**2),
                "This is LayerNorm: the mean was subtracted.",
                "Esto es LayerNorm: se restó la media.",
            ],
            [
                x[-1] / math.sqrt(4 * square),
                "Divided by the length: the mean of the squares was taken for their sum.",
                "Dividido entre la longitud: se tomó la suma de los cuadrados y no su media.",
            ],
            [x[-1] / square, "The root is missing.", "Falta la raíz."],
        ],
    }


def kv_cache_bytes(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `kv-cache-bytes`."""
    n_kv_heads = rng.choice([2, 4, 8])
    values = {
        "n_layers": rng.choice([4, 8, 16, 32]),
        "n_heads": n_kv_heads * rng.choice([3, 4, 8]),
        "n_kv_heads": n_kv_heads,
        "d_head": rng.choice([32, 64, 128]),
        "n_tokens": rng.choice([100, 200, 500, 1000]),
    }
    sizes = {"d_model": 8, "n_layers": 1, "d_ff": 8}
    heads = {name: values[name] for name in ("n_heads", "n_kv_heads", "d_head")}
    block = llama_block(LlamaConfig(8, 8, **sizes, **heads))
    width = block.attention.key.weight.shape[0] + block.attention.value.weight.shape[0]
    answer = values["n_layers"] * values["n_tokens"] * width * 2
    return values | {
        "answer": answer,
        "wrong": [
            [
                answer * values["n_heads"] // n_kv_heads,
                "Counted with the query heads; only key-value heads are kept.",
                "Contado con las cabezas de consultas; solo se guardan las de claves y valores.",
            ],
            [answer // 2, "Keys or values were left out.", "Faltan las claves o los valores."],
            [
                answer // values["n_layers"],
                "Each layer keeps its own.",
                "Cada capa guarda las suyas.",
            ],
        ],
    }


def count_llama(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `count-llama`."""
    g, k = rng.choice([1, 2]), rng.choice([4, 8])
    h = g * rng.choice([2, 4])
    values = {
        "vocab_size": 100 * rng.randint(1, 5) + 5,
        "d_model": h * k,
        "n_heads": h,
        "n_layers": rng.randint(2, 5),
        "d_ff": 10 * rng.randint(3, 9),
        "n_kv_heads": g,
    }
    answer, d = llama_parameters(LlamaConfig(context_length=8, **values)), values["d_model"]
    return values | {
        "answer": answer,
        "wrong": [
            [
                answer - values["vocab_size"] * d,
                "Only one table was counted.",
                "Solo se contó una tabla.",
            ],
            [
                answer - values["n_layers"] * d * values["d_ff"],
                "SwiGLU has three maps, not two.",
                "SwiGLU tiene tres matrices, no dos.",
            ],
            [
                answer + values["n_layers"] * 2 * d * k * (h - g),
                "Keys and values have fewer heads than queries.",
                "Claves y valores tienen menos cabezas que las consultas.",
            ],
        ],
    }


def wavelength(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `wavelength`."""
    d_head, pair = rng.choice(
        [(8, 1), (8, 2), (16, 1), (16, 2), (16, 3), (16, 4), (32, 3), (32, 6)]
    )
    answer = rotation_speeds(d_head, 10000.0)[pair].item()
    return {
        "d_head": d_head,
        "pair": pair,
        "double": 2 * pair,
        "answer": answer,
        "decimals": 4,
        "wrong": [
            [
                10000 ** (-pair / d_head),
                "The exponent is -2i / K, not -i / K.",
                "El exponente es -2i / K, no -i / K.",
            ],
            [1 / answer, "The sign of the exponent is missing.", "Falta el signo del exponente."],
            [
                2 * math.pi / answer,
                "This is the wavelength: positions per turn.",
                "Esta es la longitud de onda: posiciones por vuelta.",
            ],
        ],
    }


def turned_vector(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `turned-vector`."""
    q, position = rng.sample([1, 2, 3, 4], 2), rng.choice([1, 5, 6, 7])
    cos, sin = math.cos(position), math.sin(position)
    x = torch.tensor([q], dtype=torch.float64)
    angles = position * rotation_speeds(2, 10000.0)[None].double()
    return {
        "q": q,
        "position": position,
        "answer": rotate_pairs(x, angles)[0, 0].item(),
        "decimals": 2,
        "wrong": [
            [q[0] * cos + q[1] * sin, "Turned the other way.", "Girado en sentido contrario."],
            [q[0] * sin + q[1] * cos, "This is the second number.", "Este es el segundo número."],
            [
                q[0] * math.cos(math.radians(position)) - q[1] * math.sin(math.radians(position)),
                "The angle was taken in degrees.",
                "El ángulo se tomó en grados.",
            ],
        ],
    }


def stretched_turn(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `stretched-turn`."""
    turns = rng.choice([1.3, 1.6, 1.9, 2.2, 2.8, 3.1])
    speed = torch.tensor(2 * math.pi * turns / 8192, dtype=torch.float64)
    keep = (turns - 1) / 3
    return {
        "turns": turns,
        "speed": round(speed.item(), 5),
        "answer": (RopeScaling().stretch(speed) / speed).item(),
        "decimals": 3,
        "wrong": [
            [0.125, "Between 1 and 4 turns it is a blend.", "Entre 1 y 4 vueltas es una mezcla."],
            [
                keep / 8 + 1 - keep,
                "The two parts of the blend are exchanged.",
                "Las dos partes de la mezcla están cambiadas.",
            ],
            [keep, "The stretched part is left out.", "Falta la parte estirada."],
        ],
    }


def shape_of_key_weight(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `shape-of-key-weight`."""
    k, g = rng.choice([8, 16]), rng.choice([2, 3])
    h = g * rng.choice([2, 4])
    values = {"d_model": h * k, "n_heads": h, "n_kv_heads": g, "d_head": k}
    block = llama_block(LlamaConfig(8, 8, n_layers=1, d_ff=8, **values))
    return values | {
        "answer": tuple(block.attention.key.weight.shape),
        "wrong": [
            [(h * k, h * k), "Keys have fewer heads.", "Las claves tienen menos cabezas."],
            [
                (h * k, g * k),
                "A linear map keeps (out, in).",
                "Una capa lineal guarda (salida, entrada).",
            ],
        ],
    }


def shape_of_turned_keys(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `shape-of-turned-keys`."""
    b, t, k, g = rng.randint(1, 3), rng.randint(5, 9), rng.choice([8, 16]), rng.choice([2, 3])
    h = g * rng.choice([2, 4])
    turned = RotaryEmbedding(k)(torch.zeros(b, h, t, k), torch.zeros(b, g, t, k))[1]
    return {
        "batch": b,
        "n_heads": h,
        "n_kv_heads": g,
        "n_tokens": t,
        "d_head": k,
        "answer": tuple(turned.shape),
        "wrong": [
            [(b, h, t, k), "Keys are not repeated here.", "Aquí no se repiten las claves."],
            [
                (b, g, t, k // 2),
                "A pair keeps both of its numbers.",
                "Un par conserva sus dos números.",
            ],
        ],
    }


def shape_of_gate(rng: Random) -> dict[str, object]:
    """Draw the numbers of the question `shape-of-gate`."""
    d = 8 * rng.randint(2, 6)
    f = 8 * d // 3 // 8 * 8
    return {
        "d_model": d,
        "d_ff": f,
        "answer": tuple(SwiGLU(d, f).down.weight.shape),
        "wrong": [
            [(f, d), "This is the shape of `gate` and `up`.", "Esta es la forma de `gate` y `up`."],
            [
                (d, 2 * f),
                "Gate and up are multiplied, not joined.",
                "La compuerta y `up` se multiplican, no se unen.",
            ],
        ],
    }
