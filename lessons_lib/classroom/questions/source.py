"""Sources of the question bank: a TOML file for each chapter, both languages side by side.

A question rests on a cell of its chapter and serves one of the chapter's objectives. Six kinds:
`choice` (options with reasons), `numeric` and `shape` (numbers from a seed, see `drawing`), `fault`
(the wrong line of a piece of code), `order` (steps), `code` (lines that a person marks).
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lessons_lib.base.language import LANGUAGES

__all__ = [
    "KINDS",
    "LANGUAGES",
    "LEVELS",
    "UPPER",
    "Bank",
    "Objective",
    "Option",
    "Question",
    "load",
    "read",
    "slugs",
]

FOLDER = Path(__file__).parent / "bank"
KINDS = ("choice", "numeric", "shape", "fault", "order", "code")
LEVELS = ("recall", "explain", "apply", "analyse")
UPPER = ("apply", "analyse")

COMMON = {"id": str, "kind": str, "level": str, "objective": str, "cell": str}
COMMON |= {"minutes": (int, float), "en": str, "es": str}
WHY = {"en_why": str, "es_why": str}
FIELDS = {
    "choice": {"options": list},
    "numeric": WHY,
    "shape": WHY,
    "fault": {"code": str, "line": int, "fix": str, "decoys": list, **WHY},
    "order": {"steps": list, **WHY},
    "code": {"solution": str, "test": str, **WHY},
}
MAY = {"stamp": str, "seen": str}


@dataclass(frozen=True)
class Objective:
    """What a student can do after the chapter, as the end of a sentence, by language."""

    id: str
    text: Mapping[str, str]


@dataclass(frozen=True)
class Option:
    """An option of a question with the reason why it is right or wrong, both by language.

    `line` is the line of the code that a decoy of a `fault` names; `wrong` the wrong answer of the
    chapter's tests that a distractor comes from.
    """

    text: Mapping[str, str]
    reason: Mapping[str, str]
    right: bool = False
    line: int = 0
    wrong: str = ""


@dataclass(frozen=True)
class Question:
    """A question as it stands in the source; what its kind lacks is empty.

    `minutes` is the time that a student needs. `options` are those of a `choice`, or the decoys of
    a `fault`. `steps` stand in the right order. `stamp` remembers the English text that the Spanish
    one translates, `seen` the cell that the question rests on.
    """

    slug: str
    id: str
    kind: str
    level: str
    objective: str
    cell: str
    minutes: float
    text: Mapping[str, str]
    why: Mapping[str, str] = field(default_factory=dict)
    options: tuple[Option, ...] = ()
    steps: tuple[Mapping[str, str], ...] = ()
    code: str = ""
    line: int = 0
    fix: str = ""
    solution: str = ""
    test: str = ""
    stamp: str = ""
    seen: str = ""


@dataclass(frozen=True)
class Bank:
    """The questions of a chapter and the objectives that they serve."""

    slug: str
    objectives: tuple[Objective, ...]
    questions: tuple[Question, ...]


def slugs(folder: Path = FOLDER) -> list[str]:
    """Return the slugs of the chapters that have questions, in alphabetical order."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def load(slug: str, folder: Path = FOLDER) -> Bank:
    """Read the questions of a chapter.

    Raises `ValueError` if the chapter has none, or if its file is not as `read` expects it.
    """
    if slug not in slugs(folder):
        raise ValueError(f"expected a chapter with questions ({', '.join(slugs(folder))}): {slug}")
    try:
        data = tomllib.loads((folder / f"{slug}.toml").read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{slug}: expected TOML, got {error}") from None
    return read(slug, data)


def read(slug: str, data: Mapping) -> Bank:
    """Make a bank of what a TOML file says.

    Raises `ValueError` that names the question and its field for a field that is missing, is
    unknown, or has another type than expected.
    """
    _fields(slug, data, {"objectives": list, "questions": list})
    objectives = []
    for entry in data["objectives"]:
        _fields(f"{slug} objective", entry, {"id": str, "en": str, "es": str})
        objectives.append(Objective(entry["id"], _texts(entry)))
    return Bank(slug, tuple(objectives), tuple(_question(slug, one) for one in data["questions"]))


def _question(slug: str, entry: Mapping) -> Question:
    """Read a question."""
    name = f"{slug} [{entry.get('id', '?')}]"
    kind = entry.get("kind")
    if kind not in KINDS:
        raise ValueError(f"{name}: expected a kind of {', '.join(KINDS)}, got {kind!r}")
    _fields(name, entry, COMMON | FIELDS[kind], MAY)
    for step in entry.get("steps", ()):
        _fields(f"{name} step", step, {"en": str, "es": str})
    plain = {key: entry[key] for key in (*COMMON, "line", "fix", *MAY) if key in entry}
    plain |= {key: entry[key].strip("\n") for key in ("code", "solution", "test") if key in entry}
    if kind == "fault":
        plain["fix"] = _indented(plain["fix"], plain["code"].split("\n"), plain["line"])
    options = [_option(name, one) for one in entry.get("options", ())]
    options += [_decoy(name, one) for one in entry.get("decoys", ())]
    why = {lang: _flowing(entry[f"{lang}_why"]) for lang in LANGUAGES if f"{lang}_why" in entry}
    return Question(
        slug=slug,
        text=_texts(entry),
        why=why,
        options=tuple(options),
        steps=tuple(_texts(step) for step in entry.get("steps", ())),
        **{key: value for key, value in plain.items() if key not in LANGUAGES},
    )


def _indented(fix: str, code: list[str], line: int) -> str:
    """Return a fix that was written without its indentation with that of the faulty line."""
    faulty = code[line - 1] if 1 <= line <= len(code) else ""
    if fix[:1].isspace() or fix == faulty.strip():
        return fix
    return faulty[: len(faulty) - len(faulty.lstrip())] + fix


def _option(name: str, entry: Mapping) -> Option:
    """Read an option of a choice."""
    _fields(f"{name} option", entry, {"right": bool, "en": list, "es": list}, {"wrong": str})
    for lang in LANGUAGES:
        if len(entry[lang]) != 2 or not all(isinstance(text, str) for text in entry[lang]):
            raise ValueError(f"{name} option: expected {lang} to hold a text and a reason")
    text, reason = ({lang: _flowing(entry[lang][i]) for lang in LANGUAGES} for i in (0, 1))
    return Option(text, reason, right=entry["right"], wrong=entry.get("wrong", ""))


def _decoy(name: str, entry: Mapping) -> Option:
    """Read a line that students blame, with the reason why it is right."""
    _fields(f"{name} decoy", entry, {"line": int, "en": str, "es": str})
    return Option({}, _texts(entry), line=entry["line"])


def _texts(entry: Mapping) -> dict[str, str]:
    """Return the text of an entry by language."""
    return {lang: _flowing(entry[lang]) for lang in LANGUAGES}


def _flowing(text: str) -> str:
    """Return a text with each paragraph on a line of its own; blocks of code stay as they are.

    So no line of the source begins a list or a heading because a minus or a number came first.
    """
    parts = re.split(r"^(```.*?^```)$", text.strip(), flags=re.M | re.S)
    parts[::2] = [re.sub(r"(?<!\n)\n(?!\n|$)", " ", part) for part in parts[::2]]
    return "".join(parts)


def _fields(name: str, entry: object, must: Mapping, may: Mapping | None = None) -> None:
    """Raise `ValueError` unless an entry has all fields of `must`, and no other but of `may`."""
    if not isinstance(entry, Mapping):
        raise ValueError(f"{name}: expected a table, got {entry!r}")
    if missing := [key for key in must if key not in entry]:
        raise ValueError(f"{name}: expected the field {missing[0]!r}, which is missing")
    known = {**must, **(may or {})}
    for key, value in entry.items():
        if key not in known:
            raise ValueError(f"{name}: expected none but known fields, got {key!r}")
        if not isinstance(value, known[key]) or (known[key] is int and isinstance(value, bool)):
            raise ValueError(f"{name}: {key!r} has another type than expected: {value!r}")
