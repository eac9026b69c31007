"""Checks for the exercises of the chapter `scaling`."""

import math
from collections.abc import Callable

import torch

from lessons_lib.classroom.examples import LettersLoss, letters
from lessons_lib.classroom.practice import Case, Exercise
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.scaling import model_flops
from lessons_lib.training import Recipe, Windows, train

__all__ = ["check_bytes_each", "check_devices_for", "check_one_more", "check_texts_that_fit"]


def _number(answer: object) -> float:
    """Make numbers of NumPy, torch and Python alike."""
    return round(float(answer), 6)


def _close(answer: float, expected: float) -> bool:
    return math.isclose(answer, expected, rel_tol=1e-4, abs_tol=1e-6)


def _devices_for(n_parameters, n_tokens, days, peak, utilisation) -> int:
    return math.ceil(6 * n_parameters * n_tokens / (days * 86400 * peak * utilisation))


check_devices_for = Exercise(
    "devices_for",
    _devices_for,
    (
        Case(
            (1e9, 2e10, 1.0, 1e14, 1.0),
            "6 operations for each parameter and token; a day has 86,400 seconds. 13.9 devices are "
            "14.",
            "6 operaciones por parámetro y token; un día tiene 86 400 segundos. 13,9 dispositivos "
            "son 14.",
        ),
        Case(
            (1e9, 2e10, 1.0, 1e14, 0.4),
            "at 40 percent of the peak it takes more devices: divide by the utilisation.",
            "al 40 por ciento del máximo hacen falta más: divide entre la utilización.",
        ),
        Case(
            (1e9, 2e10, 10.0, 1e14, 0.4),
            "with ten times the days, a tenth of the devices, and rounded up at the end.",
            "con diez veces más días, la décima parte; y se redondea hacia arriba al final.",
        ),
        Case(
            (1.75e11, 3e11, 1.0, 9.89e14, 0.4),
            "GPT-3 within a day on H100: 9,217 of them.",
            "GPT-3 en un día con H100: 9217.",
        ),
    ),
)


def _texts_that_fit(memory: int, weights: int, bytes_per_token: int, n_tokens: int) -> int:
    return max(0, memory - weights) // (bytes_per_token * n_tokens)


check_texts_that_fit = Exercise(
    "texts_that_fit",
    _texts_that_fit,
    (
        Case(
            (100, 40, 2, 10),
            "what the weights leave free, divided by the cache of one whole text.",
            "lo que dejan libre los pesos, dividido entre la caché de un texto entero.",
        ),
        Case(
            (100, 41, 2, 10),
            "only whole texts count: round down (//).",
            "solo cuentan los textos enteros: redondea hacia abajo (//).",
        ),
        Case(
            (80 * 10**9, 16 * 10**9, 2**17, 8192),
            "Llama 3 8B on a device of 80 GB: 59 texts of 8,192 tokens.",
            "Llama 3 8B en un dispositivo de 80 GB: 59 textos de 8192 tokens.",
        ),
        Case(
            (100, 99, 2, 10),
            "too little room for one text: 0.",
            "no hay sitio ni para un texto: 0.",
        ),
        Case(
            (100, 200, 2, 10),
            "where not even the weights fit, the answer is 0, not a negative number.",
            "si no caben ni los pesos, la respuesta es 0, no un número negativo.",
        ),
    ),
)


def _bytes_each(n_parameters: int, n_devices: int, stage: int) -> float:
    parts = [2, 2, 12]  # weights, gradients, optimizer
    for cut in range(stage):
        parts[-1 - cut] /= n_devices
    return _number(n_parameters * sum(parts))


check_bytes_each = Exercise(
    "bytes_each",
    _bytes_each,
    (
        Case(
            (1000, 4, 0),
            "stage 0 is plain data parallel: 16 bytes for each parameter, on every device.",
            "la etapa 0 es el paralelismo de datos simple: 16 bytes por parámetro en cada "
            "dispositivo.",
        ),
        Case(
            (1000, 4, 1),
            "stage 1 cuts only the 12 bytes of the optimizer: 2 + 2 + 12 / 4.",
            "la etapa 1 corta solo los 12 bytes del optimizador: 2 + 2 + 12 / 4.",
        ),
        Case(
            (1000, 4, 2),
            "stage 2 cuts the gradients as well: 2 + (2 + 12) / 4.",
            "la etapa 2 corta también los gradientes: 2 + (2 + 12) / 4.",
        ),
        Case(
            (1000, 4, 3),
            "stage 3 cuts the weights too: 16 / 4.",
            "la etapa 3 corta también los pesos: 16 / 4.",
        ),
        Case(
            (8_030_261_248, 64, 2),
            "Llama 3 8B on 64 devices: the weights, 16 GB, stay whole in stage 2.",
            "Llama 3 8B en 64 dispositivos: en la etapa 2 los pesos, 16 GB, siguen enteros.",
        ),
    ),
    same=_close,
    read=_number,
)


def _one_more(config: LlamaConfig, n_steps: int, data: Windows, measure: Callable) -> list:
    torch.manual_seed(0)
    model = Llama(config)
    train(model, data, Recipe(n_steps=n_steps, batch_size=12, lr=0.005, matrix_lr=0.02))
    return _pair((3 * n_steps * 12 * model_flops(config, data.length), measure(model)))


def _pair(answer: object) -> list:
    operations, excess = answer
    return [float(operations), round(float(excess), 4)]


def _close_pair(answer: list, expected: list) -> bool:
    """Operations are counted; a loss may differ where more threads add up in another order."""
    same_work = math.isclose(answer[0], expected[0], rel_tol=1e-9)
    return same_work and math.isclose(answer[1], expected[1], rel_tol=1e-3, abs_tol=1e-3)


def _small(d_model: int) -> LlamaConfig:
    return LlamaConfig(4, 24, d_model, n_heads=2, n_layers=1, d_ff=2 * d_model)


check_one_more = Exercise(
    "one_more",
    _one_more,
    (
        Case(
            (_small(8), 1, letters(16), LettersLoss()),
            "torch.manual_seed(0), Llama(config), train, and return two numbers: the operations, "
            "3 times model_flops for each of 12 windows, and what measure says of the model.",
            "torch.manual_seed(0), Llama(config), train, y devuelve dos números: las operaciones, "
            "3 veces model_flops por cada una de las 12 ventanas, y lo que measure dice del "
            "modelo.",
        ),
        Case(
            (_small(8), 12, letters(16), LettersLoss()),
            "n_steps steps, each with 12 windows of data.length tokens: operations grow with both.",
            "n_steps pasos, cada uno con 12 ventanas de data.length tokens: las operaciones crecen "
            "con ambos.",
        ),
        Case(
            (_small(16), 10, letters(20), LettersLoss()),
            "another width, another length: nothing may be fixed.",
            "otro ancho, otra longitud: nada puede ser fijo.",
        ),
    ),
    same=_close_pair,
    read=_pair,
)
