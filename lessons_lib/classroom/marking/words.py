"""What the marker says, in both languages."""

__all__ = ["WORDS", "Told", "printable"]

WORDS = {
    "en": {
        # why a notebook has no marks
        "no file": "expected a notebook, found no file",
        "too large": "expected a notebook of at most {limit} MiB, got a larger file",
        "unreadable": "expected a file that can be read, got: {got}",
        "empty": "expected a notebook, got an empty file",
        "no JSON": "expected a notebook of format 4, got a file that is not JSON",
        "no notebook": "expected a notebook of format 4, got other JSON",
        "unclear": "expected a notebook that imports the checks of one chapter "
        "(from lessons_lib.classroom.practice.tokens import ...), got: {got}",
        "no notebook here": "expected a notebook, found none",
        "no notebook here but": "expected a notebook, found only: {got}",
        "not marked": "not marked yet",
        "failed": "could not be marked: {got}",
        # why an exercise has no answer
        "time": "no answer came within {seconds:g} s",
        "memory": "more than {limit:g} GiB of memory were used",
        "processes": "more than {limit} processes were started",
        "files": "more than {limit} MiB were written to files",
        "ended": "the process ended without an answer",
        "type": "an answer of type {got} cannot be compared",
        "read": "the answer cannot be read",
        "large": "the answers take more than {limit} MB",
        "compare": "comparing the answer took more than {seconds:g} s",
        "compare ended": "the answer cannot be compared",
        "no function": "Not yet: expected a function {name}, got {got}.",
        "no answers": "Not yet: {reason}.",
        # the table
        "student": "student",
        "notebook": "notebook",
        "chapter": "chapter",
        "right": "right",
        "of": "of",
        "note": "note",
        "total": "{right} of {n}",
        "yes": "right",
        "no": "not yet",
        "published": "the same as the published solution: {names}",
        "several": "one of {n} notebooks of this student",
        "kept": "Marks: {path}",
        "others": "Not named, so without a row: {names}. To have a row for every student, "
        "name the folder instead: {folder}",
        "unprotected": "This system cannot lock students' code in: it can read and change your "
        "files and outlive its turn. Use --container, or a computer account of its own.",
        "busy": "{path} is in use; the marks go to {other}",
        # the platform's gradebook
        "feedback": "feedback",
        "not listed": "Not in the roster, so without a line in the gradebook: {student}",
        "unclear student": "Could be any of {n} students of the roster, so without a line in the "
        "gradebook: {student}",
        "best of": "Several notebooks of one student and chapter, of which the best counts: "
        "{names}",
        "nothing handed in": "In the roster, but without a notebook, so with an empty cell in the "
        "gradebook: {names}",
    },
    "es": {
        "no file": "se esperaba un cuaderno y no hay ningún archivo",
        "too large": "se esperaba un cuaderno de {limit} MiB como mucho y el archivo es mayor",
        "unreadable": "se esperaba un archivo legible y el sistema responde: {got}",
        "empty": "se esperaba un cuaderno y el archivo está vacío",
        "no JSON": "se esperaba un cuaderno de formato 4 y el archivo no es JSON",
        "no notebook": "se esperaba un cuaderno de formato 4 y el archivo contiene otro JSON",
        "unclear": "se esperaba un cuaderno que importe las comprobaciones de un capítulo "
        "(from lessons_lib.classroom.practice.tokens import ...) y se encontró: {got}",
        "no notebook here": "se esperaba un cuaderno y no hay ninguno",
        "no notebook here but": "se esperaba un cuaderno y solo se encontró: {got}",
        "not marked": "aún sin corregir",
        "failed": "no se pudo corregir: {got}",
        "time": "no llegó ninguna respuesta en {seconds:g} s",
        "memory": "se usaron más de {limit:g} GiB de memoria",
        "processes": "se iniciaron más de {limit} procesos",
        "files": "se escribieron más de {limit} MiB en archivos",
        "ended": "el proceso terminó sin responder",
        "type": "una respuesta de tipo {got} no se puede comparar",
        "read": "la respuesta no se puede leer",
        "large": "las respuestas ocupan más de {limit} MB",
        "compare": "comparar la respuesta llevó más de {seconds:g} s",
        "compare ended": "la respuesta no se puede comparar",
        "no function": "Todavía no: se esperaba una función {name} y se recibió {got}.",
        "no answers": "Todavía no: {reason}.",
        "student": "estudiante",
        "notebook": "cuaderno",
        "chapter": "capítulo",
        "right": "bien",
        "of": "de",
        "note": "nota",
        "total": "{right} de {n}",
        "yes": "bien",
        "no": "todavía no",
        "published": "igual que la solución publicada: {names}",
        "several": "uno de {n} cuadernos de este estudiante",
        "kept": "Resultados: {path}",
        "others": "Sin nombrar y, por tanto, sin fila: {names}. Para que cada estudiante tenga "
        "una fila, nombra la carpeta: {folder}",
        "unprotected": "Este sistema no puede encerrar el código de los estudiantes: puede leer y "
        "cambiar tus archivos y seguir activo después. Usa --container o una cuenta aparte.",
        "busy": "{path} está en uso; los resultados van a {other}",
        "feedback": "comentarios",
        "not listed": "No está en la lista y no tiene fila en el libro de calificaciones: "
        "{student}",
        "unclear student": "Podría ser cualquiera de {n} estudiantes de la lista y no tiene fila "
        "en el libro de calificaciones: {student}",
        "best of": "Varios cuadernos de un estudiante y capítulo, de los que cuenta el mejor: "
        "{names}",
        "nothing handed in": "En la lista, pero sin cuaderno; su celda queda vacía en el libro de "
        "calificaciones: {names}",
    },
}


class Told(ValueError):
    """A reason that the marker can tell in both languages."""

    def __init__(self, key: str, **values: object):
        super().__init__(WORDS["en"][key].format(**values))
        self.key, self.values = key, values

    def say(self, language: str) -> str:
        """Return the reason in a language."""
        return WORDS[language][self.key].format(**self.values)


def printable(text: str) -> str:
    """Escape what may not stand in a terminal or a file: its commands, half a surrogate pair."""
    return "".join(c if c == "\n" or c.isprintable() else ascii(c)[1:-1] for c in text)
