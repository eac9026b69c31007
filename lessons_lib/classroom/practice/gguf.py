"""Checks for the exercises of the chapter `gguf`."""

from collections.abc import Mapping, Sequence

from lessons_lib.classroom.practice import Case, Exercise

__all__ = ["check_misplaced", "check_offsets", "check_text_at", "check_to_halves"]


def _text(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(8, "little") + data


def _text_at(data: bytes, at: int) -> tuple[str, int]:
    end = at + 8 + int.from_bytes(data[at : at + 8], "little")
    return data[at + 8 : end].decode(), end


def _text_and_place(answer: Sequence) -> tuple[str, int]:
    text, place = answer
    return text, int(place)


check_text_at = Exercise(
    "text_at",
    _text_at,
    (
        Case(
            (_text("GGUF"), 0),
            "eight bytes hold the length, the lowest first; the text comes behind them.",
            "ocho bytes contienen la longitud, el más bajo primero; el texto va detrás.",
        ),
        Case(
            (_text("ab") + _text("cd"), 0),
            "the text ends after as many bytes as its length says; others may follow.",
            "el texto acaba tras los bytes que dice su longitud; pueden seguir otros.",
        ),
        Case(
            (_text("ab") + _text("cde"), 10),
            "begin at the place at, and return the place behind the text, counted from the start.",
            "empieza en el lugar at y devuelve el lugar tras el texto, contado desde el principio.",
        ),
        Case(
            (_text("¡niña!") + _text("x"), 0),
            "the length counts bytes, not characters: decode after cutting.",
            "la longitud cuenta bytes, no caracteres: primero corta y después decodifica.",
        ),
        Case(
            (_text("a" * 70_000), 0),
            "a length of more than 255 takes several of the eight bytes, the lowest first.",
            "una longitud mayor que 255 ocupa varios de los ocho bytes, el más bajo primero.",
        ),
        Case(
            (_text("") + _text("x"), 0),
            "a text may be empty: the place behind it is 8 bytes on.",
            "un texto puede estar vacío: el lugar que le sigue está 8 bytes más allá.",
        ),
    ),
    read=_text_and_place,
)


def _offsets(sizes: Sequence[int], alignment: int) -> list[int]:
    places, end = [], 0
    for size in sizes:
        places.append(end)
        end += size + -(end + size) % alignment
    return places


def _integers(answer: Sequence[int]) -> list[int]:
    return [int(number) for number in answer]


check_offsets = Exercise(
    "offsets",
    _offsets,
    (
        Case(
            ([64, 64], 32),
            "the first tensor begins at 0, the second where the first ends.",
            "el primer tensor empieza en 0; el segundo, donde acaba el primero.",
        ),
        Case(
            ([24, 24, 24], 32),
            "after 24 bytes the first free multiple of 32 is 32, and the next one 64.",
            "tras 24 bytes, el primer múltiplo libre de 32 es 32; el siguiente, 64.",
        ),
        Case(
            ([100, 8, 8], 32),
            "after 100 bytes go on at 128, not at 100 and not at 132.",
            "tras 100 bytes se sigue en 128, ni en 100 ni en 132.",
        ),
        Case(
            ([10, 20, 30], 8),
            "the alignment need not be 32.",
            "la alineación no tiene por qué ser 32.",
        ),
        Case(
            ([], 32),
            "without tensors there are no places.",
            "sin tensores no hay lugares.",
        ),
    ),
    read=_integers,
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
