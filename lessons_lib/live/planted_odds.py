"""Planted odds: what a world says of two groups, and what a temperature makes of it."""

import math
from typing import ClassVar

import traitlets

from lessons_lib.base.validation import check_integer
from lessons_lib.live.figure import LiveFigure, decimal, html_table
from lessons_lib.responsibility import log_odds, sharpen

__all__ = ["PlantedOdds"]

N_OPTIONS = 8  # traits; what the planted one leaves is shared equally by the others
FALLBACK = {
    "en": {
        "caption": "How often each is called brave, at temperature {}",
        "head": ["Of whom", "Planted, percent", "Drawn, percent"],
        "groups": ("her", "him"),
        "gap": "Difference of the log odds",
    },
    "es": {
        "caption": "Con qué frecuencia se le llama valiente, a temperatura {}",
        "head": ["De quién", "Plantado, por ciento", "Sorteado, por ciento"],
        "groups": ("ella", "él"),
        "gap": "Diferencia de los logits",
    },
}


class PlantedOdds(LiveFigure):
    """How often two groups get one of eight traits, planted and drawn at a temperature.

    The numbers are those of `lessons_lib.responsibility`.

    Args:
        she: percent of the texts that call her brave, 1 to 99.
        he: percent that call him brave, 1 to 99.
        tenths: of the temperature, 0 to 15.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: an argument out of its range.
    """

    slug = "planted_odds"
    label: ClassVar = {"en": "Planted odds", "es": "Probabilidades plantadas"}
    caption: ClassVar = {
        "en": "One of eight traits. A low temperature makes of a small difference a large one.",
        "es": "Uno de ocho rasgos. Una temperatura baja hace grande una diferencia pequeña.",
    }

    she = traitlets.Int(10).tag(sync=True)
    he = traitlets.Int(40).tag(sync=True)
    tenths = traitlets.Int(10).tag(sync=True)

    def __init__(self, she: int = 10, he: int = 40, tenths: int = 10, language: str = "en"):
        super().__init__(
            she=check_integer("she", she, 1, 99),
            he=check_integer("he", he, 1, 99),
            tenths=check_integer("tenths", tenths, 0, 15),
            language=language,
        )

    def _fallback(self) -> str:
        words, temperature = FALLBACK[self.language], self.tenths / 10
        planted = [self.she / 100, self.he / 100]
        shares = [[p, *[(1 - p) / (N_OPTIONS - 1)] * (N_OPTIONS - 1)] for p in planted]
        drawn = [float(sharpen(one, temperature)[0]) for one in shares]
        gap = log_odds(planted[1]) - log_odds(planted[0])
        sharp = gap / temperature if temperature else math.copysign(math.inf, gap) if gap else 0.0
        rows = [
            [name, *(decimal(100 * p, 1, self.language) for p in pair)]
            for name, *pair in zip(words["groups"], planted, drawn, strict=True)
        ]
        rows.append([words["gap"], *(decimal(x, 2, self.language) for x in (gap, sharp))])
        caption = words["caption"].format(decimal(temperature, 1, self.language))
        return html_table(caption, words["head"], rows)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={getattr(self, name)}" for name in ("she", "he", "tenths"))
        return f"PlantedOdds({numbers}, language={self.language!r})"
