"""Diagrams of models that see: two towers, and the scores between them."""

from lessons_lib.figures.sketch import Drawing, Sketch

__all__ = ["clip_diagram"]


def clip_diagram() -> Drawing:
    """Draw the two towers of CLIP, from a caption and a picture to a table of scores."""
    alt = (
        "Two towers side by side. On the left, from below: the words a, red, ball and the mark "
        "end; two blocks in which each token sees those before it; a vector read at the end. On "
        "the right: a picture cut into sixteen patches, with one more position for a learned "
        "vector; three blocks in which all see all; a vector read at that position. Both vectors "
        "meet above in a table of three captions by three pictures, whose diagonal holds the pairs "
        "that belong together.",
        "Dos torres, una al lado de la otra. A la izquierda, desde abajo: las palabras una, "
        "pelota, roja y la marca end; dos bloques en los que cada token ve a los anteriores; un "
        "vector que se lee al final. A la derecha: una imagen cortada en dieciséis parches, con "
        "una posición más para un vector aprendido; tres bloques en los que todos ven a todos; un "
        "vector que se lee en esa posición. Los dos vectores se encuentran arriba en una tabla de "
        "tres descripciones por tres imágenes, cuya diagonal tiene las parejas que van juntas.",
    )
    sketch = Sketch(396, alt)
    words = (("a", "una"), 32), (("red", "pelota"), 46), (("ball", "roja"), 38), ("<|end|>", 56)
    left = 6
    for word, width in words:
        sketch.box(left, 340, width, 24, word, "mark" if word == "<|end|>" else "plain")
        left += width + 4
    sketch.text(95, 382, ("a caption", "una descripción"), style="muted")
    sketch.grid(216, 304, 4, 4, 15, "value")
    sketch.box(281, 333, 74, 24, ("learned", "aprendido"), "mark")
    sketch.text(270, 382, ("patches and a vector", "parches y un vector"), style="muted")
    seen = ("sees what is before", "ve lo anterior")
    for top, label in ((276, ""), (246, seen)):
        sketch.box(12, top, 170, 24, label, "trained")
    for top, label in ((262, ""), (234, ("all see all", "todos ven a todos")), (206, "")):
        sketch.box(206, top, 136, 22, label, "trained")
    sketch.arrow((160, 339), (160, 301))
    sketch.arrow((160, 245), (160, 196))
    sketch.arrow((318, 332), (318, 285))
    sketch.arrow((318, 205), (318, 196))
    sketch.box(104, 170, 78, 25, "vector", "query")
    sketch.box(264, 170, 78, 25, "vector", "key")
    grid = sketch.grid(196, 46, 3, 3, 30, "plain")
    for i in range(3):
        sketch.box(196 + 30 * i, 46 + 30 * i, 30, 30, "", "mark", round=1)
    sketch.line((143, 169), (143, 91), role="query")
    sketch.arrow((143, 91), (194, 91), role="query")
    sketch.line((303, 169), (303, 154), (241, 154), role="key")
    sketch.arrow((241, 154), (241, grid.bottom + 2), role="key")
    sketch.text(241, 14, ("how well they fit", "cuánto encajan"), style="strong")
    sketch.text(241, 34, ("pictures", "imágenes"), style="key-ink")
    sketch.text(144, 78, ("captions", "descripciones"), style="query-ink")
    sketch.text(294, 91, ("pairs", "parejas"), anchor="start", style="muted")
    return sketch.drawing()
