"""Numbers for the questions of the chapter `fine_tuning`."""

from random import Random

import torch
from torch import nn

from lessons_lib.fine_tuning import LoRALinear, document_mask, documents, pack
from lessons_lib.scaling import training_memory

__all__ = [
    "chat_length",
    "counted_tokens",
    "lora_by_hand",
    "lora_numbers",
    "mask_shape",
    "rows_needed",
    "seen_pairs",
    "shape_of_b",
    "train_memory",
]


def _chat(rng: Random) -> tuple[dict[str, object], list[int]]:
    """Draw a chat: its numbers, and ids with 0 for the end, 1 and 2 for the roles."""
    turns, q, a = rng.choice([2, 3, 4]), rng.randint(6, 12), rng.randint(13, 20)
    ids = [0] + turns * [1, *[5] * q, 2, *[6] * a, 0]
    return {"turns": turns, "q": q, "a": a}, ids


def chat_length(rng: Random) -> dict[str, object]:
    """Draw a chat for its length."""
    values, ids = _chat(rng)
    turns, answer = values["turns"], pack([ids], len(ids), 0).shape[1]
    return {
        **values,
        "answer": answer,
        "wrong": [
            [answer - 1, "the `END` at the start is missing", "falta el `END` del principio"],
            [answer - turns, "no `END` behind the answers", "sin `END` tras las respuestas"],
            [answer - 1 - 3 * turns, "words only", "solo las palabras"],
        ],
    }


def counted_tokens(rng: Random) -> dict[str, object]:
    """Draw a chat for the tokens that count."""
    values, ids = _chat(rng)
    turns = values["turns"]
    answer = pack([ids], len(ids), 0).tolist()[0].count(6) + turns
    return {
        **values,
        "answer": answer,
        "wrong": [
            [answer - turns, "the `END` must count", "el `END` debe contar"],
            [answer + turns, "`<|assistant|>` does not count", "`<|assistant|>` no cuenta"],
            [len(ids), "questions do not count", "las preguntas no cuentan"],
        ],
    }


def seen_pairs(rng: Random) -> dict[str, object]:
    """Draw a packed row."""
    n_texts, n = rng.choice([2, 3]), rng.choice([3, 4, 5, 6])
    row = torch.tensor([n_texts * [0, *[5] * (n - 2), 0]])
    length = n_texts * n
    return {
        "n_texts": n_texts,
        "n": n,
        "answer": int(document_mask(documents(row, 0)).sum()),
        "wrong": [
            [length * (length + 1) // 2, "one triangle for the row", "un triángulo para la fila"],
            [n_texts * n * n, "squares: later tokens too", "cuadrados: también lo posterior"],
        ],
    }


def mask_shape(rng: Random) -> dict[str, object]:
    """Draw rows of numbers of texts."""
    batch, length = rng.choice([2, 3, 4, 8]), rng.randint(10, 40)
    return {
        "batch": batch,
        "length": length,
        "answer": tuple(document_mask(torch.zeros(batch, length, dtype=torch.long)).shape),
        "wrong": [
            [(batch, length, length), "no axis for the heads", "sin eje para las cabezas"],
            [(batch, 1, length), "pairs of positions", "son pares de posiciones"],
        ],
    }


def rows_needed(rng: Random) -> dict[str, object]:
    """Draw texts for rows of ten tokens: two of them fill a row, the last opens one more."""
    lengths = rng.choice([[6, 5, 4, 3, 8], [7, 6, 3, 4, 5], [8, 7, 5, 3, 6], [6, 7, 8, 3, 4]])
    answer = len(pack([[0, *[5] * (n - 2), 0] for n in lengths], 10, 0))
    return {
        "lengths": lengths,
        "room": 10,
        "answer": answer,
        "wrong": [
            [len(lengths), "a row for each text", "una fila por texto"],
            [sum(lengths) // 10, "as if texts could be cut", "como si se pudieran cortar"],
        ],
    }


def lora_numbers(rng: Random) -> dict[str, object]:
    """Draw a map and a rank."""
    n_in, n_out = rng.choice([64, 128]), rng.choice([96, 160, 224])
    rank = rng.choice([2, 4, 8])
    part = LoRALinear(nn.Linear(n_in, n_out, bias=False), rank, 16)
    return {
        "n_in": n_in,
        "n_out": n_out,
        "rank": rank,
        "answer": part.A.numel() + part.B.numel(),
        "wrong": [
            [n_in * n_out, "the whole matrix", "la matriz entera"],
            [rank * n_in, "A only", "solo A"],
            [n_in + n_out, "rank 1", "rango 1"],
        ],
    }


def shape_of_b(rng: Random) -> dict[str, object]:
    """Draw a map and a rank."""
    n_in, n_out, rank = rng.choice([64, 128]), rng.choice([96, 192]), rng.choice([2, 4, 8])
    part = LoRALinear(nn.Linear(n_in, n_out, bias=False), rank, 16)
    return {
        "n_in": n_in,
        "n_out": n_out,
        "rank": rank,
        "answer": tuple(part.B.shape),
        "wrong": [
            [(rank, n_in), "that is A", "esa es A"],
            [(rank, n_out), "turned round", "al revés"],
        ],
    }


def train_memory(rng: Random) -> dict[str, object]:
    """Draw a model and how much of it learns."""
    everything, learning = rng.choice([20, 40, 60, 100]), rng.choice([1, 2, 3])
    moving = sum(training_memory(learning).values())
    answer = round(moving + training_memory(everything - learning)["weights"])
    return {
        "all": everything,
        "learning": learning,
        "answer": answer,
        "wrong": [
            [16 * everything, "as if all learned", "como si aprendiera todo"],
            [16 * learning, "the frozen weights are missing", "faltan los pesos congelados"],
            [4 * everything, "weights only", "solo los pesos"],
        ],
    }


def lora_by_hand(rng: Random) -> dict[str, object]:
    """Draw a map to one number, with an adapter of rank 1."""
    a, x = [rng.randint(1, 3) for _ in range(2)], [rng.randint(1, 4) for _ in range(2)]
    b, wx, scale = rng.choice([2, 3]), rng.choice([5, 7, 11]), rng.choice([2, 4])
    part = LoRALinear(nn.Linear(2, 1, bias=False), 1, scale)
    with torch.no_grad():
        part.base.weight.copy_(torch.tensor([[wx / x[0], 0.0]]))
        part.A.copy_(torch.tensor([a]))
        part.B.fill_(b)
        answer = round(part(torch.tensor(x, dtype=torch.float32)).item())
    return {
        "a": a,
        "x": x,
        "b": b,
        "wx": wx,
        "scale": scale,
        "answer": answer,
        "wrong": [
            [answer - wx, "W x was not added", "no se sumó W x"],
            [wx + (answer - wx) // scale, "without the scale", "sin la escala"],
            [scale * answer, "W x was scaled, too", "también se escaló W x"],
        ],
    }
