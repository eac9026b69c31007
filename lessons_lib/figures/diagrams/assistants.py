"""Diagrams of assistants: what of a chat is learned, and thin matrices beside a large one."""

from lessons_lib.figures.sketch import Drawing, Sketch, Words

__all__ = ["chat_diagram", "lora_diagram"]


def chat_diagram() -> Drawing:
    """Draw a chat as tokens, with those that the loss counts."""
    alt = (
        "The tokens of a chat in two rows. First end, user, and the question: Who is Ana? Then "
        "assistant, which the program writes, and the answer: Ana is clever, a full stop, and end. "
        "A bracket below says that the loss counts the answer with its end, and nothing else.",
        "Los tokens de una conversación en dos filas. Primero end, user y la pregunta: ¿Quién es "
        "Ana? Después assistant, que escribe el programa, y la respuesta: Ana es lista, un punto y "
        "end. Una llave debajo dice que la pérdida cuenta la respuesta con su final, y nada más.",
    )
    sketch = Sketch(196, alt)
    note = ("what the user says is read", "lo que dice el usuario se lee")
    sketch.text(8, 12, note, anchor="start", style="muted")
    first: list[tuple[Words, int]] = [
        ("<|end|>", 64),
        ("<|user|>", 70),
        (("Who", "¿Quién"), 60),
        (("is", "es"), 30),
        ("Ana", 42),
        ("?", 24),
    ]
    left = 8.0
    for i, (label, width) in enumerate(first):
        sketch.box(left, 24, width, 28, label, "plain" if i > 1 else "mark")
        left += width + 6
    second: list[tuple[Words, int]] = [
        ("Ana", 42),
        (("is", "es"), 30),
        (("clever", "lista"), 54),
        (".", 22),
        ("<|end|>", 64),
    ]
    sketch.box(8, 88, 104, 28, "<|assistant|>", "mark")
    note = ("the invitation", "la invitación")
    sketch.text(60, 128, note, style="muted")
    left = begin = 118.0
    for label, width in second:
        sketch.box(left, 88, width, 28, label, "trained")
        left += width + 6
    end = left - 6
    sketch.line((begin, 124), (begin, 132), (end, 132), (end, 124), role="trained")
    note = ("the loss counts these", "la pérdida cuenta estos")
    sketch.text((begin + end) / 2, 150, note, style="strong")
    note = ("the end too: a model has to stop", "también el final: hay que acabar")
    sketch.text((begin + end) / 2, 172, note, style="muted")
    return sketch.drawing()


def lora_diagram() -> Drawing:
    """Draw a frozen matrix and the two thin ones beside it, from the input to the sum."""
    alt = (
        "From the input x, below, two ways go up. On the left a large square, W, frozen, 256 rows "
        "and 256 columns. On the right a flat matrix A of 8 rows, above it a narrow one B of 8 "
        "columns, then a factor alpha over r; both learn. The two ways meet in a sum, which gives "
        "y.",
        "Desde la entrada x, abajo, suben dos caminos. A la izquierda, un cuadrado grande, W, "
        "congelada, de 256 filas y 256 columnas. A la derecha, una matriz baja A, de 8 filas; "
        "encima, una estrecha B, de 8 columnas, y después un factor alfa partido por r; las dos "
        "aprenden. Los dos caminos se unen en una suma, que da y.",
    )
    sketch = Sketch(300, alt)
    sketch.box(150, 264, 60, 26, "x", "stream")
    sketch.line((180, 264), (180, 246))
    sketch.line((85, 246), (265, 246))
    sketch.box(30, 100, 110, 110, ("W\n256 × 256\nfrozen", "W\n256 × 256\ncongelada"), "frozen")
    sketch.arrow((85, 246), (85, 211))
    sketch.box(210, 196, 110, 24, "A: 8 × 256", "trained")
    sketch.arrow((265, 246), (265, 221))
    sketch.arrow((265, 196), (265, 175))
    sketch.box(253, 90, 24, 84, "B", "trained")
    sketch.text(284, 132, "256 × 8", anchor="start", style="trained-ink")
    sketch.line((265, 90), (265, 46))
    sketch.text(274, 66, "× α / r", anchor="start", style="muted")
    sketch.line((85, 100), (85, 46))
    plus = sketch.plus(180, 46)
    sketch.arrow((85, 46), (plus.left, 46))
    sketch.arrow((265, 46), (plus.right, 46))
    sketch.arrow((180, 37), (180, 26))
    sketch.text(180, 14, "y", style="strong")
    return sketch.drawing()
