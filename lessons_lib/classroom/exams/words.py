"""What exams and their analysis say, in both languages."""

__all__ = ["COLUMNS", "WORDS"]

COLUMNS = {  # of the marking sheet, in the same order in both languages
    "en": (
        *("student", "name", "number", "question", "draw", "level", "kind", "minutes", "points"),
        *("expected", "answer", "score"),
    ),
    "es": (
        *("estudiante", "nombre", "número", "pregunta", "sorteo", "nivel", "tipo", "minutos"),
        *("puntos", "esperada", "respuesta", "nota"),
    ),
}
WORDS = {
    "en": {
        "name": "Name",
        "code": "Code",
        "date": "Date",
        "about": "{minutes} minutes, {points} points. Each question says what it is worth.",
        "how": "Tick one box where letters have boxes. Write letters in order, numbers and shapes "
        "on their line.",
        "points": "{} points",
        "point": "1 point",
        "key": "Key",
        "number": "No.",
        "question": "Question",
        "expected": "Expected",
        "worth": "Points",
        "marks": "For whoever marks the code",
    },
    "es": {
        "name": "Nombre",
        "code": "Código",
        "date": "Fecha",
        "about": "{minutes} minutos, {points} puntos. Cada pregunta dice cuánto vale.",
        "how": "Marca una casilla donde las letras las tengan. Escribe en su línea las letras en "
        "orden, los números y las formas.",
        "points": "{} puntos",
        "point": "1 punto",
        "key": "Soluciones",
        "number": "N.º",
        "question": "Pregunta",
        "expected": "Respuesta esperada",
        "worth": "Puntos",
        "marks": "Para quien corrige el código",
    },
}
