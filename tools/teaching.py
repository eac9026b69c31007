"""Write the tables of the pages on teaching: everything in them is counted, nothing is typed.

    python -m tools.teaching             write the tables into book/en and book/es
    python -m tools.teaching --check     change nothing, list what is stale
    python -m tools.teaching --measure   run the English notebooks and store their seconds

Minutes, prerequisites and exercises stand in the notebooks, which are read here. What each
exercise trains, and the paths through the book, stand in `teaching.toml`; the seconds that the
notebooks need, in `teaching_seconds.json`.
"""

import argparse
import json
import re
import tomllib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from tools import house, notebooks

PAGES = ("teaching", "course")
WORDS_PER_MINUTE = 238  # Brysbaert (2019): adults reading English non-fiction silently
PHRASES = "tools/teaching.toml"
SECONDS = "tools/teaching_seconds.json"
CREDIT_HOURS = (30, 25)  # of work for an ECTS credit, at most and at least: ECTS Users' Guide 2015
HOW = (
    "Processor seconds of a clean run of the English notebook, the start of Python included, on "
    "one thread (user and system time of the kernel). Optional real texts were not there."
)
WORDS = {  # \xad: where a word may break on a phone
    "en": {
        "chapters": "| Chapter | Minutes | Exer\xadcises | Needs |",
        "sizes": "| Chapter | Words | Lines | Exer\xadcises | Run, s |",
        "path": "| Week | In class | Alone | Class | Home |",
        "exercises": "| Exercise | What it trains |",
        "workload": "| Weeks | Class | Home | Together | ECTS credits |",
        "total": "All",
        "left out": "Left out: {}.",
        "nothing": "–",
        "and": " and ",
        "time": r"\*\*Time\*\*: about (\d+) minutes to read and type, (\d+) for the exercises\b",
        "need": "**You need**",
    },
    "es": {
        "chapters": "| Capítulo | Minutos | Ejer\xadcicios | Necesita |",
        "sizes": "| Capítulo | Pala\xadbras | Líneas | Ejer\xadcicios | Cál\xadculo, s |",
        "path": "| Se\xadmana | En clase | A solas | Clase | Casa |",
        "exercises": "| Ejercicio | Qué entrena |",
        "workload": "| Semanas | Clase | Casa | En total | Créditos ECTS |",
        "total": "Total",
        "left out": "Sin tratar: {}.",
        "nothing": "–",
        "and": " y ",
        "time": r"\*\*Tiempo\*\*: unos (\d+) minutos para leer y escribir, "
        r"y (\d+) para los ejercicios\b",
        "need": "**Necesitas**",
    },
}


@dataclass(frozen=True)
class Task:
    """An exercise of a chapter: its number and title in the page, and the function asked for."""

    number: int
    title: str
    function: str


@dataclass(frozen=True)
class Chapter:
    """What a notebook says of itself, and what can be counted in it."""

    slug: str
    name: str
    minutes: int
    exercise_minutes: int
    words: int
    code_lines: int
    needs: tuple[str, ...]
    exercises: tuple[Task, ...]


# ---------------------------------------------------------------- reading


def read_chapter(path: Path) -> Chapter:
    """Read a chapter's notebook, in either language.

    Raises:
        ValueError: it has no title, does not say how long it takes or what it needs, or an
            exercise has no title or asks for no function.
    """
    cells = house.read_notebook(path).cells
    words = WORDS[path.parent.name]
    prose = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    title = re.match(r"# (.+)", prose)
    time = re.search(words["time"], prose)
    needs = prose.partition(words["need"])[2].partition("**")[0]
    if not (title and time and needs):
        raise ValueError(
            f"{path}: expected a title, {words['need']!r} and a text like {words['time']!r}, "
            f"got {'no ' + ('title' if not title else 'time' if not time else 'needs')}"
        )
    tasks = []
    for before, cell in pairwise(cells):
        if "exercise" in house.tags(cell):
            heads = re.findall(r"^\*\*(\d+)\. (.+?)\*\*", before.source, re.MULTILINE)
            functions = re.findall(r"^def (\w+)\(", cell.source, re.MULTILINE)
            if not heads or len(functions) != 1:
                raise ValueError(
                    f"{path} [{cell.id}]: expected a cell after '**1. Title.**' that defines one "
                    f"function, got {heads} and {functions}"
                )
            tasks.append(Task(int(heads[-1][0]), heads[-1][1].rstrip("."), functions[0]))
    typed = [
        line
        for cell in cells
        if cell.cell_type == "code" and "hide-cell" not in house.tags(cell)
        for line in cell.source.splitlines()
    ]
    return Chapter(
        slug=path.stem,
        name=title[1].partition(":")[0],
        minutes=int(time[1]),
        exercise_minutes=int(time[2]),
        words=count_words(prose),
        code_lines=sum(bool(line.strip()) for line in typed),
        needs=tuple(dict.fromkeys(re.findall(r"\]\((\w+)\.ipynb\)", needs))),
        exercises=tuple(tasks),
    )


def count_words(markdown: str) -> int:
    """Count the words of a text in Markdown: no code blocks, formulas, tags or addresses."""
    for leave in (r"```.*?```", r"\$\$.*?\$\$", r"\$[^$\n]+\$", r"<[^>]+>", r"\]\([^)]*\)"):
        markdown = re.sub(leave, " ", markdown, flags=re.DOTALL)
    return len(re.findall(r"[^\W\d_](?:[\w'’-]*\w)?", markdown))


def read_book(root: Path, language: str) -> dict[str, Chapter]:
    """Return the chapters of an edition in reading order; pages that are no notebooks are none."""
    paths = house.notebooks(root, languages=(language,))
    return {path.stem: read_chapter(path) for path in paths}


# ---------------------------------------------------------------- the tables


def contact_minutes(chapter: Chapter) -> float:
    """Return the minutes of a chapter in class: those that it states for reading and typing."""
    return chapter.minutes


def home_minutes(chapter: Chapter, alone: bool) -> float:
    """Return the minutes at home: the exercises, and the text once more or the whole chapter."""
    text = chapter.minutes if alone else chapter.words / WORDS_PER_MINUTE
    return text + chapter.exercise_minutes


def _hours(minutes: float) -> str:
    hours, rest = divmod(round(minutes / 5) * 5, 60)
    return f"{hours}:{rest:02d}"


def _number(value: int, language: str) -> str:
    """Write a number as the language does; Spanish leaves four digits together."""
    return (
        f"{value:,}"
        if language == "en"
        else f"{value:,}".replace(",", "\N{NO-BREAK SPACE}" * (value > 9999))
    )


def _credits(minutes: float, language: str) -> str:
    """Return how many ECTS credits so much work is, from and to."""
    least, most = (f"{minutes / 60 / hours:.1f}" for hours in CREDIT_HOURS)
    return f"{least} – {most}" if language == "en" else f"{least} – {most}".replace(".", ",")


def _table(head: str, rows: list[tuple]) -> str:
    """Return a table in Markdown; columns of numbers are set to the right."""
    columns = [[str(cell) for cell in column if cell != ""] for column in zip(*rows, strict=True)]
    numbers = [all(re.fullmatch(r"[\d,.:\s]+", cell) for cell in cells) for cells in columns]
    rule = "|" + "".join("---:|" if right else "---|" for right in numbers)
    return "\n".join([head, rule, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def tables(root: Path, language: str) -> dict[str, str]:
    """Return the page's tables by name: chapters, sizes, paths (one each) and exercises."""
    words, book = WORDS[language], read_book(root, language)
    english = read_book(root, "en")  # hours are the same in both editions
    phrases = tomllib.loads((root / PHRASES).read_text(encoding="utf-8"))
    seconds = json.loads((root / SECONDS).read_text(encoding="utf-8"))["seconds"]

    def link(slug: str) -> str:
        return f"[{book[slug].name}]({slug}.ipynb)"

    def links(slugs) -> str:
        return ", ".join(map(link, slugs)) or words["nothing"]

    def number(value: int) -> str:
        return _number(value, language)

    chapters, sizes = [], []
    for slug, chapter in book.items():
        also = phrases["also"].get(slug, {}).get(language)
        needs = "; ".join(filter(None, [", ".join(map(link, chapter.needs)), also]))
        chapters.append((link(slug), chapter.minutes, chapter.exercise_minutes, needs))
        spent = max(5, round(seconds.get(slug, 0) / 5) * 5)
        tasks = len(chapter.exercises)
        sizes.append((link(slug), number(chapter.words), chapter.code_lines, tasks, spent))
    every = book.values()
    chapters.append(
        (
            f"**{words['total']}**",
            number(sum(one.minutes for one in every)),
            number(sum(one.exercise_minutes for one in every)),
            "",
        )
    )
    sizes.append(
        (
            f"**{words['total']}**",
            number(sum(one.words for one in every)),
            number(sum(one.code_lines for one in every)),
            sum(row[3] for row in sizes),
            sum(row[4] for row in sizes),
        )
    )
    made = {
        "chapters": _table(words["chapters"], chapters),
        "sizes": _table(words["sizes"], sizes),
    }

    work = []
    for name, weeks in phrases["paths"].items():
        rows, totals = [], [0.0, 0.0]
        for i, week in enumerate(weeks, 1):
            taught, alone = week.get("class", []), week.get("home", [])
            minutes = [
                week.get("class_minutes", 0) + sum(contact_minutes(english[s]) for s in taught),
                week.get("home_minutes", 0)
                + sum(home_minutes(english[slug], slug in alone) for slug in taught + alone),
            ]
            totals = [old + new for old, new in zip(totals, minutes, strict=True)]
            text = "; ".join(filter(None, [taught and links(taught), week.get(language)]))
            rows.append((i, text or words["nothing"], links(alone), *map(_hours, minutes)))
        rows.append((f"**{words['total']}**", "", "", *map(_hours, totals)))
        work.append(
            (name.split()[0], *map(_hours, [*totals, sum(totals)]), _credits(sum(totals), language))
        )
        head = words["path"]
        if not any(week.get("home") for week in weeks):  # nothing to say in the third column
            rows = [(*row[:2], *row[3:]) for row in rows]
            head = "|".join(part for i, part in enumerate(head.split("|")) if i != 3)
        used = {slug for week in weeks for key in ("class", "home") for slug in week.get(key, [])}
        table = _table(head, rows)
        if out := [book[slug].name for slug in book if slug not in used]:
            names = words["and"].join(filter(None, [", ".join(out[:-1]), out[-1]]))
            table += "\n\n" + words["left out"].format(names)
        made[f"path of {name}"] = table

    made["workload"] = _table(words["workload"], work)
    made["exercises"] = "\n\n".join(
        f"### {book[slug].name}\n\n"
        + _table(
            words["exercises"],
            [
                (
                    f"{task.number}. {task.title}<br>`{task.function}`",
                    phrases["trains"][slug][task.function][language],
                )
                for task in chapter.exercises
            ],
        )
        for slug, chapter in book.items()
        if chapter.exercises
    )
    return made


def pages(root: Path, language: str) -> dict[Path, str]:
    """Return the pages of an edition with their tables made anew.

    A table stands between `<!-- table: NAME -->` and `<!-- end of table -->`. Raises `ValueError`
    if a table has no place, or a place no table.
    """
    made = tables(root, language)
    paths = [root / "book" / language / f"{slug}.md" for slug in PAGES]
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    found = re.findall(r"<!-- table: (.+?) -->", "\n".join(texts.values()))
    if sorted(found) != sorted(made):
        raise ValueError(f"book/{language}: expected places {[*made]}, got {found}")
    return {
        path: re.sub(
            r"(<!-- table: (.+?) -->\n).*?(<!-- end of table -->)",
            lambda place: f"{place[1]}\n{made[place[2]]}\n\n{place[3]}",
            text,
            flags=re.DOTALL,
        )
        for path, text in texts.items()
    }


# ---------------------------------------------------------------- checking


def check_phrases(root: Path) -> list[str]:
    """List exercises without a phrase, phrases without an exercise, and paths out of order."""
    findings = []
    editions = {language: read_book(root, language) for language in house.LANGUAGES}
    english = editions["en"]
    phrases = tomllib.loads((root / PHRASES).read_text(encoding="utf-8"))
    seconds = json.loads((root / SECONDS).read_text(encoding="utf-8"))["seconds"]

    for language, book in editions.items():
        for slug in english.keys() & book.keys():
            for what in ("minutes", "exercise_minutes", "needs"):
                here, there = getattr(book[slug], what), getattr(english[slug], what)
                if here != there:
                    findings.append(f"book/{language}/{slug}: {what} {here}, in English {there}")
    asked = {(slug, task.function) for slug, one in english.items() for task in one.exercises}
    told = {(slug, name) for slug, texts in phrases["trains"].items() for name in texts}
    findings += [f"{PHRASES}: no phrase for {'.'.join(key)}" for key in sorted(asked - told)]
    findings += [f"{PHRASES}: {'.'.join(key)} is no exercise" for key in sorted(told - asked)]
    findings += [f"{PHRASES}: {slug} is no chapter" for slug in phrases["also"].keys() - english]
    findings += [f"{SECONDS}: nothing for {slug}" for slug in english.keys() - seconds]
    findings += [f"{SECONDS}: {slug} is no chapter" for slug in seconds.keys() - english]
    texts = [text for part in phrases["trains"].values() for text in part.items()]
    for name, text in [*texts, *phrases["also"].items()]:
        if sorted(text) != sorted(house.LANGUAGES) or not all(text.values()):
            findings.append(f"{PHRASES}: {name} must be said in {' and '.join(house.LANGUAGES)}")

    for name, weeks in phrases["paths"].items():
        done = []
        for i, week in enumerate(weeks, 1):
            new = week.get("class", []) + week.get("home", [])
            known = {*done, *new}
            for slug in new:
                if slug not in english:
                    findings.append(f"{PHRASES}: path of {name}: {slug} is no chapter")
                    continue
                if slug in done:
                    findings.append(f"{PHRASES}: path of {name}: {slug} comes twice")
                done.append(slug)
                findings += [
                    f"{PHRASES}: path of {name}: week {i}: {slug} needs {need}"
                    for need in english[slug].needs
                    if need not in known
                ]
    return findings


def check(root: Path) -> list[str]:
    """List everything that is stale or missing in the pages on teaching, in both languages."""
    if findings := check_phrases(root):
        return findings
    for language in house.LANGUAGES:
        try:
            findings += [
                f"{house.where(root, path)}: stale; run python -m tools.teaching"
                for path, text in pages(root, language).items()
                if text != path.read_text(encoding="utf-8")
            ]
        except ValueError as error:
            findings.append(str(error))
    return findings


def measure(root: Path) -> dict[str, float]:
    """Run the English notebooks; return the processor seconds of each. Not on Windows."""
    import resource

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    seconds = {}
    for path in house.notebooks(root, languages=("en",)):
        nb = house.read_notebook(path)
        for cell in nb.cells:  # a run without real texts is stored nowhere, but it counts
            cell.metadata["tags"] = sorted(house.tags(cell) - {"real-text"})
        before = spent()
        notebooks.run(nb, root, path.stem)
        seconds[path.stem] = round(spent() - before, 1)
    return seconds


def main(arguments: list[str] | None = None) -> int:
    """Write the tables, check them, or measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, list what is stale")
    parser.add_argument("--measure", action="store_true", help="run the notebooks first")
    options = parser.parse_args(arguments)
    root = house.ROOT
    if options.check:
        return house.report(check(root))
    if options.measure:
        stored = {"how": HOW, "seconds": measure(root)}
        write_atomic(root / SECONDS, f"{json.dumps(stored, indent=1)}\n".encode())
    if findings := check_phrases(root):
        return house.report(findings)
    for language in house.LANGUAGES:
        for path, text in pages(root, language).items():
            write_atomic(path, text.encode())
    return 0


if __name__ == "__main__":
    console.run(main)
