"""The budget calculator: what a training costs, and what loss the law promises for it."""

import math
from typing import ClassVar

import traitlets

from lessons_lib.live.figure import LiveFigure, decimal, html_table, scientific
from lessons_lib.scaling import (
    CHINCHILLA_REFIT,
    compute_optimal,
    training_flops,
    training_memory,
    training_seconds,
)

__all__ = ["BudgetCalculator"]

_STEPS = (10, 12, 14, 15, 17.5, 20, 25, 30, 40, 50, 60, 70, 80, 90)
MODELS = {  # parameters and tokens, with the sources that the chapter names
    "GPT-3": (175e9, 300e9),
    "Chinchilla": (70e9, 1.4e12),
    "Llama 3 8B": (8e9, 15e12),
    "Llama 3 405B": (405e9, 15.6e12),
}
PARAMETERS = sorted(
    {float(s * 10**e) for e in range(5, 12) for s in _STEPS}
    | {1e13}
    | {n for n, _ in MODELS.values()}
)
TOKENS = sorted(
    {float(s * 10**e) for e in range(6, 13) for s in _STEPS}
    | {1e14}
    | {d for _, d in MODELS.values()}
)
DEVICES = {  # operations per second with 16-bit numbers, bytes of memory: the makers' data sheets
    "NVIDIA V100": (125e12, 32e9),
    "NVIDIA A100": (312e12, 80e9),
    "NVIDIA H100": (989e12, 80e9),
}
MOST_DOUBLINGS = 16
FALLBACK = {
    "en": {
        "caption": "{} parameters, {} tokens, {} × {}, utilisation {} %",
        "head": ["What", "Number", "Unit"],
        "rows": {
            "flops": ("Operations of the training", "FLOPs"),
            "days": ("Time", "days"),
            "memory": ("Weights, gradients and optimizer", "GB"),
            "holders": ("Devices that hold them", "devices"),
            "ratio": ("Tokens per parameter", "tokens"),
            "loss": ("Loss by the law", "nats per token"),
            "best_parameters": ("Best for these operations: parameters", "parameters"),
            "best_tokens": ("Best for these operations: tokens", "tokens"),
            "best_loss": ("Loss then", "nats per token"),
        },
    },
    "es": {
        "caption": "{} parámetros, {} tokens, {} × {}, utilización {} %",
        "head": ["Qué", "Número", "Unidad"],
        "rows": {
            "flops": ("Operaciones del entrenamiento", "FLOPs"),
            "days": ("Tiempo", "días"),
            "memory": ("Pesos, gradientes y optimizador", "GB"),
            "holders": ("Dispositivos donde caben", "dispositivos"),
            "ratio": ("Tokens por parámetro", "tokens"),
            "loss": ("Pérdida según la ley", "nats por token"),
            "best_parameters": ("Óptimo con estas operaciones: parámetros", "parámetros"),
            "best_tokens": ("Óptimo con estas operaciones: tokens", "tokens"),
            "best_loss": ("Pérdida entonces", "nats por token"),
        },
    },
}


class BudgetCalculator(LiveFigure):
    """A training as a point on the loss over parameters and tokens, with real models beside it.

    The point is dragged or set by sliders. Below it, the loss of all trainings that cost as much;
    folded, operations, time and memory on devices to choose.

    The numbers are those of `lessons_lib.scaling`, with the law `CHINCHILLA_REFIT` and the memory
    of mixed precision.

    Args:
        model: one of the real models whose parameters and tokens the sliders show at first.
        device: "NVIDIA V100", "NVIDIA A100" or "NVIDIA H100".
        n_devices: how many at first, a power of two up to 2**16.
        utilisation: the part of the peak that is used, 0.05 to 1 in steps of 0.05.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: a model, a device or a number that the figure does not have.

    Source: Hoffmann et al. 2022, arXiv:2203.15556, with the constants of Besiroglu et al. 2024,
    arXiv:2404.10102.
    """

    slug = "budget_calculator"
    label: ClassVar = {"en": "The budget of a training", "es": "El presupuesto de un entrenamiento"}
    caption: ClassVar = {
        "en": "Operations, time, memory and the loss to expect for a model of any size.",
        "es": "Operaciones, tiempo, memoria y la pérdida esperable de un modelo de cualquier "
        "tamaño.",
    }

    parameters = traitlets.List(traitlets.Float()).tag(sync=True)
    tokens = traitlets.List(traitlets.Float()).tag(sync=True)
    models = traitlets.Dict().tag(sync=True)
    devices = traitlets.Dict().tag(sync=True)
    law = traitlets.Dict().tag(sync=True)
    model_name = traitlets.Unicode("Chinchilla").tag(sync=True)
    device = traitlets.Unicode("NVIDIA H100").tag(sync=True)
    n_devices = traitlets.Int(1024).tag(sync=True)
    utilisation = traitlets.Float(0.4).tag(sync=True)

    def __init__(
        self,
        model: str = "Chinchilla",
        device: str = "NVIDIA H100",
        n_devices: int = 1024,
        utilisation: float = 0.4,
        language: str = "en",
    ):
        for name, got, known in (("model", model, MODELS), ("device", device, DEVICES)):
            if got not in known:
                raise ValueError(f"expected a {name} of {sorted(known)}, got {got!r}")
        if n_devices not in [2**i for i in range(MOST_DOUBLINGS + 1)]:
            raise ValueError(
                f"expected n_devices to be a power of 2 to {2**MOST_DOUBLINGS}, got {n_devices!r}"
            )
        if utilisation not in [step / 20 for step in range(1, 21)]:
            raise ValueError(f"expected a utilisation of 0.05, 0.1, ..., 1, got {utilisation!r}")
        super().__init__(
            parameters=PARAMETERS,
            tokens=TOKENS,
            models={name: list(sizes) for name, sizes in MODELS.items()},
            devices={name: list(data) for name, data in DEVICES.items()},
            law=dict(vars(CHINCHILLA_REFIT)),
            model_name=model,
            device=device,
            n_devices=n_devices,
            utilisation=float(utilisation),
            language=language,
        )

    def numbers(self) -> dict[str, float]:
        """Return what the figure shows at first, by name, in the units of its table."""
        (n, d), (peak, room) = MODELS[self.model_name], DEVICES[self.device]
        flops = training_flops(n, d)
        memory = sum(training_memory(n, "mixed").values())
        best = compute_optimal(flops)
        return {
            "flops": flops,
            "days": training_seconds(flops, peak * self.n_devices, self.utilisation) / 86400,
            "memory": memory / 1e9,
            "holders": math.ceil(memory / room),
            "ratio": d / n,
            "loss": CHINCHILLA_REFIT(n, d),
            "best_parameters": best[0],
            "best_tokens": best[1],
            "best_loss": CHINCHILLA_REFIT(*best),
        }

    def _fallback(self) -> str:
        words, say = FALLBACK[self.language], self.language
        numbers = self.numbers()
        rows = [
            [name, _written(numbers[key], say), unit] for key, (name, unit) in words["rows"].items()
        ]
        n, d = MODELS[self.model_name]
        caption = words["caption"].format(
            _written(n, say),
            _written(d, say),
            _written(self.n_devices, say),
            self.device,
            round(100 * self.utilisation),
        )
        return html_table(caption, words["head"], rows)

    def __repr__(self) -> str:
        return (
            f"BudgetCalculator(model={self.model_name!r}, device={self.device!r}, "
            f"n_devices={self.n_devices}, utilisation={self.utilisation:g}, "
            f"language={self.language!r})"
        )


def _written(number: float, language: str) -> str:
    """Write a number with three digits that count: 2.34, 81.4, 16,384, 5.88 × 10²³."""
    if number != 0 and not 0.001 <= number < 99_950:
        return scientific(number, language, 2)
    whole = number == int(number) or number >= 999.5
    return decimal(number, 0 if whole else max(2 - math.floor(math.log10(number)), 0), language)
