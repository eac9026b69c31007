"""The optimizer race: three ways down the same valley, step by step."""

import math
from collections.abc import Sequence
from typing import ClassVar

import traitlets

from lessons_lib.base.validation import check_integer
from lessons_lib.live.figure import LiveFigure, decimal, html_table, plain, scientific

__all__ = ["OptimizerRace"]

LAST = 60  # the last step of the slider
WIDEST = 2.5  # how far the picture goes to each side
KINDS = ("sgd", "momentum", "adamw")
FALLBACK = {
    "en": {
        "caption": "Height after {} steps down a valley {} times as steep as it is long",
        "head": ["Learning rate", "SGD", "SGD with momentum", "AdamW"],
    },
    "es": {
        "caption": "Altura tras {} pasos en un valle {} veces más empinado que largo",
        "head": ["Tasa de aprendizaje", "SGD", "SGD con momento", "AdamW"],
    },
}


class OptimizerRace(LiveFigure):
    """SGD, SGD with momentum 0.9 and AdamW, let go at one place of a long, narrow valley.

    The height is ``(u**2 + steepness * v**2) / 2`` with u along the valley and v across it. The
    reader plays the race, drags the start, chooses the learning rate and the step, and turns the
    valley, start included, by 45 degrees. Beside it are the curves of the heights.
    The paths are those of `lessons_lib.training.SGD` and `lessons_lib.training.AdamW`.

    Args:
        start: where all begin, two numbers, at most 2.5 from the lowest place.
        steepness: of the valley's sides over that of its floor, 1 to 100.
        lr: the learning rate at first, 0.001 to 1.
        step: the step shown at first, 0 to 60.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: an argument out of its range.
    """

    slug = "optimizer_race"
    label: ClassVar = {"en": "The optimizer race", "es": "La carrera de los optimizadores"}
    caption: ClassVar = {
        "en": "Three optimizers walk down the same valley with the same learning rate.",
        "es": "Tres optimizadores bajan por el mismo valle con la misma tasa de aprendizaje.",
    }

    start = traitlets.List(traitlets.Float()).tag(sync=True)
    steepness = traitlets.Float(25.0).tag(sync=True)
    lr = traitlets.Float(0.05).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        start: Sequence[float] = (-2.0, 1.0),
        steepness: float = 25.0,
        lr: float = 0.05,
        step: int = 0,
        language: str = "en",
    ):
        try:
            place = [float(number) for number in start]
        except (TypeError, ValueError):
            raise ValueError(f"expected two numbers in start, got {start!r:.80}") from None
        if len(place) != 2 or not math.hypot(*place) <= WIDEST:
            raise ValueError(f"expected two numbers, at most {WIDEST} from (0, 0), got {place}")
        for name, value, low, high in (("steepness", steepness, 1, 100), ("lr", lr, 0.001, 1)):
            if not low <= value <= high:
                raise ValueError(f"expected {name} from {low} to {high}, got {value}")
        if check_integer("step", step, 0) > LAST:
            raise ValueError(f"expected a step from 0 to {LAST}, got {step}")
        super().__init__(
            start=place, steepness=float(steepness), lr=float(lr), step=step, language=language
        )

    def _height(self, kind: str, lr: float) -> float:
        """Return the height after the last step, in the valley that is not turned."""
        heights = 0.0
        for x, curve in zip(self.start, (1.0, self.steepness), strict=True):
            memory, square = 0.0, 0.0  # each direction goes its way as if alone
            for step in range(1, LAST + 1):
                slope = curve * x
                if kind == "adamw":
                    memory += 0.1 * (slope - memory)
                    square += 0.05 * (slope**2 - square)
                    size = math.sqrt(square / (1 - 0.95**step)) + 1e-8
                    x -= lr * memory / (1 - 0.9**step) / size
                else:
                    memory = (0.9 if kind == "momentum" else 0.0) * memory + slope
                    x -= lr * memory
            heights += curve * x**2 / 2
        return heights

    def _fallback(self) -> str:
        words = FALLBACK[self.language]
        rows = [
            [plain(lr, self.language), *(self._written(self._height(k, lr)) for k in KINDS)]
            for lr in (0.005, 0.02, 0.05, 0.1, 0.3)
        ]
        caption = words["caption"].format(LAST, plain(self.steepness, self.language))
        return html_table(caption, words["head"], rows)

    def _written(self, height: float) -> str:
        """Write three decimals, or a power of ten for what is far too high."""
        if height < 1000:
            return decimal(height, 3, self.language)
        return scientific(height, self.language, 0)

    def __repr__(self) -> str:
        return (
            f"OptimizerRace({self.start}, steepness={self.steepness:g}, lr={self.lr:g}, "
            f"step={self.step}, language={self.language!r})"
        )
