"""What every form of export says of a drawn question: its name, its task, what may be answered."""

from collections.abc import Iterable

from lessons_lib.base.validation import check_integer
from lessons_lib.classroom.questions.drawing import Choice, Drawn, draw
from lessons_lib.classroom.questions.source import LEVELS, Bank
from lessons_lib.classroom.questions.text import code_span, fenced

__all__ = [
    "LETTERS",
    "WORDS",
    "draw_all",
    "expected",
    "explained",
    "label",
    "name",
    "offered",
    "place",
    "plain",
    "prompt",
    "spellings",
]

LETTERS = "abcdefgh"

WORDS = {
    "en": {
        "answer": "Answer",
        "bank": "Questions",
        "key": "Questions and answers",
        "line": "Line {}: {}",
        "minutes": "min",
        "mended": "The line as it should be:",
        "point": "",
        "shape": "Write the shape like (2, 3).",
        "solution": "A solution:",
        "steps": "The right order:",
        "recall": "recall",
        "explain": "explain",
        "apply": "apply",
        "analyse": "analyse",
    },
    "es": {
        "answer": "Respuesta",
        "bank": "Preguntas",
        "key": "Preguntas y respuestas",
        "line": "Línea {}: {}",
        "minutes": "min",
        "mended": "La línea como debe ser:",
        "point": "Escribe los decimales con punto, como en 0.25.",
        "shape": "Escribe la forma como (2, 3).",
        "solution": "Una solución:",
        "steps": "El orden correcto:",
        "recall": "recordar",
        "explain": "explicar",
        "apply": "aplicar",
        "analyse": "analizar",
    },
}


def draw_all(banks: Iterable[Bank], seeds: int, language: str) -> list[Drawn]:
    """Draw all questions: those with numbers once for each seed below `seeds`, others once.

    Draws that came out alike are given once. Raises `ValueError` unless `seeds` is at least 1.
    """
    check_integer("seeds", seeds, 1)
    drawn = []
    for bank in banks:
        for question in bank.questions:
            seen = set()
            for seed in range(seeds if question.kind in ("numeric", "shape") else 1):
                one = draw(question, seed, language)
                if one.text not in seen:
                    seen.add(one.text)
                    drawn.append(one)
    return drawn


def name(drawn: Drawn) -> str:
    """Return the name of a drawn question: chapter, id, and the seed of its numbers."""
    question = drawn.question
    seed = f" {drawn.seed}" if question.kind in ("numeric", "shape") else ""
    return f"{question.slug} {question.id}{seed}"


def place(drawn: Drawn) -> tuple[str, int]:
    """Return what sorts questions into categories: chapter, then level from the lowest."""
    return drawn.question.slug, LEVELS.index(drawn.question.level)


def prompt(drawn: Drawn) -> str:
    """Return the task in Markdown, with numbered lines of code where there are any."""
    question = drawn.question
    if question.kind == "shape":
        return f"{drawn.text} {WORDS[drawn.language]['shape']}"
    if question.kind != "fault":
        return drawn.text
    lines = question.code.split("\n")
    code = "\n".join(f"{i:2}  {line}".rstrip() for i, line in enumerate(lines, 1))
    return f"{drawn.text}\n\n{fenced(code)}"


def label(drawn: Drawn, choice: Choice) -> str:
    """Return in Markdown what a student may choose."""
    if drawn.question.kind != "fault":
        return choice.text
    return WORDS[drawn.language]["line"].format(choice.value, code_span(choice.text))


def offered(drawn: Drawn) -> list[str]:
    """Return in Markdown what a student chooses from or puts in order, if there is anything."""
    if drawn.question.kind == "order":
        return list(drawn.steps)
    if drawn.question.kind in ("choice", "fault"):
        return [label(drawn, choice) for choice in drawn.choices]
    return []


def expected(drawn: Drawn) -> str:
    """Return the right answer as one writes it on paper: letters, a number, a shape, code."""
    if drawn.question.kind == "code":
        return drawn.question.solution
    if drawn.question.kind == "order":
        letters = {place: LETTERS[i] for i, place in enumerate(drawn.order)}
        return ", ".join(letters[place] for place in sorted(letters))
    right = next(i for i, choice in enumerate(drawn.choices) if choice.right)
    if drawn.question.kind in ("numeric", "shape"):
        return drawn.choices[right].text
    return LETTERS[right]


def explained(drawn: Drawn) -> str:
    """Return in Markdown what one reads after answering: the solution, and why it is one."""
    question, words = drawn.question, WORDS[drawn.language]
    if question.kind == "choice":
        return ""
    parts = [drawn.why]
    if question.kind == "fault":
        parts += [words["mended"], fenced(question.fix)]
    if question.kind == "code":
        parts = [words["solution"], fenced(question.solution), drawn.why]
    if question.kind == "order":
        steps = (step[drawn.language] for step in question.steps)
        listed = [f"({i}) {' '.join(step.split())}" for i, step in enumerate(steps, 1)]
        parts = [f"{words['steps']} {' '.join(listed)}", drawn.why]
    return "\n\n".join(parts)


def plain(value: int | float, decimals: int) -> str:
    """Return a number with a decimal point, four decimals more than the question asks for."""
    if isinstance(value, int):
        return str(value)
    return f"{value:.{decimals + 4}f}".rstrip("0").removesuffix(".")


def spellings(shape: tuple[int, ...]) -> list[str]:
    """Return the ways in which students write a shape.

    >>> spellings((2, 3))[:4]
    ['(2, 3)', '[2, 3]', '(2,3)', '[2,3]']
    """
    ways = []
    for joint in (", ", ","):
        inside = joint.join(map(str, shape))
        ways += [
            f"({inside}{',' if len(shape) == 1 else ''})",
            f"({inside})",
            f"[{inside}]",
            inside,
        ]
    ways += [f"torch.Size([{', '.join(map(str, shape))}])"]
    ways += [sign.join(map(str, shape)) for sign in (" x ", "x", " × ", "×")]
    first = [way for way in ways if way[:1] in "(["]
    return list(dict.fromkeys(first + ways))
