"""Numbers for the questions of the chapter `scaling`."""

import math
from random import Random

from lessons_lib.gpt import GPTConfig
from lessons_lib.llama import LlamaConfig
from lessons_lib.scaling import (
    bubble_fraction,
    fit_power_law,
    kv_cache_memory,
    pipeline_schedule,
    training_flops,
    training_memory,
    utilisation,
)

__all__ = [
    "bubble_of",
    "cache_of_texts",
    "cache_shape",
    "cut_columns",
    "devices_for_state",
    "exponent_of_two",
    "mfu_of_run",
    "schedule_shape",
    "training_cost",
    "twenty_tokens",
    "zero_two",
]


def training_cost(rng: Random) -> dict[str, object]:
    """Draw a model and its text, for the rule of 6."""
    billions, tokens = rng.choice([2, 3, 5, 7, 9]), rng.choice([200, 300, 400, 600, 1100])
    answer = training_flops(billions * 1e9, tokens * 1e9) / 1e21
    return {
        "billions": billions,
        "tokens": tokens,
        "answer": answer,
        "decimals": 1,
        "wrong": [
            [answer / 3, "only the forward pass: 2", "solo la pasada hacia delante: 2"],
            [answer / 6, "parameters times tokens, without the 6", "falta el 6"],
            [answer * 2 / 3, "only the backward pass: 4", "solo la pasada hacia atrás: 4"],
        ],
    }


def devices_for_state(rng: Random) -> dict[str, object]:
    """Draw a model and the memory of an accelerator."""
    billions, room = rng.choice([13, 22, 34, 52, 70, 90]), rng.choice([40, 64, 80])
    total = sum(training_memory(billions * 1e9, "mixed").values()) / 1e9
    return {
        "billions": billions,
        "room": room,
        "answer": math.ceil(total / room),
        "wrong": [
            [
                math.ceil(2 * billions / room),
                "only the 16-bit weights, as for writing",
                "solo los pesos de 16 bits, como para escribir",
            ],
            [
                math.ceil(12 * billions / room),
                "only what the optimizer keeps",
                "solo lo que guarda el optimizador",
            ],
        ],
    }


def cache_of_texts(rng: Random) -> dict[str, object]:
    """Draw a small Llama and the texts that it writes."""
    n_layers, n_kv_heads = rng.choice([4, 6, 8]), rng.choice([2, 4])
    d_head, n_texts, n_tokens = rng.choice([8, 16]), rng.choice([3, 5]), rng.choice([100, 200])
    config = LlamaConfig(
        64, 256, d_model=8 * d_head, n_heads=8, n_layers=n_layers, d_ff=64, n_kv_heads=n_kv_heads
    )
    answer = kv_cache_memory(config, n_texts, n_tokens)
    return {
        "n_layers": n_layers,
        "n_kv_heads": n_kv_heads,
        "d_head": d_head,
        "n_texts": n_texts,
        "n_tokens": n_tokens,
        "answer": answer,
        "wrong": [
            [
                answer // 2,
                "keys or values only, or 1 byte a number",
                "faltan las claves o los valores",
            ],
            [answer // n_layers, "one layer only", "una sola capa"],
            [answer // n_texts, "one text only", "un solo texto"],
        ],
    }


def cache_shape(rng: Random) -> dict[str, object]:
    """Draw a GPT and the texts that it writes."""
    n_heads, d_head = rng.choice([3, 5, 7]), rng.choice([8, 16, 32])
    n_layers, n_texts, n_tokens = rng.choice([2, 6]), rng.choice([4, 9]), rng.choice([10, 50])
    config = GPTConfig(64, 64, d_model=n_heads * d_head, n_heads=n_heads, n_layers=n_layers)
    numbers = kv_cache_memory(config, n_texts, n_tokens, n_bytes=1) // 2
    width = numbers // (n_layers * n_texts * n_heads * n_tokens)
    return {
        "d_model": n_heads * d_head,
        "n_heads": n_heads,
        "n_layers": n_layers,
        "n_texts": n_texts,
        "n_tokens": n_tokens,
        "answer": (n_layers, n_texts, n_heads, n_tokens, width),
        "wrong": [
            [
                (n_layers, n_texts, n_heads, n_tokens, n_heads * d_head),
                "the width of the model is shared out among the heads",
                "el ancho del modelo se reparte entre las cabezas",
            ],
            [
                (n_layers, n_texts, n_heads, n_tokens, n_tokens),
                "those would be scores, not keys",
                "eso serían puntuaciones, no claves",
            ],
        ],
    }


def mfu_of_run(rng: Random) -> dict[str, object]:
    """Draw a training step and its devices."""
    n_devices, seconds = rng.choice([4, 8, 16]), rng.choice([2, 3, 5])
    peak, needed = rng.choice([200, 300, 500]), rng.choice([2, 3])
    answer = utilisation(needed * 1e15, seconds, n_devices * peak * 1e12)
    return {
        "n_devices": n_devices,
        "seconds": seconds,
        "peak": peak,
        "needed": needed,
        "answer": answer,
        "decimals": 3,
        "wrong": [
            [answer * seconds, "not divided by the seconds", "no se dividió entre los segundos"],
            [answer * n_devices, "the peak of one device only", "el máximo de un solo dispositivo"],
            [answer * 4 / 3, "HFU with checkpointing: 8 for 6", "HFU con recálculo: 8 por cada 6"],
        ],
    }


def exponent_of_two(rng: Random) -> dict[str, object]:
    """Draw two points of a power law."""
    times, after = rng.choice([10, 100, 1000]), rng.choice([4, 5, 8])
    ratio = rng.choice([2, 3, 5])
    answer = fit_power_law([1, times], [ratio * after, after]).exponent
    return {
        "times": times,
        "before": ratio * after,
        "after": after,
        "answer": answer,
        "decimals": 2,
        "wrong": [
            [1 / answer, "the fraction upside down", "la fracción al revés"],
            [ratio / times, "divided without logarithms", "se dividió sin logaritmos"],
            [-answer, "the exponent is that of a fall: b is positive", "b es positivo"],
        ],
    }


def twenty_tokens(rng: Random) -> dict[str, object]:
    """Draw a model for the rule of 20 tokens per parameter."""
    billions = rng.randint(3, 90)
    return {
        "billions": billions,
        "answer": round(billions * (1.4e12 / 70e9)),
        "wrong": [
            [
                6 * billions,
                "6 is the factor of the operations",
                "6 es el factor de las operaciones",
            ],
            [16 * billions, "16 are the bytes per parameter", "16 son los bytes por parámetro"],
        ],
    }


def zero_two(rng: Random) -> dict[str, object]:
    """Draw a model and devices for ZeRO's stage 2."""
    billions, n_devices = rng.choice([3, 7, 8, 13, 20]), rng.choice([4, 8, 16, 32])
    weights, gradients, optimizer = training_memory(billions, "mixed").values()
    return {
        "billions": billions,
        "n_devices": n_devices,
        "answer": weights + (gradients + optimizer) / n_devices,
        "decimals": 2,
        "wrong": [
            [
                16 * billions / n_devices,
                "the weights were cut as well: stage 3",
                "también se cortaron los pesos: etapa 3",
            ],
            [
                billions * (4 + 12 / n_devices),
                "only the optimizer was cut: stage 1",
                "solo se cortó el optimizador: etapa 1",
            ],
            [16 * billions, "nothing was cut", "no se cortó nada"],
        ],
    }


def cut_columns(rng: Random) -> dict[str, object]:
    """Draw a feed-forward network and devices that share it."""
    d_model, n_devices = rng.choice([48, 96, 192]), rng.choice([2, 8])
    d_ff = GPTConfig(64, 64, d_model=d_model, n_heads=4, n_layers=1).d_ff or 4 * d_model
    return {
        "d_model": d_model,
        "d_ff": d_ff,
        "n_devices": n_devices,
        "answer": (d_ff // n_devices, d_model),
        "wrong": [
            [
                (d_ff, d_model // n_devices),
                "cut by columns: the device lacks the other inner numbers",
                "cortada por columnas: al dispositivo le faltan los demás números interiores",
            ],
            [
                (d_model, d_ff // n_devices),
                "that is the part of the way up",
                "esa es la parte de la subida",
            ],
        ],
    }


def schedule_shape(rng: Random) -> dict[str, object]:
    """Draw a pipeline for its timetable."""
    n_stages, n_micro = rng.randint(3, 8), rng.randint(10, 16)
    table = pipeline_schedule(n_stages, n_micro)
    return {
        "n_stages": n_stages,
        "n_micro": n_micro,
        "answer": (len(table), len(table[0])),
        "wrong": [
            [
                (n_stages, 2 * n_micro),
                "the ticks of waiting are missing",
                "faltan los turnos de espera",
            ],
            [
                (n_stages, n_micro + n_stages - 1),
                "only the forward passes",
                "solo las pasadas hacia delante",
            ],
        ],
    }


def bubble_of(rng: Random) -> dict[str, object]:
    """Draw a pipeline for its bubble."""
    n_stages, n_micro = rng.randint(3, 12), rng.randint(14, 40)
    return {
        "n_stages": n_stages,
        "n_micro": n_micro,
        "answer": 100 * bubble_fraction(n_stages, n_micro),
        "decimals": 1,
        "wrong": [
            [
                100 * (n_stages - 1) / n_micro,
                "waiting over work, not over all time",
                "espera entre trabajo",
            ],
            [
                100 * n_micro / (n_micro + n_stages - 1),
                "the part of the time that it works",
                "la parte del tiempo que trabaja",
            ],
        ],
    }
