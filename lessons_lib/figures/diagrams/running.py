"""Diagrams of a model at work: its cache, guesses ahead, few bits, and the file it lives in."""

from lessons_lib.figures.sketch import Drawing, Sketch, Words

__all__ = ["cache_diagram", "file_diagram", "four_bits_diagram", "speculative_diagram"]


def cache_diagram() -> Drawing:
    """Draw three steps of generation with a cache of keys and values."""
    alt = (
        "Three steps. First the prompt: three tokens at once leave three keys and three values on "
        "two shelves of six places. Then one token: its query looks at all keys on the shelf, a "
        "fourth key and a fourth value are added, nothing else is computed again. Then one more "
        "token, and a fifth column. The empty places are dashed.",
        "Tres pasos. Primero el prompt: tres tokens a la vez dejan tres claves y tres valores en "
        "dos estantes de seis lugares. Después un token: su consulta mira todas las claves del "
        "estante, se añaden una cuarta clave y un cuarto valor, nada más se vuelve a calcular. "
        "Después otro token, y una quinta columna. Los lugares vacíos son de trazos.",
    )
    sketch = Sketch(352, alt)
    steps: list[tuple[Words, list[Words], int]] = [
        (
            ("1. The prompt, at once", "1. El prompt, de una vez"),
            [("Ana", "Ana"), ("has", "tiene"), ("the", "la")],
            3,
        ),
        (("2. One new token", "2. Un token nuevo"), [("lamp", "lámpara")], 4),
        (("3. One more", "3. Otro más"), [("now", "hoy")], 5),
    ]
    for i, (title, words, filled) in enumerate(steps):
        top = 8 + 116 * i
        sketch.text(8, top + 6, title, anchor="start", style="strong")
        for j, word in enumerate(words):
            place = filled - len(words) + j
            sketch.text(129 + 40 * place, top + 28, word)
        for row, (role, name) in enumerate((("key", "k"), ("value", "v"))):
            blank = [(0, column) for column in range(filled, 6)]
            y = top + 40 + 28 * row
            sketch.text(100, y + 12, name, anchor="end", style=f"{role}-ink")
            sketch.grid(109, y, 1, 6, (40, 24), role, blank=blank)
            for j in range(len(words)):
                place = filled - len(words) + j
                sketch.text(129 + 40 * place, y + 12, "+", style="strong")
        count = len(words)
        asks = (
            (f"{count} queries", f"{count} consultas") if count > 1 else ("1 query", "1 consulta")
        )
        sketch.box(8, top + 40, 76, 24, asks, "query")
        reads = (f"× {filled} keys", f"× {filled} claves")
        sketch.text(46, top + 80, reads, style="key-ink")
    return sketch.drawing()


def speculative_diagram() -> Drawing:
    """Draw one round of speculative decoding: four guesses, one reading, three tokens."""
    alt = (
        "A small model guesses four tokens: to, Hugo, and, ran. The large model reads all four at "
        "once and has a probability for each. It accepts to and Hugo, refuses and, and draws a "
        "full stop in its place; what was guessed behind it is thrown away. Three tokens have come "
        "from one reading of the large model.",
        "Un modelo pequeño propone cuatro tokens: a, Hugo, con, fue. El modelo grande lee los "
        "cuatro a la vez y tiene una probabilidad para cada uno. Acepta a y Hugo, rechaza con y "
        "sortea un punto en su lugar; lo propuesto detrás se desecha. Han salido tres tokens de "
        "una sola lectura del modelo grande.",
    )
    sketch = Sketch(256, alt)
    note = ("the small model guesses, one by one", "el modelo pequeño propone, uno a uno")
    sketch.text(180, 14, note, style="muted")
    words = [("to", "a"), "Hugo", ("and", "con"), ("ran", "fue")]
    for i, word in enumerate(words):
        sketch.box(22 + 82 * i, 26, 70, 28, word, look="dashed sheet")
        if i:
            sketch.arrow((10 + 82 * i, 40), (21 + 82 * i, 40))
        sketch.arrow((57 + 82 * i, 54), (57 + 82 * i, 76))
    name = ("the large model: one reading for all four", "el modelo grande: una lectura para los 4")
    sketch.box(22, 78, 316, 32, name, "trained")
    verdicts: list[tuple[Words, str]] = [
        (("accepted", "aceptado"), "value"),
        (("accepted", "aceptado"), "value"),
        (("refused", "rechazado"), "gradient"),
        (("unused", "sin usar"), "plain"),
    ]
    for i, (verdict, role) in enumerate(verdicts):
        sketch.arrow((57 + 82 * i, 110), (57 + 82 * i, 132), role=role)
        sketch.text(57 + 82 * i, 144, verdict, style=f"{role}-ink")
    for i, word in enumerate([("to", "a"), "Hugo", "."]):
        sketch.arrow((57 + 82 * i, 154), (57 + 82 * i, 176), role="value")
        sketch.box(22 + 82 * i, 178, 70, 28, word, "value", style="strong")
    note = ("its own choice", "elige él mismo")
    sketch.text(262, 192, note, anchor="start", style="muted")
    result = ("three tokens for one reading", "tres tokens con una lectura")
    sketch.text(139, 226, result, style="strong")
    return sketch.drawing()


def four_bits_diagram() -> Drawing:
    """Draw a block of Q4_0 and a super-block of Q4_K, byte by byte, with their bits a weight."""
    alt = (
        "Q4_0, 32 weights in 18 bytes: a scale d of 2 bytes and 16 bytes of levels. One byte is "
        "drawn larger: its lower half is the level of weight 0, its upper half that of weight 16. "
        "Q4_K, 256 weights in 144 bytes: d and d min, 2 bytes each, 12 bytes of scales and "
        "minima, 6 bits each, and 128 bytes of levels, for eight sub-blocks of 32. Both cost 4.5 "
        "bits a weight.",
        "Q4_0, 32 pesos en 18 bytes: una escala d de 2 bytes y 16 bytes de niveles. Un byte está "
        "ampliado: su mitad baja es el nivel del peso 0, su mitad alta el del peso 16. Q4_K, 256 "
        "pesos en 144 bytes: d y d min, de 2 bytes cada uno, 12 bytes de escalas y mínimos, de 6 "
        "bits cada uno, y 128 bytes de niveles, para ocho subbloques de 32. Ambos cuestan 4.5 bits "
        "por peso.",
    )
    sketch = Sketch(352, alt)
    title = ("Q4_0: 32 weights, 18 bytes", "Q4_0: 32 pesos, 18 bytes")
    sketch.text(12, 14, title, anchor="start", style="strong")
    sketch.text(348, 14, ("4.5 bits a weight", "4.5 bits por peso"), anchor="end", style="muted")
    sketch.box(12, 28, 48, 34, "d\n2", "mark")
    for i in range(16):
        sketch.box(64 + 17.8 * i, 28, 17.8, 34, "", "frozen")
    levels = ("16 bytes of levels", "16 bytes de niveles")
    sketch.text(348, 73, levels, anchor="end", style="muted")
    sketch.line((64, 64), (40, 92), role="frozen")
    sketch.line((81.8, 64), (284, 92), role="frozen", look="dashed")
    sketch.box(40, 92, 122, 34, ("weight 16\n4 bits", "peso 16\n4 bits"), "frozen")
    sketch.box(162, 92, 122, 34, ("weight 0\n4 bits", "peso 0\n4 bits"), "frozen")
    sketch.text(162, 138, ("one byte: two levels", "un byte: dos niveles"), style="muted")
    sketch.text(162, 160, ("weight ≈ d · (level − 8)", "peso ≈ d · (nivel − 8)"))
    title = ("Q4_K: 256 weights, 144 bytes", "Q4_K: 256 pesos, 144 bytes")
    sketch.text(12, 196, title, anchor="start", style="strong")
    sketch.text(348, 196, ("4.5 bits a weight", "4.5 bits por peso"), anchor="end", style="muted")
    sketch.box(12, 210, 34, 34, "d\n2", "mark")
    sketch.box(50, 210, 46, 34, "d min\n2", "mark")
    sketch.box(100, 210, 88, 34, ("scales, min.\n12", "escalas, mín.\n12"), "plain")
    sketch.box(192, 210, 156, 34, ("levels\n128", "niveles\n128"), "frozen")
    sketch.line((144, 244), (144, 254), (180, 254), (180, 268))
    for i in range(8):
        sketch.box(12 + 42 * i, 270, 42, 34, f"{i + 1}\n32", "frozen", look="sheet")
    note = ("eight sub-blocks, each with a scale and a", "ocho subbloques, cada uno con una escala")
    sketch.text(180, 318, note, style="muted")
    note = (
        "minimum of 6 bits: parts of d and of d min",
        "y un mínimo de 6 bits: partes de d y d min",
    )
    sketch.text(180, 334, note, style="muted")
    return sketch.drawing()


def file_diagram() -> Drawing:
    """Draw a GGUF file from its first byte to its last."""
    alt = (
        "A file from top to bottom. The start: the magic word GGUF, the version 3, the number of "
        "tensors and of entries. The metadata: names with values, such as the architecture and the "
        "tokenizer. The list of tensors: name, dimensions, type, place. Then padding to a "
        "multiple of 32, and the tensors themselves. An arrow leads from each place in the list to "
        "where its tensor begins. All before the tensors is the header.",
        "Un archivo de arriba abajo. El inicio: la palabra mágica GGUF, la versión 3, el número "
        "de tensores y el de entradas. Los metadatos: nombres con valores, como la arquitectura y "
        "el tokenizador. La lista de tensores: nombre, dimensiones, tipo, lugar. Después, relleno "
        "hasta un múltiplo de 32, y los tensores mismos. Una flecha lleva de cada lugar de la "
        "lista a donde empieza su tensor. Todo lo anterior a los tensores es la cabecera.",
    )
    sketch = Sketch(400, alt)
    top = 8.0
    parts: list[tuple[float, Words, Words, str]] = [
        (58, ("start, 24 bytes", "inicio, 24 bytes"), "GGUF · 3 ·\n2 tensors · 1 entry", "plain"),
        (76, ("metadata", "metadatos"), "", "mark"),
        (92, ("list of tensors", "lista de tensores"), "", "plain"),
        (24, ("padding: zeros to a multiple of 32", "relleno: ceros hasta múltiplo de 32"), "", ""),
        (58, ("tensor 1", "tensor 1"), "", "frozen"),
        (58, ("tensor 2", "tensor 2"), "", "frozen"),
    ]
    tops = []
    for tall, name, _, role in parts:
        look = "" if role else "dashed sheet"
        sketch.box(76, top, 238, tall, "", role or "plain", look=look)
        tops.append(top)
        if role:
            sketch.text(195, top + 13, name, style="strong")
        else:
            sketch.text(195, top + 12, name)
        top += tall
    start = ("GGUF · version 3\n2 tensors · 2 entries", "GGUF · versión 3\n2 tensores · 2 entradas")
    sketch.text(195, tops[0] + 38, start)
    values = (
        "general.architecture = llama\ntokenizer… = pieces and merges",
        "general.architecture = llama\ntokenizer… = piezas y fusiones",
    )
    sketch.text(195, tops[1] + 46, values)
    for i in (0, 1):
        y = tops[2] + 40 + 32 * i
        entry = ("name · shape · type · place", "nombre · forma · tipo · lugar")
        sketch.box(84, y - 14, 222, 28, entry, "plain", look="sheet")
        x = 326 + 14 * i
        goal = tops[4 + i] + 8
        sketch.arrow((306, y), (x, y), (x, goal), (315, goal))
    for i in (0, 1):
        numbers = (
            ("token table, in F16", "tabla de tokens, en F16"),
            ("a matrix, in Q4_0", "una matriz, en Q4_0"),
        )[i]
        sketch.text(195, tops[4 + i] + 38, numbers)
    sketch.line((72, 10), (64, 10), (64, tops[4] - 2), (72, tops[4] - 2))
    sketch.text(60, 120, ("header", "cabecera"), anchor="end", style="muted")
    note = ("tensors are used where they lie", "los tensores se usan donde están")
    sketch.text(195, top + 14, note, style="muted")
    return sketch.drawing()
