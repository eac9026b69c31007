"""The rotary clock: a query and a key as hands that turn with their positions."""

import math
from collections.abc import Sequence
from typing import ClassVar

import traitlets

from lessons_lib.base.validation import check_integer
from lessons_lib.live.figure import LiveFigure, decimal, html_table, plain

__all__ = ["RotaryClock"]

LAST = 63  # the last position of the sliders
MAX_WIDTH = 16  # of a head whose pairs fit a table
FALLBACK = {
    "en": {
        "caption": "The product of query and key at some positions",
        "head": ["Position of the query", "Position of the key", "Distance", "Product"],
    },
    "es": {
        "caption": "El producto de consulta y clave en algunas posiciones",
        "head": [
            "Posición de la consulta",
            "Posición de la clave",
            "Distancia",
            "Producto",
        ],
    },
}


class RotaryClock(LiveFigure):
    """A query and a key, a clock for each pair, over the curve of their product by distance.

    The reader drags hands or the dot on the curve, moves the two positions, and changes the base of
    the speeds. The numbers are those of `lessons_lib.llama.rotation_speeds` and
    `lessons_lib.llama.rotate_half`.

    Args:
        q: the query, K numbers with K even, 2 to 16; pair i is made of the numbers i and K / 2 + i.
        k: the key, K numbers.
        m: the query's position at first, 0 to 63.
        n: the key's position at first, 0 to 63.
        base: of the speeds at first, 2 to 10,000,000.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: an odd number of numbers, too many, or not as many in both; numbers that are not
            finite; a position or a base out of range.
    """

    slug = "rotary_clock"
    label: ClassVar = {"en": "The rotary clock", "es": "El reloj rotatorio"}
    caption: ClassVar = {
        "en": "Query and key turn with their positions; their product sees only the distance.",
        "es": "Consulta y clave giran con sus posiciones; su producto solo ve la distancia.",
    }

    q = traitlets.List(traitlets.Float()).tag(sync=True)
    k = traitlets.List(traitlets.Float()).tag(sync=True)
    m = traitlets.Int(0).tag(sync=True)
    n = traitlets.Int(0).tag(sync=True)
    base = traitlets.Float(10000.0).tag(sync=True)

    def __init__(
        self,
        q: Sequence[float],
        k: Sequence[float],
        m: int = 0,
        n: int = 0,
        base: float = 10000.0,
        language: str = "en",
    ):
        q, k = _numbers("q", q), _numbers("k", k)
        if len(q) != len(k) or len(q) % 2 or not 0 < len(q) <= MAX_WIDTH:
            raise ValueError(
                f"expected an even number of numbers up to {MAX_WIDTH}, as many in q as in k, "
                f"got {len(q)} and {len(k)}"
            )
        for name, position in {"m": m, "n": n}.items():
            if check_integer(name, position, 0) > LAST:
                raise ValueError(f"expected {name} from 0 to {LAST}, got {position}")
        if not 2 <= base <= 1e7:
            raise ValueError(f"expected a base from 2 to 10,000,000, got {base}")
        super().__init__(q=q, k=k, m=m, n=n, base=float(base), language=language)

    def _product(self, m: int, n: int) -> float:
        half, total = len(self.q) // 2, 0.0
        for i in range(half):
            angle = (m - n) * self.base ** (-i / half)
            a, b, c, d = self.q[i], self.q[half + i], self.k[i], self.k[half + i]
            total += (a * c + b * d) * math.cos(angle) + (a * d - b * c) * math.sin(angle)
        return total

    def _fallback(self) -> str:
        words, say = FALLBACK[self.language], self.language
        places = [(self.m, self.n), (0, 0), (9, 9), (3, 1), (13, 11), (63, 61), (0, 8), (50, 58)]
        rows = [
            [str(m), str(n), plain(n - m, say), decimal(self._product(m, n), 3, say)]
            for m, n in places
        ]
        return html_table(words["caption"], words["head"], rows)

    def __repr__(self) -> str:
        return (
            f"RotaryClock({len(self.q)} numbers, m={self.m}, n={self.n}, base={self.base:g}, "
            f"language={self.language!r})"
        )


def _numbers(name: str, numbers: Sequence[float]) -> list[float]:
    """Return finite numbers as a list of floats."""
    try:
        listed = [float(number) for number in numbers]
    except (TypeError, ValueError):
        raise ValueError(f"expected a sequence of numbers in {name}, got {numbers!r:.80}") from None
    if not all(map(math.isfinite, listed)):
        raise ValueError(f"expected finite numbers in {name}, got {listed}")
    return listed
