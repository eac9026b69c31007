"""Checks for the exercises of the chapter `generation`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from lessons_lib.classroom.practice import Case, Exercise

__all__ = [
    "check_beams",
    "check_best_n_guesses",
    "check_continue_all",
    "check_held_back",
]


@dataclass
class _Reader:
    """A small model with a cache, which counts together with its copies what they read."""

    name: str
    budget: int  # how many tokens need to be read in all
    state: int = 1
    n_read: list[int] = field(default_factory=lambda: [0])

    def __repr__(self) -> str:
        return self.name

    def copy(self) -> "_Reader":
        return replace(self)  # the same list: they count together

    def read(self, token_ids: Sequence[int]) -> list[float]:
        token_ids = [int(token_id) for token_id in token_ids]
        if not token_ids:
            raise ValueError("expected at least one new token to read, got none")
        self.n_read[0] += len(token_ids)
        if self.n_read[0] > self.budget:
            raise ValueError(f"expected at most {self.budget} tokens to read, got more")
        for token_id in token_ids:
            self.state = (31 * self.state + 7 * token_id + 3) % 1009
        scores = [(self.state * (k + 3) ** 2) % 101 + k / 10 for k in range(6)]
        return [score / sum(scores) for score in scores]


def _continue_all(
    reader: _Reader, shared: list[int], endings: list[list[int]], n_tokens: int
) -> list[list[int]]:
    reader.read(shared)
    texts = []
    for ending in endings:
        own, new, text = reader.copy(), ending, []
        for _ in range(n_tokens):
            probs = own.read(new)
            new = [probs.index(max(probs))]
            text += new
        texts.append(text)
    return texts


def _reader(letter: str, shared: list, endings: list, n_tokens: int) -> tuple:
    """Return a case's arguments, with a reader that may read everything once."""
    budget = len(shared) + sum(len(ending) + n_tokens for ending in endings)
    return _Reader(f"reader_{letter}", budget), shared, endings, n_tokens


check_continue_all = Exercise(
    "continue_all",
    _continue_all,
    (
        Case(
            _reader("a", [4, 2, 5], [[1, 3]], 4),
            "read shared and then the ending; take the most probable token; then read that one "
            "alone, not the whole text again.",
            "lee shared y después el final; toma el token más probable; después lee solo ese, y "
            "no otra vez todo el texto.",
        ),
        Case(
            _reader("b", [3, 1, 4, 1, 5], [[2], [0, 2]], 3),
            "read shared once, and make a copy for each ending: none may see what another one "
            "read.",
            "lee shared una sola vez y haz una copia para cada final: ninguna debe ver lo que "
            "leyó otra.",
        ),
        Case(
            _reader("c", [0], [[5], [5], [1]], 2),
            "equal endings have equal texts, in the order of endings.",
            "a finales iguales, textos iguales, y en el orden de endings.",
        ),
        Case(
            _reader("d", [1, 2], [[3], [4]], 0),
            "with n_tokens = 0 each text is an empty list.",
            "con n_tokens = 0, cada texto es una lista vacía.",
        ),
    ),
    read=lambda texts: [[int(token_id) for token_id in text] for text in texts],
)


def _held_back(data: bytes) -> int:
    for n in range(1, min(3, len(data)) + 1):
        byte = data[-n]
        if byte >= 0b1100_0000:  # the first byte of a character of 2, 3 or 4 bytes
            length = 2 + (byte >= 0b1110_0000) + (byte >= 0b1111_0000)
            return n if n < length else 0
        if byte < 0b1000_0000:
            return 0
    return 0


check_held_back = Exercise(
    "held_back",
    _held_back,
    (
        Case(
            (b"abc",),
            "letters of one byte are whole: hold back nothing, 0.",
            "las letras de un byte están enteras: no se retiene nada, 0.",
        ),
        Case(
            (b"ni" + b"\xc3",),
            "C3 begins a character of two bytes and its second byte is missing: 1.",
            "C3 empieza un carácter de dos bytes y falta el segundo: 1.",
        ),
        Case(
            ("niñ".encode(),),
            "the ñ is whole, both its bytes are there: 0.",
            "la ñ está entera, con sus dos bytes: 0.",
        ),
        Case(
            ("🦊".encode()[:3],),
            "a fox has four bytes; three of them are not a character yet: 3.",
            "un zorro tiene cuatro bytes; tres aún no son un carácter: 3.",
        ),
        Case(
            ("a€".encode()[:-1],),
            "the euro sign has three bytes; with two of them, 2 wait.",
            "el signo del euro tiene tres bytes; con dos de ellos esperan 2.",
        ),
        Case(
            ("ñandú🦊".encode()[:-2],),
            "only the last character can be incomplete; look back no further.",
            "solo el último carácter puede estar incompleto; no mires más atrás.",
        ),
        Case(
            ("🦊".encode(),),
            "four bytes of four: the fox is whole.",
            "cuatro bytes de cuatro: el zorro está entero.",
        ),
        Case(
            (b"",),
            "no bytes: nothing to hold back.",
            "sin bytes no hay nada que retener.",
        ),
    ),
    read=int,
)


@dataclass(frozen=True)
class _Table:
    """Probabilities of the next token for some beginnings; all others have the last row."""

    name: str
    rows: dict[tuple[int, ...], list[float]]
    other: list[float]

    def __repr__(self) -> str:
        return self.name

    def __call__(self, token_ids: Sequence[int]) -> list[float]:
        return list(self.rows.get(tuple(int(token_id) for token_id in token_ids), self.other))


def _beams(next_probs: Callable, n_beams: int, n_tokens: int) -> list[tuple[list[int], float]]:
    beams = [([], 1.0)]
    for _ in range(n_tokens):
        longer = [
            ([*ids, token_id], p * q)
            for ids, p in beams
            for token_id, q in enumerate(next_probs(ids))
        ]
        beams = sorted(longer, key=lambda beam: -beam[1])[:n_beams]
    return _rounded(beams)


def _rounded(beams: Sequence) -> list[tuple[list[int], float]]:
    return [([int(token_id) for token_id in ids], round(float(p), 6)) for ids, p in beams]


_ANIMALS = _Table("animals", {(): [0.5, 0.4, 0.1], (1,): [0.9, 0.06, 0.04]}, [0.4, 0.35, 0.25])
_LATE = _Table(
    "late",
    {(): [0.4, 0.35, 0.25], (1,): [0.5, 0.3, 0.2], (2,): [0.98, 0.01, 0.01]},
    [0.4, 0.35, 0.25],
)
_FAVOURITE = _Table("favourite", {(): [0.9, 0.1], (0, 0): [0.2, 0.8]}, [0.6, 0.4])

check_beams = Exercise(
    "beams",
    _beams,
    (
        Case(
            (_ANIMALS, 2, 2),
            "keep the two best beginnings, try every token after each, multiply, and keep the two "
            "best of all.",
            "conserva los dos mejores comienzos, prueba todos los tokens detrás de cada uno, "
            "multiplica y conserva los dos mejores de todos.",
        ),
        Case(
            (_FAVOURITE, 2, 2),
            "both may come from the same beginning: the best of all, not the best of each.",
            "los dos pueden venir del mismo comienzo: los mejores de todos, no el mejor de cada "
            "uno.",
        ),
        Case(
            (_LATE, 2, 2),
            "what is not among the best is forgotten, even if much would have come of it.",
            "lo que no está entre los mejores se olvida, aunque hubiera llegado lejos.",
        ),
        Case(
            (_FAVOURITE, 3, 3),
            "at first there may be fewer texts than beams: keep them all.",
            "al principio puede haber menos textos que los que caben en el haz: consérvalos todos.",
        ),
        Case((_ANIMALS, 1, 3), "one beam is greedy.", "un haz de uno es la elección voraz."),
        Case(
            (_ANIMALS, 2, 0),
            "no tokens: one empty text of probability 1.",
            "sin tokens: un texto vacío de probabilidad 1.",
        ),
    ),
    read=_rounded,
)


@dataclass
class _Rounds:
    """A recorded draft: how many of its guesses would pass, round by round, over and over."""

    name: str
    passes: list[int]
    n_played: int = 0

    def __repr__(self) -> str:
        return self.name

    def __call__(self, n_guesses: int) -> int:
        passed = self.passes[self.n_played % len(self.passes)]
        self.n_played += 1
        return min(passed, int(n_guesses)) + 1


def _best_n_guesses(play: Callable, cost: float, most: int) -> int:
    def pace(n_guesses: int) -> float:
        return sum(play(n_guesses) for _ in range(300)) / 300 / (1 + n_guesses * cost)

    paces = [pace(n_guesses) for n_guesses in range(most + 1)]
    return paces.index(max(paces))


check_best_n_guesses = Exercise(
    "best_n_guesses",
    _best_n_guesses,
    (
        Case(
            (_Rounds("play_a", [0, 0, 7, 0, 7, 0, 0, 1, 0, 1]), 0.3, 7),
            "one round says little: play many with each number of guesses and take their mean.",
            "una ronda dice poco: juega muchas con cada número de propuestas y toma la media.",
        ),
        Case(
            (_Rounds("play_b", [4, 2]), 0.4, 5),
            "tokens per time count, divided by the time 1 + n cost of a round.",
            "cuentan los tokens por unidad de tiempo: divide entre el tiempo de una ronda, "
            "1 + n cost.",
        ),
        Case(
            (_Rounds("play_c", [6, 2, 8, 5, 6]), 0.05, 8),
            "a good draft that costs little: more guesses bring more tokens, up to a point.",
            "un borrador bueno y barato: más propuestas dan más tokens, hasta cierto punto.",
        ),
        Case(
            (_Rounds("play_d", [0, 0, 1, 0, 0, 2]), 0.5, 6),
            "where few guesses pass and each costs time, no guess at all may be best: try 0.",
            "si pocas propuestas pasan y cada una cuesta tiempo, puede que lo mejor sea ninguna: "
            "prueba 0.",
        ),
    ),
    read=int,
)
