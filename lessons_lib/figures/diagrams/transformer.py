"""Diagrams of attention and of the models made of it."""

from lessons_lib.figures.sketch import Drawing, Sketch, Words, spoken

__all__ = [
    "attention_diagram",
    "block_diagram",
    "gpt_diagram",
    "heads_diagram",
    "llama_diagram",
    "mask_diagram",
]

_HIDDEN = [(row, column) for row in range(4) for column in range(row + 1, 4)]


def attention_diagram() -> Drawing:
    """Draw one head of attention: queries, keys, values, weights, output, each with its shape."""
    alt = (
        "From top to bottom. The stream x, a table of T rows and D columns, goes through three "
        "tables that learn, and becomes queries, keys and values, of K columns each. Each query "
        "times each key gives the scores, a table of T rows and S columns. Mask and softmax make "
        "weights of them; the cells above the diagonal are empty. Weights times values give the "
        "output, weighted averages of the values.",
        "De arriba abajo. El flujo x, una tabla de T filas y D columnas, pasa por tres tablas "
        "que aprenden y se vuelve consultas, claves y valores, de K columnas cada uno. Cada "
        "consulta por cada clave da las puntuaciones, una tabla de T filas y S columnas. Máscara y "
        "softmax las vuelven pesos; las celdas sobre la diagonal están vacías. Pesos por valores "
        "dan la salida, medias ponderadas de los valores.",
    )
    sketch = Sketch(508, alt)
    sketch.text(180, 12, ("the stream x   (T, D)", "el flujo x   (T, D)"), style="stream-ink")
    sketch.grid(147, 24, 4, 6, 11, "stream")
    names: list[tuple[int, str, str, Words]] = [
        (60, "query", "Q", ("queries q\n(T, K)", "consultas q\n(T, K)")),
        (180, "key", "K", ("keys k\n(S, K)", "claves k\n(S, K)")),
        (300, "value", "V", ("values v\n(S, K)", "valores v\n(S, K)")),
    ]
    for x, role, letter, label in names:
        sketch.arrow((180, 68), (180, 82), (x, 82), (x, 96), role="stream")
        sketch.box(x - 26, 98, 52, 26, f"W {letter}", "trained", style="strong")
        sketch.arrow((x, 124), (x, 142), role=role)
        sketch.grid(x - 16.5, 144, 4, 3, 11, role)
        sketch.text(x, 205, label, style=f"{role}-ink")
    sketch.arrow((60, 224), (60, 240), (106, 240), (106, 258), role="query")
    sketch.arrow((180, 224), (180, 240), (134, 240), (134, 258), role="key")
    sketch.grid(92, 260, 4, 4, 14)
    scores = ("scores  q·k / √K\n(T, S)", "puntuaciones\nq·k / √K  (T, S)")
    sketch.text(156, 288, scores, anchor="start")
    sketch.arrow((120, 316), (120, 342))
    sketch.text(130, 329, ("mask, softmax", "máscara, softmax"), anchor="start", style="muted")
    sketch.grid(92, 344, 4, 4, 14, "mark", blank=_HIDDEN)
    sketch.text(156, 372, ("weights\n(T, S)", "pesos\n(T, S)"), anchor="start")
    sketch.arrow((120, 400), (120, 424), (196, 424), (196, 444), role="mark")
    sketch.arrow((300, 224), (300, 424), (224, 424), (224, 444), role="value")
    sketch.grid(193.5, 446, 4, 3, 11, "value")
    output = (
        "weighted averages\nof the values  (T, K)",
        "medias ponderadas\nde los valores  (T, K)",
    )
    sketch.text(184, 468, output, anchor="end", style="value-ink")
    return sketch.drawing()


def mask_diagram() -> Drawing:
    """Draw the causal mask: who may look at whom."""
    alt = (
        "A table of four rows and four columns, both named Ana, has, the, lamp. The row is the "
        "token that looks, the column the one that is looked at. On the diagonal and below stand "
        "True and a full cell: may attend. Above, the cells are empty: later tokens are hidden.",
        "Una tabla de cuatro filas y cuatro columnas, ambas con los nombres Ana, tiene, la y "
        "lámpara. La fila es el token que mira; la columna, el que es mirado. En la diagonal y "
        "debajo hay celdas llenas con True: puede atender. Encima, las celdas están vacías: los "
        "tokens posteriores quedan ocultos.",
    )
    sketch = Sketch(228, alt)
    words = [("Ana", "Ana"), ("has", "tiene"), ("the", "la"), ("lamp", "lámpara")]
    sketch.text(222, 12, ("is looked at (S)", "es mirado (S)"), style="key-ink")
    sketch.text(62, 32, ("looks (T)", "mira (T)"), style="query-ink")
    shown = [["True" if column <= row else "" for column in range(4)] for row in range(4)]
    for i, word in enumerate(words):
        sketch.text(143 + 54 * i, 32, word)
        sketch.text(106, 60 + 36 * i, word, anchor="end")
    sketch.grid(116, 42, 4, 4, (54, 36), "mark", shown, _HIDDEN)
    note = ("empty: False, a later token is hidden", "vacía: False, un token posterior se oculta")
    sketch.text(332, 208, note, anchor="end", style="muted")
    return sketch.drawing()


def heads_diagram() -> Drawing:
    """Draw several heads: the width is cut, each part attends by itself, the parts are joined."""
    alt = (
        "The stream, of shape (B, T, D), is mapped to queries, keys and values and cut into three "
        "parts, one for each head, of shape (B, H, T, K). Each head attends by itself, with "
        "weights of its own. Their outputs are put side by side again, D numbers wide; a last "
        "table, W O, mixes them and gives the layer's output, of shape (B, T, D).",
        "El flujo, de forma (B, T, D), se lleva a consultas, claves y valores y se corta en "
        "tres partes, una por cabeza, de forma (B, H, T, K). Cada cabeza atiende por su cuenta, "
        "con pesos propios. Sus salidas se ponen otra vez una junto a otra, con D números de "
        "ancho; una última tabla, W O, las mezcla y da la salida de la capa, de forma (B, T, D).",
    )
    sketch = Sketch(392, alt)
    sketch.grid(72, 24, 1, 12, (18, 16), "stream")
    sketch.text(180, 12, ("the stream  (B, T, D)", "el flujo  (B, T, D)"), style="stream-ink")
    sketch.arrow((180, 40), (180, 58), role="stream")
    sketch.box(96, 60, 168, 26, "W Q   W K   W V", "trained", style="strong")
    note = ("cut into H parts  (B, H, T, K)", "cortar en H partes  (B, H, T, K)")
    sketch.text(180, 102, note, style="muted")
    for i in range(3):
        x = 64 + 116 * i
        sketch.line((180, 86), (180, 91), role="stream")
        for j, role in enumerate(("query", "key", "value")):
            sketch.grid(x - 49 + 34 * j, 116, 1, 4, (7.5, 14), role)
            sketch.text(x - 34 + 34 * j, 142, "qkv"[j], style=f"{role}-ink")
        sketch.arrow((x, 152), (x, 168))
        name = (f"head {i + 1}:\nattention", f"cabeza {i + 1}:\natención")
        sketch.box(x - 50, 170, 100, 44, name)
        sketch.arrow((x, 214), (x, 232), role="value")
        sketch.grid(x - 36, 234, 1, 4, (18, 16), "value")
        sketch.line((x, 250), (x, 262), (108 + 72 * i, 274), (108 + 72 * i, 282), role="value")
    sketch.grid(72, 282, 1, 12, (18, 16), "value")
    sketch.text(
        180, 312, ("side by side  (B, T, D)", "una junto a otra  (B, T, D)"), style="value-ink"
    )
    sketch.arrow((180, 322), (180, 336), role="value")
    sketch.box(145, 338, 70, 24, "W O", "trained", style="strong")
    sketch.arrow((180, 362), (180, 378), role="stream")
    output = ("output  (B, T, D)", "salida  (B, T, D)")
    sketch.text(190, 376, output, anchor="start", style="stream-ink")
    return sketch.drawing()


def block_diagram() -> Drawing:
    """Draw a block: the stream runs through, two branches read it and add to it."""
    alt = (
        "The residual stream, of shape (B, T, D), runs straight down. A first branch leaves it, "
        "goes through layer normalisation and attention, where tokens look at each other, and is "
        "added to the stream. A second one goes through layer normalisation and the feed-forward "
        "network, D to F to D, where each token is worked on by itself, and is added as well.",
        "El flujo residual, de forma (B, T, D), baja en línea recta. Una primera rama sale de "
        "él, pasa por la normalización de capa y por la atención, donde los tokens se miran unos "
        "a otros, y se suma al flujo. Una segunda pasa por la normalización de capa y la red "
        "prealimentada, de D a F a D, donde cada token se trabaja por separado, y también se suma.",
    )
    sketch = Sketch(404, alt)
    sketch.text(48, 12, "x  (B, T, D)", style="stream-ink")
    parts: list[tuple[Words, Words, Words]] = [
        (
            ("attention", "atención"),
            ("tokens look at each other", "los tokens se miran"),
            ("added to the stream", "se suma al flujo"),
        ),
        (
            ("feed-forward", "red prealimentada"),
            ("each token by itself", "cada token por separado"),
            ("inside: D → F → D", "por dentro: D → F → D"),
        ),
    ]
    sketch.arrow((48, 22), (48, 390), role="stream", width=4)
    for i, (name, note, below) in enumerate(parts):
        top = 34 + 176 * i
        sketch.arrow((48, top + 15), (136, top + 15), role="stream")
        sketch.box(138, top, 196, 30, ("layer normalisation", "normalización de capa"), "trained")
        sketch.arrow((236, top + 30), (236, top + 50), role="stream")
        sketch.box(138, top + 52, 196, 56, "", "trained")
        sketch.text(236, top + 70, name, style="strong")
        sketch.text(236, top + 90, note)
        sketch.arrow((236, top + 108), (236, top + 132), (59, top + 132), role="stream")
        sketch.plus(48, top + 132)
        sketch.text(244, top + 144, below, style="muted")
    sketch.text(62, 390, ("to the next block", "al bloque siguiente"), anchor="start")
    return sketch.drawing()


def gpt_diagram() -> Drawing:
    """Draw a GPT from token ids to logits, with the table that stands at both ends."""
    alt = (
        "From top to bottom: token ids, of shape (B, T). The token table gives each id its row, "
        "the position table each place its own; they are added and are the stream, of shape "
        "(B, T, D). It runs through L blocks of attention and feed-forward network, and a last "
        "layer normalisation. Then the token table again, its rows times the vectors, gives the "
        "logits, of shape (B, T, V). A dotted line says that both are the same table.",
        "De arriba abajo: identificadores de tokens, de forma (B, T). La tabla de tokens da a cada "
        "uno su fila y la tabla de posiciones a cada lugar la suya; se suman y son el flujo, "
        "de forma (B, T, D). Pasa por L bloques de atención y red prealimentada, y por una última "
        "normalización de capa. Después, otra vez la tabla de tokens, sus filas por los vectores, "
        "da los logits, de forma (B, T, V). Una línea de puntos dice que las dos son la misma.",
    )
    sketch = Sketch(448, alt)
    for i in range(4):
        sketch.box(60 + 30 * i, 8, 28, 24, ["5", "81", "7", "302"][i], look="sheet")
    sketch.text(190, 20, ("token ids  (B, T)", "identificadores  (B, T)"), anchor="start")
    sketch.arrow((119, 32), (119, 50))
    sketch.box(48, 52, 142, 38, ("token table\n(V, D)", "tabla de tokens\n(V, D)"), "trained")
    table = ("position table\n(positions, D)", "tabla de posiciones\n(posiciones, D)")
    sketch.box(206, 52, 148, 38, table, "trained")
    sketch.arrow((119, 90), (119, 106), role="stream", width=2.4)
    sketch.arrow((280, 90), (280, 116), (130, 116), role="stream")
    sketch.plus(119, 116)
    sketch.arrow((119, 125), (119, 152), role="stream", width=4)
    sketch.shape(132, 138, "(B, T, D)")
    for i in (2, 1, 0):
        look = "behind" if i else ""
        sketch.box(48 + 5 * i, 154 + 5 * i, 142, 94, role="trained", look=look)
    sketch.text(119, 166, ("block", "bloque"), style="strong")
    sketch.box(56, 178, 126, 26, ("+ attention", "+ atención"), look="sheet")
    sketch.box(56, 212, 126, 26, ("+ feed-forward", "+ red prealim."), look="sheet")
    sketch.text(
        212, 202, ("L blocks,\none after another", "L bloques,\nuno tras otro"), anchor="start"
    )
    sketch.arrow((119, 258), (119, 282), role="stream", width=4)
    sketch.box(48, 284, 142, 30, ("last layer norm.", "última norm. de capa"), "trained")
    sketch.arrow((119, 314), (119, 334), role="stream", width=4)
    again = ("token table again\n(V, D)", "otra vez la tabla\nde tokens  (V, D)")
    sketch.box(48, 336, 142, 38, again, "trained")
    sketch.line((48, 71), (22, 71), (22, 355), (48, 355), role="trained", look="dashed")
    sketch.text(
        212,
        355,
        ("the same table\n(dashed line)", "la misma tabla\n(línea a trazos)"),
        anchor="start",
    )
    sketch.arrow((119, 374), (119, 392))
    for i, tall in enumerate([10, 22, 7, 30, 14, 9, 18, 6]):
        sketch.box(63 + 14 * i, 430 - tall, 12, tall)
    sketch.text(212, 418, "logits  (B, T, V)", anchor="start")
    return sketch.drawing()


def llama_diagram() -> Drawing:
    """Draw GPT-2 and Llama side by side, part by part."""
    alt = (
        "Two columns of boxes, GPT-2 on the left, Llama on the right. Both begin with a token "
        "table. GPT-2 adds a position table; Llama has none. In the block, LayerNorm becomes "
        "RMSNorm; queries and keys are turned by their position; as many key-value heads as query "
        "heads become fewer, shared ones; feed-forward with GELU, two tables, becomes SwiGLU, "
        "three; biases disappear. At the end RMSNorm again, and a table of its own in large "
        "models. What changed has a coloured box.",
        "Dos columnas de recuadros, GPT-2 a la izquierda y Llama a la derecha. Ambos empiezan con "
        "una tabla de tokens. GPT-2 suma una tabla de posiciones; Llama no tiene. En el bloque, "
        "LayerNorm pasa a RMSNorm; las consultas y las claves giran según su posición; tantas "
        "cabezas de claves y valores como de consultas pasan a ser menos, compartidas; la red con "
        "GELU, de dos tablas, pasa a SwiGLU, de tres; los sesgos aditivos desaparecen. Al final, "
        "otra vez RMSNorm, y una tabla propia en los modelos grandes. Lo que cambia está en color.",
    )
    sketch = Sketch(452, alt)
    sketch.text(92, 12, "GPT-2", style="strong")
    sketch.text(268, 12, "Llama", style="strong")
    rows: list[tuple[Words, Words]] = [
        (("token table", "tabla de tokens"), ""),
        (("+ position table", "+ tabla de posiciones"), ("no table", "sin tabla")),
        ("LayerNorm", "RMSNorm"),
        (
            ("q, k, v with biases", "q, k, v con sesgos\naditivos"),
            (
                "q, k, v without;\nq, k turned by place",
                "q, k, v sin ellos;\nq, k giran según lugar",
            ),
        ),
        (
            ("H heads of q,\nH of k and v", "H cabezas de q,\nH de k y v"),
            ("H heads of q,\nG of k and v", "H cabezas de q,\nG de k y v"),
        ),
        ("LayerNorm", "RMSNorm"),
        (
            ("feed-forward, GELU:\ntwo tables", "red con GELU:\ndos tablas"),
            ("SwiGLU: three tables,\none a gate", "SwiGLU: tres tablas,\nuna compuerta"),
        ),
        ("LayerNorm", "RMSNorm"),
        (
            ("scores: token table", "puntuar: tabla\nde tokens"),
            ("scores: own table,\nor token table", "puntuar: tabla propia\no la de tokens"),
        ),
    ]
    sketch.box(4, 104, 352, 236, look="frame")
    sketch.text(180, 94, ("L blocks:", "L bloques:"), style="muted")
    tops = [24, 60, 112, 148, 194, 248, 284, 352, 402]
    bottom = 0
    for top, (old, new) in zip(tops, rows, strict=True):
        tall = 40 if any("\n" in spoken(words) for words in (old, new)) else 26
        sketch.box(12, top, 160, tall, old, look="sheet")
        role = "trained" if new else "plain"
        sketch.box(188, top, 160, tall, new or old, role, look="" if new else "sheet")
        for x in (92, 268) if bottom else ():
            sketch.line((x, bottom), (x, top), role="stream", width=2.4)
        bottom = top + tall
    return sketch.drawing()
