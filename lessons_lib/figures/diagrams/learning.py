"""Diagrams of training: its loop, its memory, and what a budget buys."""

from lessons_lib.figures.sketch import Drawing, Sketch, Words

__all__ = ["budget_diagram", "memory_diagram", "training_diagram"]


def training_diagram() -> Drawing:
    """Draw the training loop: forward to the loss, backward with slopes, a step, and again."""
    alt = (
        "A loop. On the left, going down: a batch of windows, the model, whose weights learn, its "
        "logits, and the loss against the tokens that really came. On the right, going up with "
        "dashed lines: the gradient, a slope for each weight; it is clipped; the optimizer, with "
        "the learning rate of this step, changes the weights. Then the next batch.",
        "Un bucle. A la izquierda, hacia abajo: un lote de ventanas, el modelo, cuyos pesos "
        "aprenden, sus logits y la pérdida frente a los tokens que vinieron de verdad. A la "
        "derecha, hacia arriba y con líneas a trazos: el gradiente, una pendiente para cada peso; "
        "se recorta; el optimizador, con la tasa de aprendizaje de este paso, cambia los pesos. "
        "Después, el lote siguiente.",
    )
    sketch = Sketch(332, alt)
    sketch.text(88, 12, ("forward", "hacia delante"), style="stream-ink")
    sketch.text(272, 12, ("backward", "hacia atrás"), style="gradient-ink")
    down: list[tuple[Words, str, str]] = [
        (("batch of windows\n(B, T + 1)", "lote de ventanas\n(B, T + 1)"), "plain", "sheet"),
        (("model: weights\nthat learn", "modelo: pesos\nque aprenden"), "trained", ""),
        ("logits\n(B, T, V)", "plain", "sheet"),
        (("loss, nats\nper token", "pérdida, nats\npor token"), "plain", ""),
    ]
    for i, (label, role, look) in enumerate(down):
        sketch.box(14, 26 + 76 * i, 148, 44, label, role, look=look)
        if i:
            sketch.arrow((88, 76 * i - 6), (88, 24 + 76 * i), role="stream", width=2)
    up: list[tuple[Words, str]] = [
        (("a step of the\noptimizer", "un paso del\noptimizador"), "plain"),
        (("clipped gradient", "gradiente\nrecortado"), "gradient"),
        (("gradient: a slope\nfor each weight", "gradiente: una\npendiente por peso"), "gradient"),
    ]
    for i, (label, role) in enumerate(up):
        sketch.box(200, 102 + 76 * i, 148, 44, label, role)
    sketch.line((162, 282), (182, 282), role="gradient", look="dashed")
    sketch.arrow((182, 282), (198, 282), role="gradient")
    for i in (1, 2):
        top = 102 + 76 * i
        sketch.line((274, top), (274, top - 22), role="gradient", look="dashed")
        sketch.arrow((274, top - 20), (274, top - 31), role="gradient")
    sketch.arrow((200, 124), (164, 124), role="trained", width=2)
    note = ("learning rate\nof this step", "tasa de aprendizaje\nde este paso")
    sketch.text(274, 76, note, style="muted")
    return sketch.drawing()


def memory_diagram() -> Drawing:
    """Draw what a training step keeps in memory: sixteen bytes a parameter, and activations."""
    alt = (
        "A bar of sixteen bytes for each parameter, in 32 bits: four for the weight, four for its "
        "gradient, four for the mean of its slopes and four for the mean of their squares, which "
        "AdamW keeps. Below, a second bar that grows with the batch: the activations of each "
        "layer, kept on the way forward and used, last layer first, on the way back.",
        "Una barra de dieciséis bytes por parámetro, en 32 bits: cuatro para el peso, cuatro para "
        "su gradiente, cuatro para la media de sus pendientes y cuatro para la media de sus "
        "cuadrados, que guarda AdamW. Debajo, una segunda barra que crece con el lote: las "
        "activaciones de cada capa, guardadas hacia delante y usadas, de la última capa a la "
        "primera, hacia atrás.",
    )
    sketch = Sketch(222, alt)
    title = ("for each parameter: 16 bytes", "por cada parámetro: 16 bytes")
    sketch.text(12, 14, title, anchor="start", style="strong")
    parts: list[tuple[Words, str]] = [
        (("weight\n4", "peso\n4"), "trained"),
        (("gradient\n4", "gradiente\n4"), "gradient"),
        (("mean\n4", "media\n4"), "plain"),
        (("squares\n4", "cuadrados\n4"), "plain"),
    ]
    for i, (label, role) in enumerate(parts):
        sketch.box(12 + 84 * i, 28, 84, 40, label, role)
    sketch.line((182, 74), (182, 80), (346, 80), (346, 74))
    sketch.text(264, 91, ("kept by AdamW", "los guarda AdamW"), style="muted")
    title = ("for each token of the batch: activations", "por cada token del lote: activaciones")
    sketch.text(12, 122, title, anchor="start", style="strong")
    for i, name in enumerate(["1", "2", "3", "L"]):
        label = (f"layer {name}", f"capa {name}")
        sketch.box(12 + 84 * i, 136, 72, 30, label, "stream", look="dashed" if i == 3 else "")
        if i:
            sketch.arrow((84 + 84 * i - 84, 146), (96 + 84 * i - 84, 146), role="stream")
            sketch.arrow((96 + 84 * i - 84, 157), (84 + 84 * i - 84, 157), role="gradient")
    note = ("kept on the way forward,", "se guardan hacia delante")
    sketch.text(180, 184, note, style="stream-ink")
    note = ("used and let go on the way back", "se usan y se sueltan hacia atrás")
    sketch.text(180, 204, note, style="gradient-ink")
    return sketch.drawing()


def budget_diagram() -> Drawing:
    """Draw three ways to spend one budget of operations: equal areas of parameters times tokens."""
    alt = (
        "Three rectangles of equal area, the same budget of operations, C equals 6 N D. Their "
        "width is the text, D tokens; their height the model, N parameters. The first is low and "
        "wide: a small model that reads much. The last is high and narrow: a large model that "
        "reads little. The loss is lowest in between, where neither the size of the model nor the "
        "amount of text holds it up.",
        "Tres rectángulos de igual área, el mismo presupuesto de operaciones, C igual a 6 N D. Su "
        "ancho es el texto, D tokens; su alto, el modelo, N parámetros. El primero es bajo y "
        "ancho: un modelo pequeño que lee mucho. El último es alto y estrecho: un modelo grande "
        "que lee poco. La pérdida es menor en el medio, donde no la frena ni el tamaño del modelo "
        "ni la cantidad de texto.",
    )
    sketch = Sketch(274, alt)
    title = ("one budget, three ways: C = 6 · N · D", "un presupuesto, tres usos: C = 6 · N · D")
    sketch.text(180, 14, title, style="strong")
    base = 196
    cases: list[tuple[float, float, float, Words]] = [
        (32, 120, 48, ("small model,\nmuch text", "modelo pequeño,\nmucho texto")),
        (172, 72, 80, ("lowest loss,\nin between", "menor pérdida,\nen medio")),
        (290, 36, 160, ("large model,\nlittle text", "modelo grande,\npoco texto")),
    ]
    for i, (left, wide, tall, label) in enumerate(cases):
        sketch.box(left, base - tall, wide, tall, "", "mark" if i == 1 else "trained")
        sketch.text(left + wide / 2, base - tall / 2, "N\n·\nD" if i == 2 else "N · D")
        sketch.text(left + wide / 2, base + 22, label)
    sketch.arrow((22, base), (22, 46))
    sketch.text(8, 34, ("N, parameters", "N, parámetros"), anchor="start")
    sketch.arrow((22, base + 48), (350, base + 48))
    sketch.text(180, base + 62, ("D, tokens of text", "D, tokens de texto"))
    return sketch.drawing()
