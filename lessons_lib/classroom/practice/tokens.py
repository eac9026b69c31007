"""Checks for the exercises of the chapter `tokens`."""

import codecs
from collections import Counter
from itertools import pairwise

from lessons_lib.classroom.practice import Case, Exercise, near
from lessons_lib.tokens import merge_pair

__all__ = [
    "check_apply_merges",
    "check_best_pair",
    "check_bytes_per_token",
    "check_print_stream",
]


def _bytes_per_token(text: str, ids: list[int]) -> float:
    return len(text.encode()) / len(ids)


check_bytes_per_token = Exercise(
    "bytes_per_token",
    _bytes_per_token,
    (
        Case(
            ("banana", [1, 2, 3]),
            "divide the number of bytes by the number of tokens.",
            "divide el número de bytes entre el número de tokens.",
        ),
        Case(
            ("año 🐢", [7, 8, 9]),
            "bytes, not characters: text.encode() gives the bytes.",
            "bytes, no caracteres: text.encode() da los bytes.",
        ),
        Case(
            ("banana!", [5, 5, 5]),
            "keep the fraction: / and not //; and count every token, also repeated ones.",
            "conserva los decimales: / y no //; y cuenta todos los tokens, también los repetidos.",
        ),
    ),
    same=near,
)


def _best_pair(words: dict[tuple[int, ...], int]) -> tuple[int, int]:
    counts = Counter()
    for ids, times in words.items():
        for pair in pairwise(ids):
            counts[pair] += times
    return min(counts, key=lambda pair: (-counts[pair], pair))


check_best_pair = Exercise(
    "best_pair",
    _best_pair,
    (
        Case(
            ({(1, 2, 1, 2): 1, (2, 3): 1},),
            "count the pairs of neighbours inside each word.",
            "cuenta los pares de vecinos dentro de cada palabra.",
        ),
        Case(
            ({(1, 2): 1, (1, 2, 1, 2): 1, (3, 4): 4},),
            "a word that occurs 4 times counts each of its pairs 4 times.",
            "una palabra que aparece 4 veces cuenta cada uno de sus pares 4 veces.",
        ),
        Case(
            ({(5,): 9, (6, 7): 1, (8, 5): 1, (5, 9): 2, (9,): 3},),
            "a word of one token has no pair, and no pair crosses from one word to the next.",
            "una palabra de un token no tiene pares, y ningún par cruza de una palabra a otra.",
        ),
        Case(
            ({(9, 1): 2, (2, 8): 2, (2, 7): 2},),
            "of equally frequent pairs take the first in order, as min() of the pairs gives it.",
            "entre los pares igual de frecuentes, el primero en orden, como lo da min().",
        ),
        Case(
            ({(9, 9, 9): 1, (4, 5): 1},),
            "neighbours may overlap: (9, 9, 9) holds the pair (9, 9) twice.",
            "los vecinos pueden solaparse: (9, 9, 9) contiene dos veces el par (9, 9).",
        ),
        Case(
            ({(256, 1, 300): 2, (300, 0): 1},),
            "ids may be larger than 255: merged tokens are merged again.",
            "los ids pueden superar 255: los tokens fusionados se vuelven a fusionar.",
        ),
    ),
)


def _apply_merges(word: bytes, merges: list[tuple[int, int]]) -> list[int]:
    ids = list(word)
    for i, pair in enumerate(merges):
        ids = merge_pair(ids, pair, 256 + i)
    return ids


check_apply_merges = Exercise(
    "apply_merges",
    _apply_merges,
    (
        Case(
            (b"banana", [(97, 110)]),
            "replace each place where the pair stands, not only the first.",
            "sustituye el par en todos los sitios donde aparece, no solo en el primero.",
        ),
        Case(
            (b"abc", [(98, 99), (97, 98)]),
            "the merges have an order: the one learned first comes first, wherever it stands.",
            "las fusiones tienen orden: primero la que se aprendió primero, esté donde esté.",
        ),
        Case(
            (b"banana", [(97, 110), (98, 256), (256, 97)]),
            "merge number i makes the token 256 + i, and later merges use it.",
            "la fusión número i crea el token 256 + i, y las fusiones posteriores lo usan.",
        ),
        Case(
            (b"aaaaa", [(97, 97), (256, 256)]),
            "go from left to right, and use no token twice: aaa becomes (aa) a.",
            "ve de izquierda a derecha y no uses un token dos veces: aaa pasa a ser (aa) a.",
        ),
        Case(
            (b"abcd", [(97, 98), (99, 100), (98, 99), (256, 257)]),
            "a pair that no longer stands in the word is passed over; the next may still fit.",
            "un par que ya no está en la palabra se salta; el siguiente aún puede servir.",
        ),
        Case(
            (b"x", [(97, 98)]),
            "a word of one byte, or none, has nothing to merge.",
            "una palabra de un byte, o de ninguno, no tiene nada que fusionar.",
        ),
        Case(
            (b"", [(97, 98)]), "an empty word has no tokens.", "una palabra vacía no tiene tokens."
        ),
        Case(
            ("ñu".encode(), [(195, 177)]),
            "work on the bytes of the word, each a number from 0 to 255.",
            "trabaja con los bytes de la palabra, cada uno un número de 0 a 255.",
        ),
    ),
    read=list,
)


def _print_stream(pieces: list[bytes]) -> list[str]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    texts = [decoder.decode(piece) for piece in pieces]
    return [*texts, decoder.decode(b"", final=True)]


check_print_stream = Exercise(
    "print_stream",
    _print_stream,
    (
        Case(
            ([b"ca", b"sa"],),
            "text that is complete goes out at once, and one more text (here empty) ends the list.",
            "el texto completo sale enseguida, y un texto más (aquí vacío) cierra la lista.",
        ),
        Case(
            ([b"ni\xc3", b"\xb1o"],),
            "hold back the bytes of an unfinished character until the next piece brings the rest.",
            "retén los bytes de un carácter sin terminar hasta que llegue el resto.",
        ),
        Case(
            ([b"\xf0", b"\x9f", b"\x90", b"\xa2!"],),
            "a character may arrive in four pieces.",
            "un carácter puede llegar en cuatro trozos.",
        ),
        Case(
            ([b"\xe2\x82", b"\xac \xc3", b"\xa9"],),
            "the bytes held back belong in front of the next piece.",
            "los bytes retenidos van delante del trozo siguiente.",
        ),
        Case(
            ([b"fin\xc3"],),
            "what is still unfinished at the end becomes the sign U+FFFD, in the last text.",
            "lo que quede sin terminar al final pasa a ser el signo U+FFFD, en el último texto.",
        ),
        Case(
            ([b"\xff\xfea"],),
            "bytes that can never become a character are replaced at once.",
            "los bytes que nunca pueden formar un carácter se sustituyen enseguida.",
        ),
        Case(
            ([b"\xc3", b"a", b"\xff\xc3", b"\xb1", b"\xf0\x9f"],),
            "after broken bytes a new character may begin: only the broken ones become U+FFFD.",
            "tras unos bytes rotos puede empezar otro carácter: solo los rotos pasan a ser U+FFFD.",
        ),
        Case(([],), "no pieces: one empty text.", "sin trozos: un texto vacío."),
    ),
    read=list,
)
