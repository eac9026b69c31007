"""Diagrams of assistants: what of a chat is learned, thin matrices, and what is to be wanted."""

from lessons_lib.figures.sketch import Drawing, Sketch, Words

__all__ = ["alignment_diagram", "chat_diagram", "lora_diagram"]


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
        "Desde la entrada x, abajo, suben dos caminos. A la izquierda, la matriz W, un "
        "cuadrado grande de 256 filas y 256 columnas, congelada. A la derecha, una matriz baja A, "
        "de 8 filas; encima, una estrecha B, de 8 columnas, y después un factor, alfa dividido "
        "entre r; las dos "
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


def alignment_diagram() -> Drawing:
    """Draw two ways to say what is wanted, pairs and rewards, and what holds the model back."""
    alt = (
        "A question goes into the model, which is trained; a frozen copy beside it, the reference, "
        "holds it with beta times KL. The model gives three answers: Leo has it, Ana has it, it is "
        "not said. Below, two ways. On the left pairs: Leo has it is preferred to Ana has it, "
        "which is DPO. On the right rewards, 1, 0 and 0.5; less their mean, plus 0.5, minus 0.5 "
        "and 0, which is GRPO. Both make good answers more probable.",
        "Una pregunta entra en el modelo, que se entrena; una copia congelada a su lado, la "
        "referencia, lo sujeta con beta por KL. El modelo da tres respuestas: lo tiene Leo, lo "
        "tiene Ana, no se dice. Debajo, dos caminos. A la izquierda, pares: «lo tiene Leo» se "
        "prefiere a «lo tiene Ana»; eso es DPO. A la derecha, recompensas, 1, 0 y 0,5; menos su "
        "media, más 0,5, menos 0,5 y 0; eso es GRPO. Los dos hacen más probable lo bueno.",
    )
    sketch = Sketch(318, alt)
    sketch.box(8, 10, 122, 32, ("Who has it?", "¿Quién lo tiene?"), look="sheet")
    sketch.arrow((130, 26), (144, 26))
    sketch.box(146, 10, 72, 32, ("model", "modelo"), "trained")
    sketch.line((218, 26), (266, 26), look="dashed")
    sketch.text(242, 14, "β · KL", style="muted")
    sketch.box(266, 10, 86, 32, ("reference", "referencia"), "frozen")
    answers: list[tuple[Words, float, str]] = [
        (("Leo has it.", "Lo tiene Leo."), 8, "value"),
        (("Ana has it.", "Lo tiene Ana."), 126, "gradient"),
        (("It is not said.", "No se dice."), 244, "plain"),
    ]
    for label, left, role in answers:
        sketch.arrow((180, 42), (180, 62), (left + 54, 62), (left + 54, 78))
        sketch.box(left, 80, 108, 28, label, role)
    sketch.box(8, 138, 160, 132, look="frame")
    sketch.text(88, 154, ("pairs", "pares"), style="strong")
    sketch.box(30, 170, 116, 24, answers[0][0], "value")
    better = ("is better than", "es mejor que")
    sketch.text(88, 206, better, style="muted")
    sketch.box(30, 218, 116, 24, answers[1][0], "gradient")
    sketch.text(88, 257, "DPO", style="strong")
    sketch.box(184, 138, 168, 132, look="frame")
    sketch.text(268, 154, ("rewards", "recompensas"), style="strong")
    for i, (paid, more) in enumerate((("1", "+0.5"), ("0", "−0.5"), ("0.5", "0"))):
        left = 194 + 52 * i
        sketch.box(left, 170, 44, 24, paid, answers[i][2])
        sketch.text(left + 22, 230, more, style="strong")
    less = ("less their mean", "menos su media")
    sketch.text(268, 208, less, style="muted")
    sketch.text(268, 257, "GRPO", style="strong")
    sketch.arrow((62, 108), (62, 136))
    sketch.arrow((298, 108), (298, 136))
    both = ("good answers become more probable", "lo bueno se hace más probable")
    sketch.text(180, 292, both)
    return sketch.drawing()
