"""Diagrams of the first chapters: the whole path, from text to tokens to vectors, and counting."""

from lessons_lib.base import language
from lessons_lib.figures.sketch import Drawing, Sketch, Words, spoken

__all__ = ["counting_diagram", "path_diagram", "tokens_diagram"]


def path_diagram() -> Drawing:
    """Draw the path of the book: from a text to its next token, and round again."""
    alt = (
        "From top to bottom: the text Max, full stop, He lived; three tokens with their ids; a "
        "vector for each; a model of many blocks, each with attention and a feed-forward network; "
        "a bar for the probability of each next token; one of them, near, is drawn. A line leads "
        "from it back up to the text: once more, with one token more. Beside each step stands its "
        "chapter.",
        "De arriba abajo: el texto Max, punto, Vivía; tres tokens con sus identificadores; un "
        "vector para cada uno; un modelo de muchos bloques, cada uno con atención y una red "
        "prealimentada; una barra con la probabilidad de cada token siguiente; se sortea uno, en. "
        "Una línea vuelve de él al texto: otra vez, con un token más. Junto a cada paso está su "
        "capítulo.",
    )
    here = language.LANGUAGES.index(language.chosen())  # ids and chances: the book's own models'
    sketch = Sketch(420, alt)
    sketch.text(8, 14, ("text", "texto"), anchor="start", style="muted")
    words = ([".", "He", "lived"], ["Max", ".", "Vivía"])[here]
    ids = (["46", "576", "462"], ["406", "46", "477"])[here]
    text = sketch.box(66, 26, 132, 28, ("… Max. He lived", "… Max. Vivía"), look="sheet")
    sketch.arrow((text.x, 54), (text.x, 78))
    for i, (word, number) in enumerate(zip(words, ids, strict=True)):
        sketch.box(60 + 48 * i, 80, 46, 38, "", look="")
        sketch.text(83 + 48 * i, 91, word)
        sketch.text(83 + 48 * i, 107, number, style="muted")
        sketch.arrow((83 + 48 * i, 118), (83 + 48 * i, 138))
        sketch.grid(77 + 48 * i, 140, 4, 1, (12, 8), "stream")
        sketch.line((83 + 48 * i, 172), (83 + 48 * i, 192), role="stream", width=2.4)
    for i in (2, 1, 0):
        look = "behind" if i else ""
        sketch.box(52 + 5 * i, 192 + 5 * i, 150, 74, role="trained", look=look)
    sketch.box(62, 204, 130, 22, ("attention", "atención"), look="sheet")
    sketch.box(62, 234, 130, 22, ("feed-forward", "red prealimentada"), look="sheet")
    sketch.arrow((132, 276), (132, 296), role="stream", width=2.4)
    guesses = [
        (("near", "en"), (17, 33)),
        (("by", "detrás"), (17, 17)),
        (("behind", "cerca"), (17, 17)),
    ]
    for i, (word, chances) in enumerate(guesses):
        chance = chances[here]
        sketch.text(120, 308 + 20 * i, word, anchor="end", style="" if i else "strong")
        sketch.box(126, 301 + 20 * i, 1.2 * chance, 14, role="plain" if i else "mark")
        sketch.text(132 + 1.2 * chance, 308 + 20 * i, f"0.{chance}", anchor="start")
    sketch.arrow((132, 362), (132, 380))
    sketch.box(102, 382, 60, 26, ("near", "en"), look="sheet", style="strong")
    sketch.arrow((102, 395), (28, 395), (28, 40), (66, 40), look="dashed")
    chapters: list[tuple[float, Words, str]] = [
        (40, ("Counting letters:\nthis chapter", "Contar letras:\neste capítulo"), ""),
        (99, ("Tokens", "Tokens"), ""),
        (156, ("a vector each", "un vector cada uno"), "stream-ink"),
        (
            229,
            (
                "Attention, Block,\nGPT, Llama;\nGradients, Training",
                "Atención, Bloque,\nGPT, Llama;\nGradientes,\nEntrenamiento",
            ),
            "",
        ),
        (
            322,
            ("probabilities:\nN-grams, Training", "probabilidades:\nN-gramas,\nEntrenamiento"),
            "",
        ),
        (395, ("one is drawn:\nGeneration", "se sortea uno:\nGeneración"), ""),
    ]
    for y, label, style in chapters:
        sketch.text(224, y, label, anchor="start", style=style)
    return sketch.drawing()


def tokens_diagram() -> Drawing:
    """Draw a text on its way to vectors: bytes, tokens after one merge, ids, rows of a table."""
    alt = (
        "The text banana band as eleven bytes, from 98 for b to 100 for d. Below, after one merge, "
        "eight tokens: each pair a, n has become one token, an, with the id 256. Each id picks its "
        "row of the token table, of V rows and D columns; the rows picked, one below the other, "
        "are the vectors, of T rows and D columns.",
        "El texto banana band como once bytes, de 98 para b a 100 para d. Debajo, tras una fusión, "
        "ocho tokens: cada par a, n se ha vuelto un solo token, an, con el identificador 256. Cada "
        "identificador toma su fila de la tabla de tokens, de V filas y D columnas; las filas "
        "tomadas, una debajo de otra, son los vectores, de T filas y D columnas.",
    )
    sketch = Sketch(372, alt)
    text = "banana band"
    sketch.text(15, 12, ("bytes", "bytes"), anchor="start", style="muted")
    for i, letter in enumerate(text):
        sketch.box(15 + 30 * i, 22, 30, 38, look="sheet")
        sketch.text(30 + 30 * i, 33, letter.replace(" ", "␣"), style="strong")
        sketch.text(30 + 30 * i, 49, str(ord(letter)))
    tokens = ["b", "an", "an", "a", " ", "b", "an", "d"]
    left, middles = 15.0, []
    for token in tokens:
        wide, merged = 30 * len(token), len(token) > 1
        if merged:
            sketch.line((left + 15, 60), (left + 30, 84), role="mark")
            sketch.line((left + 45, 60), (left + 30, 84), role="mark")
        else:
            sketch.line((left + 15, 60), (left + 15, 84))
        sketch.box(left + 1, 84, wide - 2, 38, role="mark" if merged else "plain")
        sketch.text(left + wide / 2, 95, token.replace(" ", "␣"), style="strong")
        sketch.text(left + wide / 2, 111, "256" if merged else str(ord(token)))
        middles.append(left + wide / 2)
        left += wide
    sketch.text(
        345, 134, ("tokens and their ids", "tokens e identificadores"), anchor="end", style="muted"
    )
    title = ("token table\n(V, D)", "tabla de tokens\n(V, D)")
    sketch.text(98, 170, title, style="trained-ink")
    rows = [("32 ␣", 0), ("97 a", 1), ("98 b", 2), ("⋮", 3), ("256 an", 4)]
    for name, i in rows:
        y = 200 + 24 * i
        sketch.text(62, y + 8, name, anchor="end")
        if name != "⋮":
            role = "mark" if name == "256 an" else "trained"
            sketch.grid(68, y, 1, 4, (16, 16), role)
    sketch.arrow((142, 258), (214, 258))
    sketch.text(178, 240, ("look up", "buscar\nfilas"), style="muted")
    sketch.text(284, 170, ("vectors\n(T, D)", "vectores\n(T, D)"), style="stream-ink")
    for i, token in enumerate(tokens):
        role = "mark" if len(token) > 1 else "stream"
        sketch.text(244, 206 + 19 * i, token.replace(" ", "␣"), anchor="end")
        sketch.grid(252, 198 + 19 * i, 1, 4, (16, 16), role)
    return sketch.drawing()


def counting_diagram() -> Drawing:
    """Draw how a bigram model is made: pairs are counted, and rows become probabilities."""
    alt = (
        "A sentence in boxes: the dog saw the cat. A bracket under each pair of neighbours; each "
        "pair adds 1 to one cell of a table whose rows are what stood before and whose columns are "
        "what came next. The whole text gives the row of the: cat 3, dog 2, ran 0. Divided by its "
        "sum, 5, the row becomes the probabilities 0.6, 0.4 and 0. Is what was never seen "
        "impossible?",
        "Una frase en recuadros: un perro tras un gato. Una llave bajo cada par de vecinos; cada "
        "par suma 1 a una celda de una tabla cuyas filas son lo que estaba antes y cuyas columnas "
        "lo que vino después. Todo el texto da la fila de un: gato 3, perro 2, salta 0. Dividida "
        "por su suma, 5, la fila se vuelve las probabilidades 0.6, 0.4 y 0. ¿Es imposible lo que "
        "nunca se ha visto?",
    )
    sketch = Sketch(322, alt)
    words = ("the dog saw the cat …", "un perro tras un gato …")
    for i, word in enumerate(spoken(words).split()):
        sketch.box(12 + 57 * i, 10, 51, 26, word, look="sheet")
    for i in range(5):
        role, x = ("mark" if i in (0, 3) else "plain"), 37 + 57 * i
        y = 44 + 5 * (i % 2)
        sketch.line((x + 4, 40), (x + 4, y), (x + 53, y), (x + 53, 40), role=role)
        if role == "mark":
            sketch.line((x + 28, y), (x + 28, 62), role=role)
    sketch.line((65, 62), (236, 62), role="mark")
    sketch.arrow((150, 62), (150, 84), role="mark")
    sketch.text(160, 76, ("+1 for each pair", "+1 por cada par"), anchor="start")
    sketch.text(218, 100, ("what came next", "lo que vino después"), style="muted")
    for i, name in enumerate((("cat", "gato"), ("dog", "perro"), ("ran", "salta"))):
        sketch.text(148 + 70 * i, 118, name)
    before = ("what stood\nbefore", "lo que\nestaba antes")
    sketch.text(8, 120, before, anchor="start", style="muted")
    rows = [(("the", "un"), "320"), (("cat", "gato"), "001"), (("dog", "perro"), "000")]
    for i, (name, counts) in enumerate(rows):
        sketch.text(106, 145 + 24 * i, name, anchor="end", style="" if i else "strong")
        sketch.grid(113, 133 + 24 * i, 1, 3, (70, 24), "plain" if i else "mark", [counts])
    sketch.arrow((218, 205), (218, 228))
    note = ("the row of the, divided by its sum", "la fila de un, dividida por su suma")
    sketch.text(218, 239, note, style="muted")
    for i, (share, wide) in enumerate([("0.60", 60), ("0.40", 40), ("0", 2)]):
        sketch.box(118 + 70 * i, 254, wide, 18, role="mark")
        sketch.text(148 + 70 * i, 285, share, style="strong")
    sketch.text(106, 263, ("probabilities", "probabilidades"), anchor="end")
    note = ("never seen: impossible?", "nunca visto: ¿imposible?")
    sketch.text(345, 308, note, anchor="end", style="muted")
    return sketch.drawing()
