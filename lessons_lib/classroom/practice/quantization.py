"""Checks for the exercises of the chapter `quantization`."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from lessons_lib.classroom.practice import Case, Exercise

__all__ = [
    "check_best_mix",
    "check_best_scale",
    "check_file_bytes",
    "check_gap",
]


def _number(answer: object) -> float:
    """Make numbers of NumPy, torch and Python alike."""
    return float(answer)


def _close(answer: float, expected: float) -> bool:
    return math.isclose(answer, expected, rel_tol=1e-5, abs_tol=1e-30)


def _gap(x: float, mantissa_bits: int) -> float:
    return 2.0 ** (math.frexp(x)[1] - 1 - mantissa_bits)


check_gap = Exercise(
    "gap",
    _gap,
    (
        Case(
            (1.0, 23),
            "after 1 comes 1 and the last bit of the mantissa: 2 to the power of -23.",
            "después de 1 viene 1 más el último bit de la mantisa: 2 elevado a -23.",
        ),
        Case(
            (3.0, 7),
            "3 is 1.5 times 2: the steps of the mantissa are twice as wide as at 1.",
            "3 es 1,5 por 2: los pasos de la mantisa son el doble de anchos que en 1.",
        ),
        Case(
            (1000.0, 7),
            "1000 stands between 512 and 1024: in BF16 its neighbours are 4 away.",
            "1000 está entre 512 y 1024: en BF16, sus vecinos quedan a distancia 4.",
        ),
        Case(
            (1024.0, 7),
            "at a power of two the next larger one belongs to it: from 1024 on the gap is 8.",
            "en una potencia de dos, el siguiente ya es de ella: desde 1024 la distancia es 8.",
        ),
        Case(
            (0.1, 10),
            "below 1 the powers are negative: 0.1 stands between 1/16 and 1/8.",
            "por debajo de 1, las potencias son negativas: 0,1 está entre 1/16 y 1/8.",
        ),
        Case(
            (1023.9999389648438, 23),
            "just below a power of two it is the smaller power that counts: do not round.",
            "justo por debajo de una potencia de dos cuenta la potencia menor: no redondees.",
        ),
    ),
    same=_close,
    read=_number,
)


def _file_bytes(n_weights: int, block_size: int, bits: int, bytes_per_scale: int) -> float:
    return _number(n_weights // block_size * (block_size * bits / 8 + bytes_per_scale))


check_file_bytes = Exercise(
    "file_bytes",
    _file_bytes,
    (
        Case(
            (32, 32, 8, 2),
            "one block of Q8_0: 32 bytes for the levels and 2 for the scale.",
            "un bloque de Q8_0: 32 bytes para los niveles y 2 para la escala.",
        ),
        Case(
            (320, 32, 8, 2),
            "each block has a scale of its own: ten blocks here.",
            "cada bloque tiene su propia escala: aquí hay diez bloques.",
        ),
        Case(
            (320, 32, 4, 2),
            "a byte has 8 bits, so two levels of 4 bits share one.",
            "un byte tiene 8 bits, así que dos niveles de 4 bits comparten uno.",
        ),
        Case(
            (1024, 64, 3, 4),
            "blocks may have any size and scales any number of bytes.",
            "los bloques pueden tener cualquier tamaño y las escalas cualquier número de bytes.",
        ),
        Case(
            (8 * 10**9, 32, 4, 2),
            "eight billion weights in Q4_0: 4.5 GB.",
            "ocho mil millones de pesos en Q4_0: 4,5 GB.",
        ),
    ),
    same=_close,
    read=_number,
)


@dataclass(frozen=True)
class _Harm:
    """A model's harm by the formats of its matrices: each one's own, and what pairs do together."""

    name: str
    own: tuple[dict[str, float], ...]
    together: dict[tuple[int, int], float] = field(default_factory=dict)

    def __repr__(self) -> str:
        return self.name

    def __call__(self, formats: Sequence[str]) -> float:
        each = [own[name] for own, name in zip(self.own, formats, strict=True)]
        pairs = sum(times * each[i] * each[j] for (i, j), times in self.together.items())
        return sum(each) + pairs


def _best_mix(harm: Callable, sizes: list[int], bits: dict[str, float], most: float) -> list[str]:
    mixes = [
        list(mix)
        for mix in product(bits, repeat=len(sizes))
        if sum(n * bits[name] for n, name in zip(sizes, mix, strict=True)) <= most * sum(sizes)
    ]
    return min(mixes, key=harm)


_BITS = {"MXFP4": 4.25, "Q5_K": 5.5, "Q8_0": 8.5}


def _own(harm: float) -> dict[str, float]:
    """Return a matrix's harm by format: about a quarter for each bit more."""
    return {"MXFP4": harm, "Q5_K": harm / 6, "Q8_0": harm / 400}


check_best_mix = Exercise(
    "best_mix",
    _best_mix,
    (
        Case(
            (_Harm("harm_a", (_own(0.01), _own(0.4), _own(0.05))), [120, 100, 100], _BITS, 5.9),
            "the sensitive matrix gets the most bits, and the others what is left: try all mixes "
            "within the limit.",
            "la matriz sensible recibe más bits y las demás, los que quedan: prueba todas las "
            "mezclas dentro del límite.",
        ),
        Case(
            (_Harm("harm_b", (_own(0.2), _own(0.3))), [100, 1900], _BITS, 5.0),
            "a matrix counts by its weights: the large one cannot have more bits here, the small "
            "one can.",
            "una matriz cuenta según sus pesos: aquí la grande no puede tener más bits; la "
            "pequeña, sí.",
        ),
        Case(
            (_Harm("harm_c", (_own(0.1), _own(0.3))), [50, 50], _BITS, 7.0),
            "exactly as many bits as allowed are allowed: 8.5 and 5.5 make 7 on average.",
            "justo los bits permitidos también valen: 8,5 y 5,5 dan 7 de media.",
        ),
        Case(
            (
                _Harm(
                    "harm_d",
                    (_own(0.3), _own(0.24), _own(0.24)),
                    {(1, 2): 20.0},
                ),
                [100, 100, 100],
                _BITS,
                4.7,
            ),
            "two matrices may harm together more than each alone: measure whole mixes, not one "
            "matrix at a time.",
            "dos matrices pueden dañar juntas más que cada una por su lado: mide mezclas enteras, "
            "no una matriz cada vez.",
        ),
        Case(
            (_Harm("harm_e", (_own(0.5), _own(0.1))), [10, 10], _BITS, 4.25),
            "with no bits to spare all get the smallest format.",
            "si no sobran bits, todas reciben el formato más pequeño.",
        ),
    ),
    read=list,
)


def _best_scale(x: np.ndarray, levels: np.ndarray, weights: np.ndarray) -> float:
    below = (weights * levels * levels).sum()
    return _number((weights * x * levels).sum() / below) if below else 0.0


check_best_scale = Exercise(
    "best_scale",
    _best_scale,
    (
        Case(
            (np.array([1.0, 2.0]), np.array([2.0, 4.0]), np.array([1.0, 1.0])),
            "here 0.5 times the levels is x exactly.",
            "aquí 0,5 por los niveles da exactamente x.",
        ),
        Case(
            (np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 3.0]), np.array([1.0, 1.0, 1.0])),
            "with levels q: the error is least where the sum of x q is scale times that of q q.",
            "con niveles q: el error es mínimo donde la suma de x q es la escala por la de q q.",
        ),
        Case(
            (np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 3.0]), np.array([1.0, 5.0, 2.0])),
            "each squared error counts as often as its weight: the weight is in both sums.",
            "cada error al cuadrado cuenta según su peso: el peso está en las dos sumas.",
        ),
        Case(
            (np.array([1.0, -2.0]), np.array([-1.0, 2.0]), np.array([1.0, 1.0])),
            "the scale may be negative.",
            "la escala puede ser negativa.",
        ),
        Case(
            (np.array([0.1, -0.2]), np.array([0.0, 0.0]), np.array([1.0, 1.0])),
            "with levels 0 only, no scale helps: return 0.0 in place of dividing by 0.",
            "si todos los niveles son 0, ninguna escala ayuda: devuelve 0.0 en vez de dividir "
            "entre 0.",
        ),
    ),
    same=_close,
    read=_number,
)
