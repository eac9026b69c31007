"""Plans of exams: chapters, minutes, and how the time is shared among levels."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lessons_lib.base.validation import check_integer, check_number
from lessons_lib.classroom.questions.source import KINDS, LANGUAGES, LEVELS, slugs

__all__ = ["Plan", "load_plan", "plans", "read_plan"]

FOLDER = Path(__file__).parent / "plans"
TITLES = {"en": "Exam", "es": "Examen"}


@dataclass(frozen=True)
class Plan:
    """What an exam asks about: chapters, minutes, shares of levels, kinds, a title by language.

    Raises `ValueError` for a chapter without questions, an unknown level or kind, a share that is
    no number of at least 0, shares that are all 0, or minutes that are no integer from 5 to 480.
    """

    chapters: tuple[str, ...]
    minutes: int
    levels: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(LEVELS, 1))
    kinds: tuple[str, ...] = KINDS
    title: Mapping[str, str] = field(default_factory=lambda: dict(TITLES))

    def __post_init__(self):
        _known("chapters", self.chapters, slugs())
        _known("kinds", self.kinds, KINDS)
        _known("levels", self.levels, LEVELS)
        check_integer("minutes", self.minutes, 5, 480)
        for level, share in self.levels.items():
            check_number(f"the share of {level}", share, least=0)
        if not sum(self.levels.values()):
            raise ValueError(f"expected a share above 0 for a level, got {dict(self.levels)}")
        if set(self.title) != set(LANGUAGES) or not all(self.title.values()):
            raise ValueError(f"expected a title in {' and '.join(LANGUAGES)}, got {self.title!r}")


def _known(what: str, names: object, known: list[str] | tuple[str, ...]) -> None:
    """Raise `ValueError` unless there are names, all known, none of them twice."""
    names = list(names)
    if not names or len(set(names)) < len(names) or not set(names) <= set(known):
        raise ValueError(f"expected {what} of {', '.join(known)}, each once, got {names}")


def plans() -> list[str]:
    """Return the names of the plans that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_plan(name: str) -> Plan:
    """Read a plan by its name, if it comes with the package, or from a TOML file.

    Raises `ValueError` if there is no such plan or file, or if it is not as `read_plan` expects.
    """
    path = FOLDER / f"{name}.toml" if name in plans() else Path(name)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ValueError(
            f"expected a plan ({', '.join(plans())}) or a TOML file, got {name}"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{name}: expected a plan in TOML, got {error}") from None
    try:
        return read_plan(data)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def read_plan(data: Mapping) -> Plan:
    """Make a plan of what a TOML file says.

    Raises `ValueError` for a field that is missing, is unknown or has another type than expected.
    """
    types = {"chapters": list, "minutes": int, "levels": dict, "kinds": list, "title": dict}
    for name, value in data.items():
        if not isinstance(value, types.get(name, ())):
            raise ValueError(f"expected fields of {', '.join(types)}, got {name} = {value!r}")
    for name in ("chapters", "minutes"):
        if name not in data:
            raise ValueError(f"expected the field {name}, which is missing")
    lists = {name: tuple(map(str, data[name])) for name in ("chapters", "kinds") if name in data}
    return Plan(**{**data, **lists})
