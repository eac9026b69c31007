"""Checks for the exercises of the chapter `data`."""

from collections.abc import Sequence

from lessons_lib.classroom.practice import Case, Exercise, near

__all__ = ["check_best_threshold", "check_containment", "check_link_share", "check_rounds"]


def _link_share(pieces: Sequence[tuple[str, bool]]) -> float:
    lengths = [(len("".join(text.split())), link) for text, link in pieces]
    total = sum(length for length, _ in lengths)
    return sum(length for length, link in lengths if link) / total if total else 0.0


check_link_share = Exercise(
    "link_share",
    _link_share,
    (
        Case(
            ([("Home", True), ("|", False), ("News", True)],),
            "eight characters of nine stand in links.",
            "ocho caracteres de nueve están en enlaces.",
        ),
        Case(
            ([("a long text and ", False), ("one link", True)],),
            "count characters, not pieces, and count no spaces: 7 of 19.",
            "cuenta caracteres, no trozos, y no cuentes los espacios: 7 de 19.",
        ),
        Case(
            ([],),
            "no character at all: the share is 0, and nothing may be divided by 0.",
            "ningún carácter: la parte es 0, y no se puede dividir por 0.",
        ),
        Case(
            ([("  ", True), ("\n", False)],),
            "spaces are no characters of the text: here, too, the share is 0.",
            "los espacios no cuentan como texto: también aquí la parte es 0.",
        ),
    ),
    same=near,
    read=float,
)


def _containment(part: set, whole: set) -> float:
    return len(part & whole) / len(part) if part else 0.0


check_containment = Exercise(
    "containment",
    _containment,
    (
        Case(
            ({1, 2}, {1, 2, 3, 4}),
            "all of the part stands in the whole: 1, although J is only one half.",
            "toda la parte está en el todo: 1, aunque J es solo un medio.",
        ),
        Case(
            ({1, 2, 3, 9}, {1}),
            "one shingle of the four of the part: 0.25. Divide by the part, not by the whole.",
            "una tira de las cuatro de la parte: 0,25. Divide por la parte, no por el todo.",
        ),
        Case(
            (set(), {1}),
            "an empty part: 0.",
            "una parte vacía: 0.",
        ),
        Case(
            ({1, 2}, {3}),
            "nothing in common: 0.",
            "nada en común: 0.",
        ),
    ),
    same=near,
    read=float,
)


def _rounds(sizes: Sequence[float], weights: Sequence[float], n: float) -> list[float]:
    total = sum(weights)
    return [n * weight / total / size for size, weight in zip(sizes, weights, strict=True)]


def _all_near(answer: list[float], expected: list[float]) -> bool:
    return len(answer) == len(expected) and all(map(near, answer, expected))


check_rounds = Exercise(
    "rounds",
    _rounds,
    (
        Case(
            ([800, 200], [0.5, 0.5], 1000),
            "500 tokens of each: 0.625 of the large source, 2.5 times the small one.",
            "500 tokens de cada una: 0,625 de la fuente grande y 2,5 veces la pequeña.",
        ),
        Case(
            ([100, 100], [3, 1], 400),
            "weights need not add up to 1: here they are 3/4 and 1/4.",
            "los pesos no tienen por qué sumar 1: aquí son 3/4 y 1/4.",
        ),
        Case(
            ([50, 10], [1.0, 0.0], 100),
            "what has no weight is not read at all.",
            "lo que no tiene peso no se lee nunca.",
        ),
    ),
    same=_all_near,
    read=lambda answer: [float(x) for x in answer],
)


def _best_threshold(similarities: Sequence[float], copies: Sequence[bool]) -> float:
    def errors(threshold: float) -> int:
        called = [similarity >= threshold for similarity in similarities]
        return sum(x != y for x, y in zip(called, copies, strict=True))

    return min(sorted(similarities), key=errors)


check_best_threshold = Exercise(
    "best_threshold",
    _best_threshold,
    (
        Case(
            ([0.9, 0.2, 0.6, 0.3], [True, False, True, False]),
            "from 0.6 up all are copies, and none below: no error.",
            "desde 0,6 todas son copias y por debajo ninguna: ningún error.",
        ),
        Case(
            ([0.5, 0.7, 0.4, 0.8], [True, False, False, True]),
            "0.5 makes one error (0.7 is no copy); so does 0.8. Of equals, the smallest.",
            "0,5 comete un error (0,7 no es copia); 0,8 también. En caso de empate, el menor.",
        ),
        Case(
            ([0.3, 0.6, 0.9], [True, True, True]),
            "all are copies, also the pair exactly at the threshold: at or above.",
            "todas son copias, también el par que está justo en el umbral: igual o por encima.",
        ),
        Case(
            ([0.1, 0.5, 0.55, 0.6, 0.9], [False, True, False, False, True]),
            "count both kinds of errors: copies missed, and others that are called copies.",
            "cuenta los dos tipos de error: copias perdidas y falsas copias.",
        ),
    ),
    same=near,
    read=float,
)
