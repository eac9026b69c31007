"""Diagram of security: three doors to a model, what comes in by each, and who watches it."""

from lessons_lib.figures.sketch import Drawing, Sketch

__all__ = ["security_diagram"]


def security_diagram() -> Drawing:
    """Draw corpus, message and file as doors, each with what hides in it and what guards it."""
    alt = (
        "Three columns lead down to a model. By the texts it learns from comes a trigger, and "
        "counting words watches for it. By the message it answers comes a stranger's comment, and "
        "keeping roles apart watches for it. By the file that holds it comes a program, and "
        "reading without running watches for it. Below the model stands its answer: whose is it?",
        "Tres columnas bajan hasta un modelo. Con los textos de los que aprende entra un "
        "disparador, y lo vigila quien cuenta palabras. Con el mensaje al que responde entra el "
        "comentario de un desconocido, y lo vigila quien separa los roles. Con el archivo que lo "
        "guarda entra un programa, y lo vigila quien lee sin ejecutar. Debajo del modelo está su "
        "respuesta: ¿de quién es?",
    )
    sketch = Sketch(276, alt)
    columns = (
        (("texts", "textos"), ("trigger", "disparador"), ("count words", "contar")),
        (("message", "mensaje"), ("comment", "comentario"), ("roles apart", "separar roles")),
        (("file", "archivo"), ("program", "programa"), ("read, not run", "leer sin correr")),
    )
    for i, (door, hides, guard) in enumerate(columns):
        left, middle = 8 + 116 * i, 60 + 116 * i
        sketch.box(left, 8, 104, 30, door, "plain")
        sketch.arrow((middle, 39), (middle, 58))
        sketch.box(left, 60, 104, 30, hides, "query")
        sketch.arrow((middle, 91), (middle, 110))
        sketch.box(left, 112, 104, 30, guard, "key")
        sketch.arrow((middle, 143), (138 + 38 * i, 176))
    sketch.box(116, 178, 120, 32, ("model", "modelo"), "trained")
    sketch.arrow((176, 211), (176, 232))
    sketch.box(101, 234, 150, 32, ("answer: whose?", "respuesta: ¿de quién?"), "value")
    return sketch.drawing()
