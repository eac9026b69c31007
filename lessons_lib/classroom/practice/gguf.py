"""Checks for the exercises of the chapter `gguf`."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from lessons_lib.classroom.practice import Case, Exercise
from lessons_lib.gguf import gguf_bytes, parse_gguf

__all__ = ["check_misplaced", "check_read_safetensors", "check_to_halves", "check_unnoticed"]


def _file(tensors: Mapping[str, np.ndarray], **metadata: str) -> bytes:
    """Return a safetensors file."""
    header, rest = {"__metadata__": metadata} if metadata else {}, b""
    for name, values in tensors.items():
        dtype = {"float32": "F32", "float16": "F16"}[values.dtype.name]
        header[name] = {"dtype": dtype, "shape": list(values.shape)}
        header[name]["data_offsets"] = [len(rest), len(rest) + values.nbytes]
        rest += values.tobytes()
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + rest


def _lists(answer: Mapping[str, np.ndarray]) -> dict[str, list]:
    return {name: np.asarray(values, dtype=float).tolist() for name, values in answer.items()}


def _read_safetensors(data: bytes) -> dict[str, list]:
    size = int.from_bytes(data[:8], "little")
    header, rest, arrays = json.loads(data[8 : 8 + size]), data[8 + size :], {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            dtype = {"F32": "<f4", "F16": "<f2"}[entry["dtype"]]
            arrays[name] = np.frombuffer(rest[start:end], dtype).reshape(entry["shape"])
    return _lists(arrays)


_LONG = {f"layer.{i}": np.float32([i]) for i in range(9)}  # a header of more than 255 bytes

check_read_safetensors = Exercise(
    "read_safetensors",
    _read_safetensors,
    (
        Case(
            (_file({"w": np.float32([1, 2, 3])}),),
            "8 bytes hold the length of the header, the lowest first; the header is JSON, and the "
            "places count from its end.",
            "8 bytes contienen la longitud de la cabecera, el más bajo primero; la cabecera es "
            "JSON, y los lugares se cuentan desde su final.",
        ),
        Case(
            (_file({"w": np.float32([[1, 2, 3], [4, 5, 6]])}),),
            "give each array its shape; its numbers are as in NumPy, not turned round.",
            "da a cada array su forma, la misma que en NumPy, sin darle la vuelta.",
        ),
        Case(
            (_file({"a": np.float32([1]), "b": np.float32([2, 3])}),),
            "data_offsets says where a tensor begins and where it ends.",
            "data_offsets dice dónde empieza un tensor y dónde acaba.",
        ),
        Case(
            (_file({"w": np.float32([1])}, made_by="Ana"),),
            "__metadata__ is no tensor: pass it over.",
            "__metadata__ no es un tensor: sáltatelo.",
        ),
        Case(
            (_file({"w": np.float16([1.5, -2.0]), "v": np.float32([3])}),),
            "F16 has two bytes for a number: NumPy's float16.",
            "F16 tiene dos bytes por número: es el float16 de NumPy.",
        ),
        Case(
            (_file(_LONG),),
            "a header of more than 255 bytes takes several of the eight bytes.",
            "una cabecera de más de 255 bytes ocupa varios de los ocho bytes.",
        ),
        Case((_file({}),), "no tensors: an empty dictionary.", "sin tensores: un dict vacío."),
    ),
    read=_lists,
)


def _to_halves(rows: Sequence, n_heads: int) -> list:
    width = len(rows) // n_heads
    heads = [rows[at : at + width] for at in range(0, len(rows), width)]
    return [row for head in heads for row in (*head[::2], *head[1::2])]


check_to_halves = Exercise(
    "to_halves",
    _to_halves,
    (
        Case(
            (["a0", "a1", "b0", "b1"], 1),
            "the pairs are a0 and a1, b0 and b1: a0 and b0 come first.",
            "los pares son a0 y a1, b0 y b1: primero van a0 y b0.",
        ),
        Case(
            (["a0", "a1", "b0", "b1", "c0", "c1"], 1),
            "three pairs: a0, b0, c0, then a1, b1, c1.",
            "tres pares: a0, b0, c0 y después a1, b1, c1.",
        ),
        Case(
            ([0, 1, 2, 3, 4, 5, 6, 7], 2),
            "each head stays where it is; only the rows inside it change places.",
            "cada cabeza se queda en su sitio; solo cambian de lugar sus filas.",
        ),
        Case(
            (list(range(24)), 3),
            "three heads of eight rows: 0, 2, 4, 6, 1, 3, 5, 7, then the next head.",
            "tres cabezas de ocho filas: 0, 2, 4, 6, 1, 3, 5, 7 y después la siguiente.",
        ),
        Case(
            ([5, 6, 7, 8], 2),
            "heads of width 2 have one pair, and stay as they are.",
            "las cabezas de ancho 2 tienen un solo par y se quedan igual.",
        ),
    ),
    read=list,
)


def _misplaced(places: Mapping[str, tuple[int, int]], n_bytes: int) -> list[str]:
    names, free = [], 0
    for name, (offset, size) in sorted(places.items(), key=lambda place: place[1][0]):
        if offset < free or offset + size > n_bytes:
            names.append(name)
        free = max(free, offset + size)
    return names


check_misplaced = Exercise(
    "misplaced",
    _misplaced,
    (
        Case(
            ({"a": (0, 64), "b": (64, 32)}, 96),
            "all is well here: b begins where a ends, and ends where the bytes end.",
            "aquí todo está bien: b empieza donde acaba a, y acaba donde acaban los bytes.",
        ),
        Case(
            ({"a": (0, 64), "b": (64, 33)}, 96),
            "b begins inside the file and ends beyond it.",
            "b empieza dentro del archivo y acaba fuera.",
        ),
        Case(
            ({"a": (0, 64), "b": (32, 32)}, 96),
            "b begins before a has ended.",
            "b empieza antes de que acabe a.",
        ),
        Case(
            ({"b": (64, 32), "a": (0, 64)}, 96),
            "tensors may be listed in another order than that of their places.",
            "la lista puede tener otro orden que el de los lugares.",
        ),
        Case(
            ({"a": (0, 96), "b": (32, 8), "c": (64, 8)}, 96),
            "a goes on behind the end of b: c lies inside a.",
            "a sigue más allá del final de b: c está dentro de a.",
        ),
        Case(
            ({"a": (0, 64), "b": (32, 64), "c": (64, 32)}, 96),
            "c begins before b has ended, and b counts although it is misplaced itself.",
            "c empieza antes de que acabe b, y b cuenta aunque esté mal colocado.",
        ),
        Case(
            ({"z": (200, 8), "y": (100, 8)}, 96),
            "return the names in the order of the offsets.",
            "devuelve los nombres en el orden de los desplazamientos.",
        ),
    ),
    read=list,
)


def _unnoticed(data: bytes) -> list[int]:
    places = []
    for i in range(len(data)):
        try:
            parse_gguf(data[:i] + bytes([data[i] ^ 255]) + data[i + 1 :])
        except ValueError:
            continue
        places.append(i)
    return places


def _gguf(metadata: Mapping[str, object], **tensors: np.ndarray) -> bytes:
    return bytes(gguf_bytes(metadata, {name: (x, "F32") for name, x in tensors.items()}))


check_unnoticed = Exercise(
    "unnoticed",
    _unnoticed,
    (
        Case(
            (_gguf({}),),
            "an empty file of 32 bytes: change one byte at a time, all its bits, and put it back.",
            "un archivo vacío de 32 bytes: cambia un solo byte cada vez, todos sus bits, y "
            "devuélvelo a su valor.",
        ),
        Case(
            (_gguf({}, w=np.float32([1, 2])),),
            "return the places where no ValueError comes, in all parts, the tensors too.",
            "devuelve los lugares donde no hay ValueError, en todas las partes, también en los "
            "tensores.",
        ),
        Case(
            (_gguf({"a": 7}),),
            "the number 7 may become any other: change the bits with byte ^ 255.",
            "el número 7 puede pasar a ser otro cualquiera: cambia los bits con byte ^ 255.",
        ),
        Case(
            (_gguf({"general.name": "x", "b": [1, 2]}, v=np.float32([[1], [2]])),),
            "begin with the file as it was for each place.",
            "empieza en cada lugar con el archivo tal como era.",
        ),
    ),
    read=list,
)
