"""Numbers for the questions of the chapter `gguf`."""

import struct
from random import Random

import numpy as np
import torch

from lessons_lib.gguf import (
    gguf_bytes,
    interleave_rotary,
    pack_tensor_entry,
    pack_text,
    pack_value,
    parse_gguf,
    round_up,
)
from lessons_lib.quantization import FORMATS

__all__ = [
    "bytes_of_list",
    "bytes_of_text",
    "dims_written",
    "little_number",
    "padding_bytes",
    "row_moves",
    "third_place",
    "window_shape",
]


def little_number(rng: Random) -> dict[str, object]:
    """Draw a number of two bytes that differ."""
    low, high = rng.randint(1, 9), rng.randint(11, 20)
    data = pack_value(low + 256 * high)[4:]
    answer = int(parse_gguf(gguf_bytes({"n": low + 256 * high}, {})).metadata["n"])
    return {
        "shown": data.hex(" "),
        "answer": answer,
        "wrong": [
            [
                int.from_bytes(data[:2], "big"),
                "the two bytes exchanged",
                "los dos bytes intercambiados",
            ],
            [int.from_bytes(data, "big"), "highest byte first", "el byte más alto, primero"],
            [low + high, "the bytes were added", "se sumaron los bytes"],
        ],
    }


def dims_written(rng: Random) -> dict[str, object]:
    """Draw the shape of a matrix."""
    rows, columns = rng.randint(2, 9), 32 * rng.randint(1, 8)
    entry = pack_tensor_entry("w", (rows, columns), "F32", 0)
    return {
        "rows": rows,
        "columns": columns,
        "answer": struct.unpack_from("<QQ", entry, len(pack_text("w")) + 4),
        "wrong": [
            [(rows, columns), "NumPy's order", "el orden de NumPy"],
            [(rows * columns,), "the shape is kept", "se conserva la forma"],
        ],
    }


def bytes_of_text(rng: Random) -> dict[str, object]:
    """Draw a text with letters of two bytes."""
    text = rng.choice(["año", "canción", "pingüino", "über", "déjà vu", "niñez", "corazón", "él"])
    answer = len(pack_text(text))
    return {
        "text": text,
        "answer": answer,
        "wrong": [
            [
                8 + len(text),
                "characters were counted, not bytes",
                "se contaron caracteres, no bytes",
            ],
            [
                answer - 8,
                "the 8 bytes of the length are missing",
                "faltan los 8 bytes de la longitud",
            ],
            [answer - 4, "the length has 8 bytes, not 4", "la longitud ocupa 8 bytes, no 4"],
        ],
    }


def bytes_of_list(rng: Random) -> dict[str, object]:
    """Draw the length of a list of numbers."""
    n = rng.randint(5, 40)
    answer = len(pack_value(list(range(n))))
    return {
        "n": n,
        "answer": answer,
        "wrong": [
            [4 * n, "only the numbers", "solo los números"],
            [answer - 4, "one of the two types is missing", "falta uno de los dos tipos"],
            [answer + 4 * n, "8 bytes for each number", "8 bytes por cada número"],
        ],
    }


def third_place(rng: Random) -> dict[str, object]:
    """Draw the sizes of three tensors in F32."""
    first, second = 4 * rng.randint(9, 15), 4 * rng.randint(17, 23)
    third = 4 * rng.randint(3, 20)
    arrays = {
        name: (np.ones(size // 4, np.float32), "F32")
        for name, size in {"a": first, "b": second, "c": third}.items()
    }
    found = parse_gguf(gguf_bytes({}, arrays))
    return {
        "first": first,
        "second": second,
        "third": third,
        "answer": int(found.tensors["c"].offset - found.data_offset),
        "wrong": [
            [first + second, "no padding", "sin relleno"],
            [
                round_up(first, 32) + second,
                "no padding after the second",
                "sin relleno tras el segundo",
            ],
            [round_up(second, 32), "the first was forgotten", "se olvidó el primero"],
        ],
    }


def padding_bytes(rng: Random) -> dict[str, object]:
    """Draw where a header ends."""
    end = 32 * rng.randint(2, 9) + rng.choice([3, 5, 9, 13, 19, 23, 27])
    answer = round_up(end, 32) - end
    return {
        "end": end,
        "answer": answer,
        "wrong": [
            [end % 32, "what lies beyond the last multiple", "lo que pasa del múltiplo anterior"],
            [answer + 32, "one multiple too far", "un múltiplo de más"],
        ],
    }


def window_shape(rng: Random) -> dict[str, object]:
    """Draw a tensor and its type."""
    name, rows, columns = rng.choice(["Q8_0", "Q4_0", "Q4_1"]), rng.choice([5, 6, 9]), 64
    columns *= rng.choice([1, 2, 3])
    file = gguf_bytes({}, {"w": (np.zeros((rows, columns), np.float32), name)})
    size, n_bytes = FORMATS[name].block_size, FORMATS[name].bytes_per_block
    return {
        "name": name,
        "rows": rows,
        "columns": columns,
        "size": size,
        "n_bytes": n_bytes,
        "answer": tuple(parse_gguf(file).tensors["w"].data.shape),
        "wrong": [
            [(rows, columns), "numbers, not bytes", "números, no bytes"],
            [(rows, 4 * columns), "the bytes of F32", "los bytes de F32"],
        ],
    }


def row_moves(rng: Random) -> dict[str, object]:
    """Draw a head and a row of it."""
    half = rng.choice([4, 8, 16])
    row = rng.randint(half + 1, 2 * half - 2)
    order = interleave_rotary(torch.arange(2 * half), 1).tolist()
    return {
        "width": 2 * half,
        "half": half,
        "row": row,
        "answer": order.index(row),
        "wrong": [
            [row, "nothing was moved", "no se movió nada"],
            [2 * (row - half), "the place of its partner", "el lugar de su pareja"],
        ],
    }
