"""Item analysis: how hard each question was, whether it tells students apart, what to mend.

Sources: L. J. Cronbach, "Coefficient Alpha and the Internal Structure of Tests", Psychometrika 16
(1951); G. F. Kuder and M. W. Richardson, "The Theory of the Estimation of Test Reliability",
Psychometrika 2 (1937); S. Henrysson, "Correction of Item-Total Correlations in Item Analysis",
Psychometrika 28 (1963).
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lessons_lib.classroom.exams.answers import Answers, Response
from lessons_lib.classroom.questions.asking import LETTERS, label
from lessons_lib.classroom.questions.drawing import draw
from lessons_lib.classroom.questions.source import Question, load, slugs

__all__ = ["Analysis", "Item", "Option", "alpha", "analyse", "correlation", "interval"]

FEW = 10  # answers: with fewer, nothing is said of a question
MANY = 20  # answers: with fewer, an option that nobody took may be chance
EASY, HARD, WEAK = 0.95, 0.2, 0.1
SAMPLES = 2000  # of the bootstrap
CHOSEN = ("choice", "fault")  # the kinds of which the options are the same for all students
COMPLETE = 0.8  # of all places have to be answered, or there is no reliability


@dataclass(frozen=True)
class Option:
    """An answer that students gave or could have given, and how many did.

    `best` and `least` are the shares of the best and the last third of students that gave it.
    """

    text: str
    right: bool
    n: int
    best: float
    least: float


@dataclass(frozen=True)
class Item:
    """What the answers say of a question.

    `difficulty` is the share of its points that students got, so 1 is the easiest;
    `discrimination` the correlation with the points of all other questions, None where all got the
    same. `findings` are what is to be mended: a name and what it is about.
    """

    question: str
    n: int
    difficulty: float
    discrimination: float | None
    options: tuple[Option, ...] = ()
    findings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Analysis:
    """What the answers say of an exam. `totals` are shares of the points, one for each student.

    `reliability` is Cronbach's alpha with its interval of 95 %, None where it cannot be computed;
    `whole` tells whether each answer got all points or none, when alpha equals KR-20.
    """

    totals: tuple[float, ...]
    places: int
    missing: int
    reliability: tuple[float, float, float] | None
    whole: bool
    items: tuple[Item, ...]


def alpha(points: np.ndarray) -> float:
    """Return Cronbach's alpha of points (students, questions); NaN if all totals are equal.

    Raises `ValueError` for fewer than 2 students or questions.
    """
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or min(points.shape) < 2:
        raise ValueError(f"expected points (students, questions), 2 of each, got {points.shape}")
    total = points.sum(1).var(ddof=1)
    k = points.shape[1]
    if total < 1e-12:
        return math.nan
    return float(k / (k - 1) * (1 - points.var(0, ddof=1).sum() / total))


def interval(points: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Return between what alpha lies in 95 % of 2000 samples of the students, with repetition."""
    rng = np.random.default_rng(seed)
    n = len(points)
    found = [alpha(points[rng.integers(0, n, n)]) for _ in range(SAMPLES)]
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return float(low), float(high)


def correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return Pearson's correlation, or None if one of the two does not vary.

    With an item of 0 and 1 it is the point-biserial correlation.
    """
    one, other = (np.asarray(values) - np.mean(values) for values in (one, other))
    size = math.sqrt((one @ one) * (other @ other))
    return float(one @ other / size) if size > 1e-12 else None


def analyse(answers: Answers) -> Analysis:
    """Return what answers say of their questions and of the exam as a whole."""
    by_student, by_question = defaultdict(list), defaultdict(list)
    for one in answers.responses:
        by_student[one.student].append(one)
        by_question[one.question].append(one)
    got = {student: sum(one.score for one in given) for student, given in by_student.items()}
    could = {student: sum(one.points for one in given) for student, given in by_student.items()}
    points, missing = _matrix(by_student)
    reliability = None
    if points is not None and not math.isnan(value := alpha(points)):
        reliability = (value, *interval(points))
    items = []
    for question, given in sorted(by_question.items()):
        rest = []
        for one in given:
            others = could[one.student] - one.points
            rest.append((got[one.student] - one.score) / others if others else 0.0)
        items.append(_item(question, given, rest, answers.language))
    return Analysis(
        tuple(got[student] / could[student] for student in by_student),
        0 if points is None else points.shape[1],
        missing,
        reliability,
        all(one.score in (0, one.points) for one in answers.responses),
        tuple(items),
    )


def _matrix(by_student: dict[str, list[Response]]) -> tuple[np.ndarray | None, int]:
    """Return points (students, places) and how many are missing, which count as 0.

    None if there are fewer than 2 places, or if too many are missing: students then answered
    different questions, and nothing tells which stood at the same place.
    """
    rows = [
        {one.place or one.question: one.score for one in given} for given in by_student.values()
    ]
    places = list(dict.fromkeys(place for row in rows for place in row))
    there = sum(map(len, rows))
    missing = len(rows) * len(places) - there
    if len(places) < 2 or there < COMPLETE * len(rows) * len(places):
        return None, missing
    return np.array([[row.get(place, 0.0) for place in places] for row in rows]), missing


def _item(question: str, given: list[Response], rest: list[float], language: str) -> Item:
    """Return what the answers to a question say, given the shares of all other points."""
    shares = [one.score / one.points for one in given]
    order = np.argsort(rest, kind="stable")
    third = math.ceil(len(given) / 3)
    least, best = ([given[i] for i in part] for part in (order[:third], order[-third:]))
    source = _source(question)
    options = _options(given, best, least, source, language)
    difficulty, discrimination = float(np.mean(shares)), correlation(shares, rest)
    found = _findings(len(given), difficulty, discrimination, options, source)
    return Item(question, len(given), difficulty, discrimination, options, found)


def _source(name: str) -> Question | None:
    """Return the bank's question of a name such as `gpt/shift-direction`, if there is one."""
    slug, _, id = name.partition("/")
    if slug not in slugs():
        return None
    return next((one for one in load(slug).questions if one.id == id), None)


def _options(
    given: list[Response],
    best: list[Response],
    least: list[Response],
    source: Question | None,
    language: str,
) -> tuple[Option, ...]:
    """Return the answers with how many gave them; of the bank's options also those nobody took.

    None for a question of the bank whose answers differ from student to student.
    """
    right = {}
    if source and source.kind not in CHOSEN:
        return ()
    if source:
        drawn = draw(source, 0, language)
        right = {label(drawn, choice): choice.right for choice in drawn.choices}
    names = {id(one): _named(one, source, language) for one in given if one.answer}
    for one in given:
        if one.answer and not (source and names[id(one)] in right):
            name = names[id(one)]
            right[name] = right.get(name, False) or one.score == one.points
    counts = []
    for name, is_right in right.items():
        n, *thirds = (
            sum(names.get(id(one)) == name for one in part) for part in (given, best, least)
        )
        counts.append(Option(name, is_right, n, thirds[0] / len(best), thirds[1] / len(least)))
    return tuple(sorted(counts, key=lambda one: (not one.right, -one.n, one.text)))


def _named(one: Response, source: Question | None, language: str) -> str:
    """Return what an answer stands for: the option that was drawn as this letter."""
    letter = one.answer.strip().lower().rstrip(").")
    if source and one.draw >= 0 and len(letter) == 1:
        drawn = draw(source, one.draw, language)
        if letter in LETTERS[: len(drawn.choices)]:
            return label(drawn, drawn.choices[LETTERS.index(letter)])
    return " ".join(one.answer.split())


def _findings(
    n: int,
    difficulty: float,
    discrimination: float | None,
    options: Sequence[Option],
    source: Question | None,
) -> tuple[tuple[str, str], ...]:
    """Return what is to be mended, the gravest first."""
    if n < FEW:
        return (("few", str(n)),)
    found = []
    if discrimination is not None and discrimination < 0:
        found.append(("negative", ""))
    right = sum(one.best for one in options if one.right) if options else 1.0
    found += [("trap", one.text) for one in options if not one.right and one.best > right]
    choices = options if source else ()  # those of the bank
    if difficulty > EASY:
        found.append(("easy", ""))
    elif difficulty < (1 / len(choices) if choices else HARD):
        found.append(("hard", ""))
    elif discrimination is not None and 0 <= discrimination < WEAK:
        found.append(("weak", ""))
    if choices and n >= MANY and sum(one.n for one in options) >= MANY:
        found += [("unused", one.text) for one in options if not one.right and not one.n]
    return tuple(found)
