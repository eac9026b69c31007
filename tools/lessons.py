"""Write the pages for lecturers, lesson by lesson, from plans, question bank and notebooks.

    python -m tools.lessons                   write the sections into book/en and book/es
    python -m tools.lessons --check           change nothing, list what is wrong or to be read again
    python -m tools.lessons --stamp [SLUG]    all plans (or one) have been read again

A plan, `lesson_plans/SLUG.toml`, holds both languages side by side: what students get wrong, a
demonstration, questions to discuss, minutes for the chapter's sections. Objectives and the number
of questions come from the question bank (the plan of a chapter without one has `objectives`), the
names of sections from the headings of the notebooks, those of wrong answers from
`tests/wrong_answers`.

A plan remembers the hash of its English text (`stamp`), and that of what it rests on (`seen`): the
headings and exercises of its chapter and the cells that it names, with what they print, if that is
the same on every machine. When the English changes, the Spanish is stale; when the rest changes,
the plan is to be read again. Numbers of its text, of 10 and more or with decimals, must stand in
those cells, each language in its own; `own` lists those that the plan itself brings.
"""

import argparse
import json
import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from nbformat import NotebookNode

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.classroom.questions import source
from lessons_lib.classroom.questions.source import LEVELS, Bank
from tools import house, publish
from tools.questions import cell_print
from tools.teaching import Chapter, read_chapter
from tools.translations import FENCE, fingerprint

FOLDER = "tools/lesson_plans"
PAGES = "lessons_*.md"
SIZES = (45, 90, 180)  # minutes
PLACE = re.compile(r"(<!-- lesson: (\w+) -->\n).*?(<!-- end of lesson -->)", re.S)
STAMPS = re.compile(r'^(?:stamp|seen) = ".*"\n', re.M)
FIELDS = {  # of a plan and of its parts: what must be there, what may
    "plan": ({"cells", "minutes", "mistakes", "demonstration", "discussion", "calculus", "pytorch"},
             {"objectives", "own", "stamp", "seen"}),
    "objectives": ({"en", "es"}, set()),
    "mistakes": ({"en", "es"}, {"wrong"}),
    "demonstration": ({"en", "es"}, set()),
    "discussion": ({"en", "es", "en_reaches", "es_reaches"}, set()),
    "calculus": ({"en", "es"}, set()),
    "pytorch": ({"en", "es"}, set()),
}  # fmt: skip
WORDS = {
    "en": {
        "can": "After [the chapter]({slug}.ipynb) students can",
        "bank": "In the question bank: {n} questions ({levels}).",
        "levels": {level: level for level in LEVELS},
        "mistakes": "**What goes wrong, and what helps**",
        "wrong": "The checks know it: {}.",
        "demonstration": "**To show live.**",
        "discussion": "**To discuss**",
        "reaches": "*A good discussion reaches:*",
        "sizes": "| Minutes for | 45 | 90 | 180 |",
        "total": "Together",
        "named": {
            "opening": "The question at the start",
            "demonstration": "To show live",
            "discussion": "To discuss",
        },
        "exercise": "Exercise `{}`",
        "calculus": "**Without calculus.**",
        "pytorch": "**Without PyTorch.**",
    },
    "es": {
        "can": "Después [del capítulo]({slug}.ipynb), los estudiantes saben",
        "bank": "En el banco de preguntas: {n} preguntas ({levels}).",
        "levels": dict(zip(LEVELS, ("recordar", "explicar", "aplicar", "analizar"), strict=True)),
        "mistakes": "**Qué sale mal y qué ayuda**",
        "wrong": "Las comprobaciones lo conocen: {}.",
        "demonstration": "**Para mostrar en vivo.**",
        "discussion": "**Para debatir**",
        "reaches": "*Un buen debate llega a esto:*",
        "sizes": "| Minutos para | 45 | 90 | 180 |",
        "total": "En total",
        "named": {
            "opening": "La pregunta del comienzo",
            "demonstration": "Para mostrar en vivo",
            "discussion": "Para debatir",
        },
        "exercise": "Ejercicio `{}`",
        "calculus": "**Sin cálculo.**",
        "pytorch": "**Sin PyTorch.**",
    },
}


@dataclass(frozen=True)
class Room:
    """What a plan stands on: the chapter as it is in both languages, its questions and checks."""

    chapters: dict[str, Chapter]
    headings: dict[str, list[str]]
    cells: dict[str, dict[str, NotebookNode]]
    bank: Bank | None
    wrong: dict[str, tuple[str, ...]]


# ---------------------------------------------------------------- reading


def headings(nb: NotebookNode) -> list[str]:
    """Return the headings of a notebook's sections, in order."""
    prose = [FENCE.sub("", cell.source) for cell in nb.cells if cell.cell_type == "markdown"]
    return [head.strip() for text in prose for head in re.findall(r"^## (.+)$", text, re.M)]


@cache
def wrong_answers(slug: str) -> dict[str, tuple[str, ...]]:
    """Return the names of the known wrong answers to each exercise of a chapter."""
    known = import_module(f"tests.wrong_answers.{slug}").WRONG
    return {check.removeprefix("check_"): tuple(answers) for check, answers in known.items()}


def read_room(root: Path, slug: str) -> Room:
    """Read what the plan of a chapter stands on."""
    paths = {language: root / "book" / language / f"{slug}.ipynb" for language in house.LANGUAGES}
    books = {language: house.read_notebook(path) for language, path in paths.items()}
    return Room(
        chapters={language: read_chapter(path) for language, path in paths.items()},
        headings={language: headings(nb) for language, nb in books.items()},
        cells={lang: {cell.id: cell for cell in nb.cells} for lang, nb in books.items()},
        bank=source.load(slug) if slug in source.slugs() else None,
        wrong=wrong_answers(slug),
    )


def read_plan(root: Path, slug: str) -> dict:
    """Read a plan.

    Raises `ValueError` that names the part for a field that is missing, unknown or empty.
    """
    plan = tomllib.loads((root / FOLDER / f"{slug}.toml").read_text(encoding="utf-8"))

    def hold(part: str, entry: dict) -> None:
        must, may = FIELDS[part]
        if not must <= entry.keys() <= must | may:
            raise ValueError(
                f"{slug}: {part}: expected {sorted(must)}, got {sorted(entry.keys() - may)}"
            )
        if empty := [name for name in must if part != "plan" and not entry[name].strip()]:
            raise ValueError(f"{slug}: {part}: expected a text for {', '.join(sorted(empty))}")

    hold("plan", plan)
    for part in FIELDS.keys() - {"plan"}:
        here = plan.get(part, [])
        for entry in here if isinstance(here, list) else [here]:
            hold(part, entry)
    return plan


def slugs(root: Path) -> list[str]:
    """Return the chapters that have a plan, in reading order."""
    known = {path.stem for path in (root / FOLDER).glob("*.toml")}
    order = house.chapters(root)
    return sorted(known, key=lambda slug: order.index(slug) if slug in order else len(order))


def entries(plan: dict) -> list[dict]:
    """Return all parts of a plan that hold text in both languages."""
    single = [plan["demonstration"], plan["calculus"], plan["pytorch"]]
    return [*plan.get("objectives", ()), *plan["mistakes"], *plan["discussion"], *single]


def texts(plan: dict, language: str) -> list[str]:
    """Return all texts of a plan in one language."""
    names = (language, f"{language}_reaches")
    return [entry[name] for entry in entries(plan) for name in names if name in entry]


# ---------------------------------------------------------------- stamps


def english(plan: dict) -> str:
    """Return the fingerprint of what the Spanish text of a plan translates."""
    return fingerprint(json.dumps(texts(plan, "en")))


def ground(plan: dict, room: Room) -> str:
    """Return the fingerprint of what a plan rests on."""
    names = [task.function for task in room.chapters["en"].exercises]
    cells = [cells[name] for cells in room.cells.values() for name in plan["cells"]]
    prints = [
        # what a processor decides is held by the numbers alone, see `unfounded`
        cell.source if "nbval-ignore-output" in house.tags(cell) else cell_print(cell)
        for cell in cells
    ]
    return fingerprint(json.dumps([room.headings["en"], names, prints]))


def stamp(root: Path, slug: str) -> list[str]:
    """Stamp a plan as read again, unless something else is wrong with it: return that."""
    if slug not in slugs(root):
        raise ValueError(f"expected a chapter with a plan ({', '.join(slugs(root))}), got {slug}")
    plan, room = read_plan(root, slug), read_room(root, slug)
    if wrong := faults(slug, plan, room):
        return wrong
    path = root / FOLDER / f"{slug}.toml"
    head = f'stamp = "{english(plan)}"\nseen = "{ground(plan, room)}"\n'
    text = STAMPS.sub("", path.read_text(encoding="utf-8"))
    write_atomic(path, text.replace("cells = [", head + "cells = [", 1).encode())
    return []


# ---------------------------------------------------------------- checking


def numbers(text: str, language: str) -> list[str]:
    """Return the numbers of a text in order, written as Python writes them.

    A Spanish text has decimal commas and no-break spaces, code and outputs have neither: there a
    comma stands between numbers or after thousands.
    """
    text = text.replace("{,}", ",")  # as formulas write it
    if language == "es":
        text = re.sub(r"(?<=\d)\N{NO-BREAK SPACE}(?=\d{3})", "", text)
        text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    else:
        text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    return re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)", text)


def printed(cell: NotebookNode, language: str) -> set[str]:
    """Return the numbers that a cell holds: its prose or code, and what it printed or drew."""
    if cell.cell_type == "markdown":
        return set(numbers(cell.source, language))
    texts = [cell.source]
    for output in cell.get("outputs", ()):
        data = output.get("data", {})
        drawn = re.sub(r"<[^>]*>", " ", data.get("text/html", ""))
        texts.append(output.get("text", "") + data.get("text/plain", "") + " " + drawn)
    return {number for text in texts for lang in ("en", language) for number in numbers(text, lang)}


def unfounded(plan: dict, room: Room, language: str) -> list[str]:
    """Return the numbers of a plan, of 10 and more or with decimals, that no named cell holds."""
    cells = room.cells[language]
    held = {number for name in plan["cells"] for number in printed(cells[name], language)}
    held |= set(plan.get("own", ()))
    said = [number for text in texts(plan, language) for number in numbers(text, language)]
    return [one for one in said if ("." in one or len(one) > 1) and one not in held]


def faults(slug: str, plan: dict, room: Room) -> list[str]:
    """List what is wrong with a plan, stamps aside."""
    found = [f"no cell {name!r}" for name in plan["cells"] if name not in room.cells["en"]]
    if len({len(heads) for heads in room.headings.values()}) > 1:
        found.append("the notebooks have different numbers of headings")
    if not (room.bank or plan.get("objectives")):
        found.append("neither objectives nor a question bank")
    exercises = {task.function for task in room.chapters["en"].exercises}
    rows = {*room.headings["en"], *WORDS["en"]["named"], *(f"exercise {n}" for n in exercises)}
    found += [f"no heading or exercise {row!r}" for row in plan["minutes"] if row not in rows]
    for i, size in enumerate(SIZES):
        total = sum(minutes[i] for minutes in plan["minutes"].values())
        if total != size:
            found.append(f"expected sections of {size} minutes, got {total}")
    for entry in plan["mistakes"]:
        for exercise, names in entry.get("wrong", {}).items():
            unknown = [name for name in names if name not in room.wrong.get(exercise, ())]
            found += [f"{exercise} has no wrong answer {name!r}" for name in unknown]
            spanish = publish.spanish_names()
            found += [f"no Spanish name for {name!r}" for name in names if name not in spanish]
    if not found:
        for language in house.LANGUAGES:
            if alone := unfounded(plan, room, language):
                found.append(f"{language}: numbers in no named cell: {', '.join(alone)}")
    return [f"{FOLDER}/{slug}.toml: {message}" for message in found]


def findings(slug: str, plan: dict, room: Room) -> list[str]:
    """List what is wrong with a plan, stale in it, or to be read again."""
    found, name = faults(slug, plan, room), f"{FOLDER}/{slug}.toml"
    if plan.get("stamp") != english(plan):
        found.append(f"{name}: stale Spanish: the English changed; --stamp {slug} when it is right")
    if not found and plan.get("seen") != ground(plan, room):
        found.append(f"{name}: read again: the chapter changed; then --stamp {slug}")
    return found


# ---------------------------------------------------------------- the pages


def mistakes(plan: dict, language: str) -> list[str]:
    """Return the items on what students get wrong, with the names of wrong answers."""
    words, items = WORDS[language], []
    for entry in plan["mistakes"]:
        named = []
        for exercise, names in entry.get("wrong", {}).items():
            if language == "es":
                names = [publish.spanish_names()[name] for name in names]
            named.append(f"`{exercise}` " + ", ".join(f"*{name}*" for name in names))
        also = f" {words['wrong'].format('; '.join(named))}" if named else ""
        items.append(f"- {entry[language].strip()}{also}")
    return items


def sizes(plan: dict, room: Room, language: str) -> list[str]:
    """Return the table of the lesson's three sizes."""
    words = WORDS[language]
    names = dict(zip(room.headings["en"], room.headings[language], strict=True)) | words["named"]
    lines = [words["sizes"], "|---|---:|---:|---:|"]
    for row, minutes in plan["minutes"].items():
        name = names.get(row) or words["exercise"].format(row.removeprefix("exercise "))
        lines.append(f"| {name} | " + " | ".join(str(n) if n else "–" for n in minutes) + " |")
    return [*lines, f"| **{words['total']}** | " + " | ".join(map(str, SIZES)) + " |"]


def section(plan: dict, room: Room, language: str) -> str:
    """Return the section of a page on one lesson."""
    words, chapter = WORDS[language], room.chapters[language]
    objectives = [one[language] for one in plan.get("objectives", ())]
    asked = []
    if room.bank:
        objectives = [one.text[language] for one in room.bank.objectives]
        levels = Counter(question.level for question in room.bank.questions)
        told = ", ".join(f"{words['levels'][level]} {levels[level]}" for level in LEVELS)
        asked = [words["bank"].format(n=len(room.bank.questions), levels=told)]
    discussion = [
        f"{i}. {one[language].strip()} {words['reaches']} {one[f'{language}_reaches'].strip()}"
        for i, one in enumerate(plan["discussion"], 1)
    ]
    blocks = [
        f"## {chapter.name}",
        words["can"].format(slug=chapter.slug),
        "\n".join(f"- {one}" for one in objectives),
        *asked,
        words["mistakes"],
        "\n".join(mistakes(plan, language)),
        f"{words['demonstration']} {plan['demonstration'][language].strip()}",
        words["discussion"],
        "\n".join(discussion),
        "\n".join(sizes(plan, room, language)),
        f"{words['calculus']} {plan['calculus'][language].strip()}",
        f"{words['pytorch']} {plan['pytorch'][language].strip()}",
    ]
    return "\n\n".join(blocks)


def page(path: Path, lessons: dict[str, tuple[dict, Room]]) -> str:
    """Return a page with its sections made anew.

    A section stands between `<!-- lesson: SLUG -->` and `<!-- end of lesson -->`.
    """

    def made(place: re.Match) -> str:
        return f"{place[1]}\n{section(*lessons[place[2]], path.parent.name)}\n\n{place[3]}"

    return PLACE.sub(made, path.read_text(encoding="utf-8"))


def pages(root: Path) -> list[Path]:
    """Return the pages that hold lessons, in all languages."""
    return [path for lang in house.LANGUAGES for path in sorted((root / "book" / lang).glob(PAGES))]


def misplaced(root: Path, known: list[str]) -> list[str]:
    """List the editions whose pages lack a lesson, or have a place for one that there is not."""
    found = []
    for language in house.LANGUAGES:
        texts = [path.read_text(encoding="utf-8") for path in pages(root) if language in path.parts]
        places = Counter(place[2] for text in texts for place in PLACE.finditer(text))
        if differ := sorted((places - Counter(known)) + (Counter(known) - places)):
            found.append(f"book/{language}: places and plans differ: {', '.join(differ)}")
    return found


def check(root: Path) -> list[str]:
    """List everything that is wrong, stale or without a place in plans and pages."""
    known = slugs(root)
    try:
        lessons = {slug: (read_plan(root, slug), read_room(root, slug)) for slug in known}
    except ValueError as error:
        return [f"{FOLDER}: {error}"]
    found = [finding for slug, lesson in lessons.items() for finding in findings(slug, *lesson)]
    if found := found + misplaced(root, known):
        return found
    return [
        f"{house.where(root, path)}: stale; run python -m tools.lessons"
        for path in pages(root)
        if page(path, lessons) != path.read_text(encoding="utf-8")
    ]


def main(arguments: list[str] | None = None) -> int:
    """Write the sections, check them, or stamp plans."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--check", action="store_true", help="change nothing, list what is wrong")
    group.add_argument("--stamp", nargs="*", metavar="SLUG", help="the plans were read again")
    options = parser.parse_args(arguments)
    root = house.ROOT
    if options.check:
        return house.report(check(root))
    if options.stamp is not None:
        chosen = options.stamp or slugs(root)
        return house.report([finding for slug in chosen for finding in stamp(root, slug)])
    if found := misplaced(root, slugs(root)):
        return house.report(found)
    lessons = {slug: (read_plan(root, slug), read_room(root, slug)) for slug in slugs(root)}
    for path in pages(root):
        write_atomic(path, page(path, lessons).encode())
    return 0


if __name__ == "__main__":
    console.run(main, ValueError)
