"""Error bars: two models, an exam of some length, and whether it tells them apart."""

import math
from typing import ClassVar

import traitlets

from lessons_lib.base.validation import check_integer
from lessons_lib.evaluation import questions_needed, wilson, z_value
from lessons_lib.live.figure import LiveFigure, decimal, html_table, plain

__all__ = ["ErrorBars"]

SIZES = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)  # questions that the slider gives
FALLBACK = {
    "en": {
        "caption": "Two models, {n} questions: percent right, and 95% intervals",
        "head": ["Model", "Percent", "From", "To"],
        "gap": "A − B",
        "needed": "Questions that tell them apart",
    },
    "es": {
        "caption": "Dos modelos, {n} preguntas: porcentaje de aciertos e intervalos del 95 %",
        "head": ["Modelo", "Porcentaje", "Desde", "Hasta"],
        "gap": "A − B",
        "needed": "Preguntas que los distinguen",
    },
}


class ErrorBars(LiveFigure):
    """Two accuracies with their intervals, their difference on the same questions, and a verdict.

    The reader changes both accuracies, the number of questions, and on how many questions only one
    of the two is right. Numbers are those of `lessons_lib.evaluation`.

    Args:
        a: percent of the questions that A gets right, 0 to 100, an integer as the others.
        b: percent that B gets right.
        questions: how many, one of 10, 20, 50, 100 and so on to 10000.
        differ: percent of the questions that only one of them gets right. What is not possible
            becomes the nearest that is.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: an argument out of its range.
    """

    slug = "error_bars"
    label: ClassVar = {"en": "Questions and error bars", "es": "Preguntas y barras de error"}
    caption: ClassVar = {
        "en": "How many questions tell two models apart? Answers that both give alike help.",
        "es": "¿Cuántas preguntas distinguen dos modelos? Ayudan las respuestas en que coinciden.",
    }

    a = traitlets.Int(70).tag(sync=True)
    b = traitlets.Int(60).tag(sync=True)
    questions = traitlets.Int(100).tag(sync=True)
    differ = traitlets.Int(46).tag(sync=True)

    def __init__(
        self,
        a: int = 70,
        b: int = 60,
        questions: int = 100,
        differ: int = 46,
        language: str = "en",
    ):
        percents = {"a": a, "b": b, "differ": differ}
        percents = {name: check_integer(name, one, 0, 100) for name, one in percents.items()}
        if check_integer("questions", questions, 1) not in SIZES:
            raise ValueError(f"expected questions to be one of {SIZES}, got {questions}")
        super().__init__(**percents, questions=questions, language=language)

    def _fallback(self) -> str:
        words, n = FALLBACK[self.language], self.questions
        a, b = self.a / 100, self.b / 100
        gap = a - b
        differ = min(max(self.differ, abs(self.a - self.b)), self.a + self.b)
        differ = min(differ, 200 - self.a - self.b) / 100
        half = z_value(0.95) * math.sqrt(max(0.0, differ - gap * gap) / n)

        def percents(*parts: float) -> list[str]:
            return [decimal(100 * part, 1, self.language) for part in parts]

        needed = "–" if not gap else plain(questions_needed(a, b, differ), self.language)
        rows = [
            ["A", *percents(a, *wilson(a * n, n))],
            ["B", *percents(b, *wilson(b * n, n))],
            [words["gap"], *percents(gap, gap - half, gap + half)],
            [words["needed"], needed, "", ""],
        ]
        caption = words["caption"].format(n=plain(n, self.language))
        return html_table(caption, words["head"], rows)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={getattr(self, name)}" for name in ("a", "b", "questions"))
        return f"ErrorBars({numbers}, differ={self.differ}, language={self.language!r})"
