"""Checks for the exercises of the chapter `quantization`."""

import math

import numpy as np

from lessons_lib.classroom.practice import Case, Exercise

__all__ = [
    "check_best_scale",
    "check_decode_block",
    "check_file_bytes",
    "check_float_value",
]


def _number(answer: object) -> float:
    """Make numbers of NumPy, torch and Python alike."""
    return float(answer)


def _close(answer: float, expected: float) -> bool:
    return math.isclose(answer, expected, rel_tol=1e-5, abs_tol=1e-30)


def _float_value(sign: str, exponent: str, mantissa: str, bias: int) -> float:
    power, fraction = int(exponent, 2), int(mantissa, 2) / 2 ** len(mantissa)
    size = (1 + fraction) * 2.0 ** (power - bias) if power else fraction * 2.0 ** (1 - bias)
    return -size if sign == "1" else size


check_float_value = Exercise(
    "float_value",
    _float_value,
    (
        Case(
            ("0", "01111", "0000000000", 15),
            "the exponent is 15, minus the bias 15: 1.0 times 2 to the power of 0.",
            "el exponente es 15, menos el desplazamiento 15: 1,0 por 2 elevado a 0.",
        ),
        Case(
            ("0", "10000", "0100000000", 15),
            "the mantissa comes after 1 and the binary point: 0100000000 is 256 / 1024.",
            "la mantisa va tras el 1 y la coma binaria: 0100000000 es 256 / 1024.",
        ),
        Case(
            ("0", "01110100", "1000000", 127),
            "the mantissa may have another length: divide by 2 to the power of its length.",
            "la mantisa puede tener otra longitud: divide entre 2 elevado a esa longitud.",
        ),
        Case(
            ("1", "10001", "1010000000", 15),
            "the sign 1 makes the number negative.",
            "el signo 1 hace negativo el número.",
        ),
        Case(
            ("0", "00000", "1000000000", 15),
            "with an exponent of zeros only, there is no 1 in front, and the power is 1 - bias.",
            "con un exponente de ceros no hay un 1 delante; la potencia es 1 - desplazamiento.",
        ),
        Case(
            ("0", "00000", "0000000000", 15),
            "all bits 0 are the number 0.",
            "con todos los bits a 0, el número es 0.",
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


def _vector(answer: object) -> list:
    return np.asarray(answer, dtype=float).tolist()


def _same_vector(answer: list, expected: list) -> bool:
    return np.shape(answer) == np.shape(expected) and np.allclose(answer, expected, rtol=1e-5)


def _decode_block(scale: float, data: bytes) -> list:
    return _vector([scale * ((b & 15) - 8) for b in data] + [scale * ((b >> 4) - 8) for b in data])


check_decode_block = Exercise(
    "decode_block",
    _decode_block,
    (
        Case(
            (1.0, bytes([0x99, 0x99])),
            "each byte holds two levels; level 8 stands for 0, level 9 for one scale.",
            "cada byte contiene dos niveles; el nivel 8 representa 0; el 9, una escala.",
        ),
        Case(
            (0.5, bytes([0xAA, 0xAA])),
            "multiply by the scale.",
            "multiplica por la escala.",
        ),
        Case(
            (1.0, bytes([0x98, 0x98])),
            "first the lower four bits of all bytes, then the upper four bits of all bytes.",
            "primero los cuatro bits bajos de todos los bytes; después, los cuatro altos de todos.",
        ),
        Case(
            (1.0, bytes([0x0F, 0x87])),
            "level 0 stands for -8 scales, level 15 for 7.",
            "el nivel 0 representa -8 escalas; el 15, 7.",
        ),
        Case(
            (-0.25, bytes(range(0, 256, 17))),
            "a negative scale is a scale like any other; a whole block has 16 bytes.",
            "una escala negativa es una escala más; un bloque entero tiene 16 bytes.",
        ),
    ),
    same=_same_vector,
    read=_vector,
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
