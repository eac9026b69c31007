"""What each colour of the drawings stands for: the picture of the page on notation."""

from lessons_lib.figures.sketch import Drawing, Sketch, Words

__all__ = ["legend"]


def legend() -> Drawing:
    """Draw a box of each colour, with what it stands for in the whole book."""
    alt = (
        "Nine boxes, each with what its colour stands for in all drawings: queries, keys, values, "
        "the stream, gradients, weights that learn, weights that stay as they are, what a drawing "
        "is about, and everything else. Below, a dashed box: empty, hidden or not yet there.",
        "Nueve recuadros, cada uno con lo que significa su color en todos los dibujos: consultas, "
        "claves, valores, el flujo, gradientes, pesos que aprenden, pesos que no cambian, aquello "
        "de lo que trata el dibujo y todo lo demás. Debajo, un recuadro de trazos: vacío, oculto o "
        "todavía por llegar.",
    )
    rows: list[tuple[str, str, Words]] = [
        ("query", "q", ("queries: what a token looks for", "consultas: lo que busca un token")),
        ("key", "k", ("keys: what can be found at a token", "claves: lo que ofrece un token")),
        ("value", "v", ("values: what is taken from a token", "valores: lo que da un token")),
        (
            "stream",
            "x",
            ("the stream, and vectors of tokens", "el flujo, los vectores de los tokens"),
        ),
        ("gradient", "∂", ("gradients, on their way back", "gradientes, en su camino de vuelta")),
        ("trained", "W", ("weights that learn", "pesos que aprenden")),
        ("frozen", "W", ("weights that stay as they are", "pesos que no cambian")),
        ("mark", "!", ("what the drawing is about", "aquello de lo que trata el dibujo")),
        ("plain", "…", ("all else: tokens, numbers, steps", "lo demás: tokens, números, pasos")),
    ]
    sketch = Sketch(36 * (len(rows) + 1) + 8, alt)
    for i, (role, sign, meaning) in enumerate(rows):
        sketch.box(12, 8 + 36 * i, 60, 26, sign, role, style="strong")
        sketch.line((84, 21 + 36 * i), (118, 21 + 36 * i), role=role, width=2.4)
        sketch.text(130, 21 + 36 * i, meaning, anchor="start")
    last = 8 + 36 * len(rows)
    sketch.box(12, last, 60, 26, look="dashed sheet")
    hidden = ("empty, hidden, not yet there", "vacío, oculto o por llegar")
    sketch.text(130, last + 13, hidden, anchor="start")
    return sketch.drawing()
