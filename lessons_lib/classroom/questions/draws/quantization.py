"""Numbers for the questions of the chapter `quantization`."""

from random import Random

import numpy as np

from lessons_lib.quantization import (
    FORMATS,
    FloatBits,
    Format,
    block_layout,
    quantize,
    rmse,
    round_absmax,
    round_zero_point,
)

__all__ = [
    "absmax_level",
    "bits_each",
    "gap_to_next",
    "packed_shape",
    "rmse_of",
    "scales_shape",
    "tokens_a_second",
    "value_of_bits",
    "zero_point_level",
]


def value_of_bits(rng: Random) -> dict[str, object]:
    """Draw the bits of a small float, neither subnormal nor infinite."""
    power = rng.choice([-3, -2, -1, 1, 2])
    bits = FloatBits(rng.choice("01"), f"{power + 7:04b}", rng.choice(["100", "010", "110", "001"]))
    answer = bits.value
    fraction = int(bits.mantissa, 2) / 8
    sign = -1 if bits.sign == "1" else 1
    return {
        "sign": bits.sign,
        "exponent": bits.exponent,
        "mantissa": bits.mantissa,
        "bias": 7,
        "answer": answer,
        "decimals": 4,
        "wrong": [
            [
                sign * fraction * 2.0**power,
                "the 1 before the point is missing",
                "falta el 1 de delante",
            ],
            [-answer, "the sign bit read the other way round", "el bit de signo, al revés"],
            [answer * 2, "the bias is one too small", "el desplazamiento es uno menos"],
        ],
    }


def gap_to_next(rng: Random) -> dict[str, object]:
    """Draw a number and a mantissa: the steps are whole parts of 1/1024."""
    bits, power = rng.choice([5, 6, 7]), rng.choice([1, 2, 3])
    x = 2**power + rng.choice([0.5, 1, 1.5])
    low = FloatBits("0", f"{power + 127:08b}", "0" * bits).value
    high = FloatBits("0", f"{power + 127:08b}", "0" * (bits - 1) + "1").value
    answer = round(1024 * (high - low))
    return {
        "x": x,
        "bits": bits,
        "answer": answer,
        "wrong": [
            [1024 // 2**bits, "the gap at 1: floats do not lie evenly", "la distancia en el 1"],
            [2 * answer, "the power of two above the number", "la potencia de dos de encima"],
        ],
    }


def absmax_level(rng: Random) -> dict[str, object]:
    """Draw a row's largest number and another number of it."""
    most, peak = rng.choice([7, 127]), rng.choice([1.4, 2.8, 3.5, 4.2])
    exact = rng.choice([0.3, 0.45, 0.6, 0.75]) * peak * rng.choice([-1, 1])
    x = round(exact, 2)
    [[level, _]], _ = round_absmax(np.float32([[x, peak]]), most)
    answer = int(level)
    near = answer + (1 if abs(x) / peak * most > abs(answer) else -1) * (1 if x > 0 else -1)
    return {
        "most": most,
        "peak": peak,
        "x": x,
        "answer": answer,
        "wrong": [
            [near, "rounded to the wrong side", "redondeado al lado equivocado"],
            [-answer, "the sign was lost", "se perdió el signo"],
        ],
    }


def zero_point_level(rng: Random) -> dict[str, object]:
    """Draw a range and a number within it."""
    low, step = rng.choice([4.0, 5.0, 6.0, 8.0]), 0.1
    high = low + 15 * step
    level = rng.randint(4, 12)
    x = round(low + step * (level + rng.choice([-0.2, 0.2, 0.3])), 2)
    levels, _, _ = round_zero_point(np.float32([[low, x, high]]), 15)
    answer = int(levels[0, 1])
    return {
        "low": low,
        "high": high,
        "x": x,
        "answer": answer,
        "wrong": [
            [round(15 * x / high), "the minimum was not subtracted", "no se restó el mínimo"],
            [15 - answer, "counted from the maximum", "se contó desde el máximo"],
        ],
    }


def bits_each(rng: Random) -> dict[str, object]:
    """Draw a format of blocks."""
    size, bits, n_bytes = (
        rng.choice([16, 32, 64, 128]),
        rng.choice([2, 4, 8]),
        rng.choice([1, 2, 4]),
    )
    layout = block_layout(scales=f"{n_bytes}u1", qs=f"{size * bits // 8}u1")
    return {
        "size": size,
        "bits": bits,
        "n_bytes": n_bytes,
        "answer": Format("drawn", size, layout).bits_per_weight,
        "decimals": 3,
        "wrong": [
            [bits, "the scales are missing", "faltan las escalas"],
            [bits + n_bytes / size, "bytes taken for bits", "bytes tomados por bits"],
            [bits + 8 * n_bytes, "a scale for each weight", "una escala por peso"],
        ],
    }


def packed_shape(rng: Random) -> dict[str, object]:
    """Draw an array and a format."""
    name = rng.choice(["Q8_0", "Q4_0", "Q4_1", "Q5_0"])
    rows, columns = rng.choice([3, 5, 7]), rng.choice([64, 96, 128])
    size, n_bytes = FORMATS[name].block_size, FORMATS[name].bytes_per_block
    n_blocks = columns // size
    return {
        "name": name,
        "rows": rows,
        "columns": columns,
        "size": size,
        "n_bytes": n_bytes,
        "answer": quantize(np.zeros((rows, columns), np.float32), name).shape,
        "wrong": [
            [(rows * n_blocks, n_bytes), "rows stay rows", "las filas siguen siendo filas"],
            [(rows, n_blocks), "blocks, not bytes", "bloques, no bytes"],
        ],
    }


def scales_shape(rng: Random) -> dict[str, object]:
    """Draw an array and the size of its blocks."""
    rows, columns, size = rng.choice([4, 6, 10]), rng.choice([128, 256]), rng.choice([16, 32, 64])
    _, scales = round_absmax(np.ones((rows * columns // size, size), np.float32))
    return {
        "rows": rows,
        "columns": columns,
        "size": size,
        "answer": scales.shape,
        "wrong": [
            [(rows, 1), "one scale for each row", "una escala por fila"],
            [(scales.size, size), "those are the levels", "esos son los niveles"],
        ],
    }


def rmse_of(rng: Random) -> dict[str, object]:
    """Draw two lists of four numbers."""
    a = [rng.randint(0, 9) for _ in range(4)]
    differences = rng.choice([[1, -2, 0, 4], [3, -1, 2, 5], [2, 0, -4, 6]])
    rng.shuffle(differences)
    b = [x + d for x, d in zip(a, differences, strict=True)]
    answer = rmse(a, b)
    return {
        "a": a,
        "b": b,
        "answer": answer,
        "decimals": 2,
        "wrong": [
            [answer**2, "the root is missing", "falta la raíz"],
            [answer * 2, "the sum was not divided by 4", "no se dividió entre 4"],
            [
                sum(map(abs, differences)) / 4,
                "the mean size, without squares",
                "la media de los tamaños, sin cuadrados",
            ],
        ],
    }


def tokens_a_second(rng: Random) -> dict[str, object]:
    """Draw a model, its format and a memory."""
    name, billions = rng.choice(["F16", "Q5_0", "Q4_0", "Q4_K"]), rng.choice([3, 7, 8, 14])
    bits, speed = FORMATS[name].bits_per_weight, rng.choice([50, 100, 200])
    answer = speed / (billions * bits / 8)
    return {
        "name": name,
        "billions": billions,
        "bits": bits,
        "speed": speed,
        "answer": answer,
        "decimals": 1,
        "wrong": [
            [answer / 8, "bits taken for bytes", "bits tomados por bytes"],
            [speed / billions, "one byte a weight", "un byte por peso"],
            [answer / 2, "two readings of each weight", "dos lecturas de cada peso"],
        ],
    }
