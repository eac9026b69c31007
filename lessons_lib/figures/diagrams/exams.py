"""A diagram of exams: a question with choices, two models on the same questions, and error bars."""

from lessons_lib.figures.sketch import Drawing, Sketch, Words

__all__ = ["exam_diagram"]


def exam_diagram() -> Drawing:
    """Draw how a model takes an exam, and what its result can say."""
    alt = (
        "A story with a question goes into the model. Each of three choices gets a probability, "
        "drawn as a bar; the longest bar is the answer. Below, two rows of ten cells: model A and "
        "model B on the same ten questions. A is right in eight, B in seven; they differ in three "
        "cells only. Below that, an error bar for each share, and the two overlap widely: ten "
        "questions do not tell these models apart.",
        "Un cuento con una pregunta entra en el modelo. Cada una de tres opciones recibe una "
        "probabilidad, dibujada como barra; la más larga es la respuesta. Debajo, dos filas de "
        "diez celdas: el modelo A y el modelo B ante las mismas diez preguntas. A acierta ocho, B "
        "siete; solo difieren en tres celdas. Más abajo, una barra de error por proporción, y las "
        "dos se solapan mucho: diez preguntas no bastan para distinguirlos.",
    )
    sketch = Sketch(324, alt)
    sketch.box(
        12,
        10,
        128,
        44,
        ("story and question:\nWhere is it?", "cuento y pregunta:\n¿Dónde está?"),
        look="sheet",
    )
    sketch.arrow((140, 32), (158, 32))
    sketch.box(160, 10, 66, 44, ("model", "modelo"), "trained")
    choices: list[tuple[Words, float]] = [
        (("I have it", "La tengo yo"), 10),
        (("Hugo has it", "La tiene Hugo"), 34),
        (("by the tree", "junto al árbol"), 6),
    ]
    sketch.arrow((193, 54), (193, 72))
    for i, (choice, wide) in enumerate(choices):
        best = i == 1
        sketch.text(180, 84 + 20 * i, choice, anchor="end", style="strong" if best else "")
        sketch.box(188, 77 + 20 * i, 3 * wide, 14, role="mark" if best else "plain")
    title = ("two models, the same ten questions", "dos modelos, las mismas diez preguntas")
    sketch.text(180, 154, title, style="muted")
    for row, (name, right) in enumerate((("A", "1111011101"), ("B", "1101011110"))):
        y = 168 + 30 * row
        sketch.text(30, y + 12, name, style="strong")
        for i, one in enumerate(right):
            ok = one == "1"
            role = "value" if ok else "gradient"
            sketch.box(46 + 28 * i, y, 26, 24, "✓" if ok else "✗", role)
        sketch.text(346, y + 12, str(right.count("1")), anchor="end")
    left, scale = 46, 280
    sketch.line((left, 300), (left + scale, 300))
    for share, name in ((0, "0"), (0.5, "0.5"), (1, "1")):
        sketch.text(left + scale * share, 313, name, style="muted")
    for row, (name, low, mean, high) in enumerate((("A", 0.49, 0.8, 0.94), ("B", 0.4, 0.7, 0.89))):
        y = 248 + 24 * row
        sketch.text(30, y, name, style="strong")
        sketch.line((left + scale * low, y), (left + scale * high, y), role="mark", width=2.4)
        sketch.box(left + scale * mean - 4, y - 6, 8, 12, role="mark")
    return sketch.drawing()
