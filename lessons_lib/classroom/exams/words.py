"""What exams and their analysis say, in both languages."""

__all__ = ["COLUMNS", "RESULTS", "WORDS"]

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
RESULTS = {
    "en": {
        "head": ("student", "name", "points", "of", "share"),
        "title": "Exam",
        "unknown": "Not in the list: {}",
        "unclear": "Could be several in the list, or stands for one who has marks: {}",
        "absent": "In the list, without answers: {}",
    },
    "es": {
        "head": ("estudiante", "nombre", "puntos", "de", "parte"),
        "title": "Examen",
        "unknown": "No está en la lista: {}",
        "unclear": "Podría ser más de una persona de la lista, o una que ya tiene nota: {}",
        "absent": "En la lista, sin respuestas: {}",
    },
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
