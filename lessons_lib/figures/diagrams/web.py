"""Diagram of data: six steps from pages to a mixture, and what each of them takes out."""

from lessons_lib.figures.sketch import Drawing, Sketch

__all__ = ["data_diagram"]


def data_diagram() -> Drawing:
    """Draw the steps from pages to a model as a funnel, with what falls out beside each."""
    alt = (
        "A funnel from top to bottom. Pages of a web become texts: menus and scripts fall out. Of "
        "the texts, those of other languages fall out, then what is no prose, then copies, then "
        "personal data and what an exam asks. What is left is mixed by weights, and a model reads "
        "it. Each step is held against a truth that is known.",
        "Un embudo de arriba abajo. Las páginas de una web se convierten en textos: caen los menús "
        "y los scripts. De los textos caen los de otras lenguas, luego lo que no es prosa, luego "
        "las copias y luego los datos personales y lo que pregunta un examen. Lo que queda se "
        "mezcla según unos pesos y lo lee un modelo. Cada paso se compara con una verdad conocida.",
    )
    sketch = Sketch(330, alt)
    steps = (
        (("pages", "páginas"), "plain", ("menus, scripts", "menús, scripts")),
        (("texts", "textos"), "key", ("other languages", "otras lenguas")),
        (("en, es", "en, es"), "key", ("spam, noise", "spam, ruido")),
        (("prose", "prosa"), "key", ("copies", "copias")),
        (("originals", "originales"), "key", ("people, exams", "personas, exámenes")),
        (("mixture", "mezcla"), "value", None),
    )
    middle = 116
    for i, (label, role, out) in enumerate(steps):
        top, wide = 8 + 46 * i, 196 - 18 * i
        sketch.box(middle - wide / 2, top, wide, 26, label, role)
        sketch.arrow((middle, top + 27), (middle, top + 45))
        if out:
            sketch.arrow((middle + 4, top + 36), (216, top + 36))
            sketch.text(221, top + 36, out, anchor="start", style="muted")
    sketch.box(middle - 53, 284, 106, 30, ("model", "modelo"), "trained")
    return sketch.drawing()
