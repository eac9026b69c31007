"""The graph walk: values forward, slopes backward, one operation after the other."""

from typing import ClassVar

import traitlets

from lessons_lib.base.validation import check_integer, check_number
from lessons_lib.gradients import Tensor
from lessons_lib.live.figure import LiveFigure, html_table, plain

__all__ = ["GraphWalk"]

LAST = 10  # the last step of the slider
MOST = 3  # the largest number that a slider gives
FALLBACK = {
    "en": {
        "caption": "Values, and slopes of L, once the walk is over",
        "head": ["Name", "Made by", "Value", "Slope"],
        "given": "given",
    },
    "es": {
        "caption": "Valores, y pendientes de L, al final del recorrido",
        "head": ["Nombre", "Cómo se hace", "Valor", "Pendiente"],
        "given": "dado",
    },
}


class GraphWalk(LiveFigure):
    """The graph of (w x + b - y) squared: four values forward, then slopes backward, step by step.

    The reader takes the steps, forwards or back, and changes the four numbers. The values and
    slopes are those of `lessons_lib.gradients.Tensor`.

    Args:
        w: the first number at first, -3 to 3, as the others.
        x: the second.
        b: the third.
        y: the fourth.
        step: the step shown at first, 0 to 10.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: an argument out of its range.
    """

    slug = "graph_walk"
    label: ClassVar = {"en": "The graph walk", "es": "El recorrido del grafo"}
    caption: ClassVar = {
        "en": "Values go down the graph. Then slopes come back up, and add up where paths meet.",
        "es": "Los valores bajan. Luego las pendientes suben, y se suman donde se juntan caminos.",
    }

    w = traitlets.Float(2.0).tag(sync=True)
    x = traitlets.Float(3.0).tag(sync=True)
    b = traitlets.Float(-1.0).tag(sync=True)
    y = traitlets.Float(1.0).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        w: float = 2.0,
        x: float = 3.0,
        b: float = -1.0,
        y: float = 1.0,
        step: int = 0,
        language: str = "en",
    ):
        given = {"w": w, "x": x, "b": b, "y": y}
        given = {
            name: float(check_number(name, one, least=-MOST, most=MOST))
            for name, one in given.items()
        }
        super().__init__(**given, step=check_integer("step", step, 0, LAST), language=language)

    def _fallback(self) -> str:
        words = FALLBACK[self.language]
        w, x, b, y = (Tensor(number) for number in (self.w, self.x, self.b, self.y))
        p = w * x
        s = p + b
        d = s - y
        loss = d * d
        loss.backward()
        given = dict.fromkeys("wxby", words["given"])
        made = given | {"p": "w · x", "s": "p + b", "d": "s − y", "L": "d · d"}
        rows = [
            [name, text, *(plain(n.item(), self.language) for n in (node.array, node.gradient))]
            for (name, text), node in zip(made.items(), (w, x, b, y, p, s, d, loss), strict=True)
        ]
        return html_table(words["caption"], words["head"], rows)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={getattr(self, name):g}" for name in "wxby")
        return f"GraphWalk({numbers}, step={self.step}, language={self.language!r})"
