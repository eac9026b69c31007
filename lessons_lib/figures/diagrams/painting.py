"""Diagrams of models that paint: from noise to a picture, block, guidance, latents."""

from lessons_lib.figures.sketch import Drawing, Sketch, Words

__all__ = ["dit_block_diagram", "guidance_diagram", "latents_diagram", "painting_diagram"]


def painting_diagram() -> Drawing:
    """Draw the way from noise to a picture: what a DiT reads, what it says, and what follows."""
    alt = (
        "From top to bottom: a noisy picture z of sixteen patches and its time t, which begins as "
        "noise with t = 1. It goes into the DiT, blocks in which all patches see all. From the "
        "left, the caption, a red ball, comes through CLIP's text tower, which is frozen. The DiT "
        "says which picture x it believes in. A step towards that picture makes a z with less "
        "noise and an earlier time; a line leads back to the top. After the last step stands the "
        "picture, with t = 0.",
        "De arriba abajo: una imagen con ruido z, de dieciséis parches, y su tiempo t, que "
        "empieza como ruido con t = 1. Entra en el DiT, bloques en los que todos los parches ven a "
        "todos. Desde la izquierda, la descripción, una pelota roja, llega por la torre de texto "
        "de CLIP, que está congelada. El DiT dice en qué imagen x cree. Un paso hacia ella da un z "
        "con menos ruido y un tiempo anterior; una línea vuelve arriba. Tras el último paso está "
        "la imagen, con t = 0.",
    )
    sketch = Sketch(452, alt)
    sketch.text(238, 14, ("begins as noise: t = 1", "empieza como ruido: t = 1"), style="muted")
    grid = sketch.grid(208, 28, 4, 4, 15, "plain")
    sketch.text(198, 50, ("noisy picture z", "imagen con ruido z"), anchor="end")
    sketch.text(198, 68, ("and its time t", "y su tiempo t"), anchor="end")
    sketch.arrow((238, grid.bottom), (238, 132))
    sketch.box(158, 134, 160, 50, "", "trained")
    sketch.text(238, 150, "DiT", style="strong")
    sketch.text(238, 168, ("all patches see all", "todos ven a todos"))
    sketch.box(8, 86, 122, 24, ("a red ball", "una pelota roja"), "plain")
    sketch.arrow((69, 110), (69, 132))
    tower = ("CLIP's text tower\nfrozen", "torre de texto\ncongelada")
    sketch.box(8, 134, 122, 50, tower, "frozen")
    sketch.arrow((130, 159), (156, 159))
    sketch.arrow((238, 184), (238, 210))
    sketch.grid(208, 212, 4, 4, 15, "value")
    sketch.text(198, 233, ("the picture x", "la imagen x"), anchor="end", style="value-ink")
    sketch.text(198, 251, ("it believes in", "en la que cree"), anchor="end", style="value-ink")
    sketch.arrow((238, 272), (238, 298))
    step = sketch.box(158, 300, 160, 30, ("a step towards it", "un paso hacia ella"), "mark")
    sketch.line((step.right, step.y), (346, step.y), (346, grid.y))
    sketch.arrow((346, grid.y), (grid.right + 3, grid.y))
    again = ("less noise: again", "menos ruido:\notra vez")
    sketch.text(148, step.y, again, anchor="end", style="muted")
    sketch.arrow((238, step.bottom), (238, 360))
    sketch.grid(208, 362, 4, 4, 15, "value")
    sketch.text(198, 392, ("after the last step", "tras el último paso"), anchor="end")
    sketch.text(238, 440, ("the picture: t = 0", "la imagen: t = 0"), style="muted")
    return sketch.drawing()


def dit_block_diagram() -> Drawing:
    """Draw a block of a DiT: the condition scales, shifts and gates both branches."""
    alt = (
        "The stream of patches runs straight down on the left. A first branch leaves it: a "
        "normalisation without weights, then times 1 plus scale, plus shift, then attention, then "
        "times gate, and it is added to the stream. A second branch does the same with the "
        "feed-forward network. On the right, the condition, made of time and caption, goes through "
        "a linear map that begins at zero and gives shift, scale and gate for both branches.",
        "El flujo de parches baja en línea recta a la izquierda. De él sale una primera rama: "
        "una normalización sin pesos, luego por 1 + scale (escala) más shift (desplazamiento), "
        "luego la atención, luego por gate (compuerta), y se suma al flujo. Una segunda hace "
        "lo mismo con la red prealimentada. A la derecha, la condición, hecha de tiempo y "
        "descripción, pasa por un mapa lineal que empieza en cero y da esos tres números "
        "para ambas.",
    )
    sketch = Sketch(462, alt)
    sketch.text(40, 12, ("patches", "parches"), style="stream-ink")
    sketch.box(
        240, 4, 116, 44, ("condition c\ntime, caption", "condición c\ntiempo, texto"), "query"
    )
    sketch.arrow((298, 48), (298, 62))
    sketch.box(
        240, 64, 116, 44, ("linear map,\nbegins at 0", "mapa lineal,\nempieza en 0"), "trained"
    )
    sketch.line((298, 108), (298, 401), role="query")
    sketch.arrow((40, 24), (40, 454), role="stream", width=4)
    names: tuple[Words, Words] = (
        ("attention", "atención"),
        ("feed-forward", "red prealimentada"),
    )
    for i, name in enumerate(names):
        top = 60 + 196 * i
        sketch.arrow((40, top + 13), (76, top + 13), role="stream")
        sketch.box(78, top, 144, 26, ("normalise", "normalizar"))
        sketch.arrow((150, top + 26), (150, top + 42), role="stream")
        scaled = sketch.box(78, top + 44, 144, 26, "× (1 + scale) + shift", "query")
        sketch.arrow((150, top + 70), (150, top + 86), role="stream")
        sketch.box(78, top + 88, 144, 26, name, "trained", style="strong")
        sketch.arrow((150, top + 114), (150, top + 130), role="stream")
        gate = sketch.box(78, top + 132, 144, 26, "× gate", "query")
        sketch.arrow((150, top + 158), (150, top + 176), (51, top + 176), role="stream")
        sketch.plus(40, top + 176)
        for box in (scaled, gate):
            sketch.arrow((298, box.y), (box.right + 2, box.y), role="query")
    return sketch.drawing()


def guidance_diagram() -> Drawing:
    """Draw guidance: the step that the caption adds, taken more than once."""
    alt = (
        "A line from left to right with three marks. At 0 stands the picture that the model "
        "believes in without a caption, at 1 the one with the caption, at 2 the guided one. From 0 "
        "to 1 leads an arrow: what the caption changes. From 1 to 2 leads the same arrow once "
        "more, dashed.",
        "Una línea de izquierda a derecha con tres marcas. En 0 está la imagen en la que el "
        "modelo cree sin descripción; en 1, la que cree con ella; en 2, la guiada. De 0 a 1 va una "
        "flecha: lo que cambia la descripción. De 1 a 2 va la misma flecha otra vez, discontinua.",
    )
    sketch = Sketch(138, alt)
    places: list[tuple[int, str, str, Words]] = [
        (60, "0", "plain", ("without\na caption", "sin\ndescripción")),
        (180, "1", "query", ("with\nthe caption", "con la\ndescripción")),
        (300, "2", "value", ("guided:\ntwice as far", "guiada:\nel doble")),
    ]
    for x, number, role, label in places:
        sketch.box(x - 16, 44, 32, 32, number, role, style="strong")
        sketch.text(x, 104, label)
    sketch.arrow((78, 60), (162, 60), role="query", width=2)
    sketch.arrow((198, 60), (282, 60), role="value", look="dashed", width=2)
    note = ("what the caption changes", "lo que cambia la descripción")
    sketch.text(120, 22, note, style="query-ink")
    sketch.text(286, 22, ("once more", "otra vez"), style="value-ink")
    return sketch.drawing()


def latents_diagram() -> Drawing:
    """Draw where real models paint: in latents, between an encoder and a decoder."""
    alt = (
        "On the left a large picture of 1024 by 1024 pixels with 3 colours. An encoder makes of it "
        "latents, a small grid of 128 by 128 places with 16 numbers each, 12 times fewer numbers. "
        "Noise is added and removed there, by the DiT. A decoder makes a picture of the latents "
        "again. When a picture is painted, the encoder is not needed.",
        "A la izquierda, una imagen grande de 1024 por 1024 píxeles con 3 colores. Un "
        "codificador la vuelve latentes, una cuadrícula pequeña de 128 por 128 lugares con 16 "
        "números cada uno, 12 veces menos números. Ahí el DiT quita el ruido. Un decodificador "
        "vuelve a hacer de los latentes una imagen. Para pintar no hace falta el codificador.",
    )
    sketch = Sketch(214, alt)
    picture = sketch.grid(8, 40, 8, 8, 11, "value")
    sketch.text(58, 148, "1024 × 1024 × 3", style="value-ink")
    sketch.text(52, 22, ("a picture", "una imagen"))
    sketch.box(118, 62, 30, 44, "E", "trained", style="strong")
    sketch.arrow((picture.right, 84), (116, 84))
    sketch.arrow((148, 84), (162, 84))
    latents = sketch.grid(164, 68, 3, 3, 11, "key")
    sketch.text(180, 148, "128 × 128 × 16", style="key-ink")
    sketch.text(180, 22, ("latents", "latentes"))
    sketch.arrow((latents.right, 84), (211, 84))
    sketch.box(213, 62, 30, 44, "D", "trained", style="strong")
    sketch.arrow((243, 84), (262, 84))
    sketch.grid(264, 40, 8, 8, 11, "value")
    sketch.text(308, 148, ("a picture", "una imagen"))
    sketch.arrow((180, 178), (180, 160), role="key")
    note = (
        "noise comes and goes here, by the DiT",
        "aquí va y viene el ruido, con el DiT",
    )
    sketch.text(180, 188, note, style="key-ink")
    sketch.text(
        180, 205, ("E: encoder, D: decoder", "E: codificador, D: decodificador"), style="muted"
    )
    return sketch.drawing()
