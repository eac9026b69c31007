"""One exam for each student: other questions, numbers and orders, and all exams equally hard.

An exam is a row of *slots*. A slot is a level, a kind and a number of minutes; its questions differ
from student to student, with what it asks of them the same. The slots are drawn once for all.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from lessons_lib.base.validation import check_integer
from lessons_lib.classroom.exams.plan import Plan
from lessons_lib.classroom.exams.students import Student
from lessons_lib.classroom.questions.drawing import Drawn, draw
from lessons_lib.classroom.questions.source import KINDS, LEVELS, Question, load

__all__ = ["DRAWS", "Exam", "Slot", "blueprint", "draw_exam", "plenty", "pool"]

DRAWS = 50  # of each question with numbers: those that the bank's tests compute a second time


@dataclass(frozen=True)
class Slot:
    """What all students' questions at one place of the exam have in common."""

    level: str
    kind: str
    minutes: float

    @property
    def points(self) -> int:
        """Two for each minute, so that all are whole."""
        return round(2 * self.minutes)


@dataclass(frozen=True)
class Exam:
    """A student's exam: a question for each slot."""

    student: Student
    slots: tuple[Slot, ...]
    questions: tuple[Drawn, ...]


def pool(plan: Plan) -> dict[Slot, list[Question]]:
    """Return the questions that a plan allows, by the slots that they fit."""
    found = defaultdict(list)
    for slug in plan.chapters:
        for question in load(slug).questions:
            if question.kind in plan.kinds and plan.levels.get(question.level, 0):
                slot = Slot(question.level, question.kind, float(question.minutes))
                found[slot].append(question)
    return dict(found)


def blueprint(plan: Plan, seed: int, questions: Mapping[Slot, list[Question]]) -> list[Slot]:
    """Draw the slots of an exam, which fill its minutes exactly; lower levels come first.

    A slot is taken only if there are twice as many questions as slots of its kind, as long as that
    is possible, so that students get different ones.

    Raises `ValueError` if there are too few questions.
    """
    check_integer("seed", seed, 0)
    whole = 2 * plan.minutes
    for spare in (2, 1):
        free = Counter({slot: len(found) // spare for slot, found in questions.items()})
        if _sums(free) >> whole & 1:
            rng = Random(f"{seed}:{spare}:{plan.chapters}:{plan.minutes}")
            return sorted(_fill(plan, free, rng), key=_place)
    most = (_sums(free) & ((1 << whole) - 1)).bit_length() - 1
    raise ValueError(
        f"expected questions for {plan.minutes} minutes in these chapters, levels and kinds, "
        f"got enough for {most / 2:g}: name more of them, or fewer minutes"
    )


def plenty(slots: Sequence[Slot], questions: Mapping[Slot, list[Question]]) -> bool:
    """Tell whether there are twice as many questions as slots of each kind."""
    return all(2 * n <= len(questions[slot]) for slot, n in Counter(slots).items())


def _place(slot: Slot) -> tuple:
    return LEVELS.index(slot.level), KINDS.index(slot.kind), slot.minutes


def _sums(free: Counter) -> int:
    """Return a number whose bit n tells whether some of the free slots have n points together."""
    sums = 1
    for slot in free.elements():
        sums |= sums << slot.points
    return sums


def _fill(plan: Plan, free: Counter, rng: Random) -> list[Slot]:
    """Draw slots level by level; what a level leaves of its time, the next one has, then any.

    No slot is drawn after which the others could not fill the rest exactly.
    """
    shares = sum(plan.levels.values())
    slots, share, spent = [], 0.0, 0
    for levels in [*([level] for level in LEVELS), LEVELS]:
        share += sum(plan.levels.get(level, 0) for level in levels)
        until = round(2 * plan.minutes * min(1, share / shares))
        while fitting := [
            slot
            for slot, n in free.items()
            if n
            and slot.level in levels
            and spent + slot.points <= until
            and _sums(free - Counter([slot])) >> 2 * plan.minutes - spent - slot.points & 1
        ]:
            # As likely as a draw of one of the questions that are left.
            (slot,) = rng.choices(fitting, [free[s] for s in fitting])
            slots.append(slot)
            free[slot] -= 1
            spent += slot.points
    return slots


def draw_exam(
    student: Student,
    slots: Sequence[Slot],
    questions: Mapping[Slot, list[Question]],
    seed: int,
    language: str,
) -> Exam:
    """Draw a student's exam: for each slot a question, from the chapters in like shares.

    It depends on the seed and on the student's code, not on who else is in the class.
    """
    rng = Random(f"{seed}:{student.code}")
    asked, chapters, drawn = set(), Counter(), {}
    for i in rng.sample(range(len(slots)), len(slots)):
        free = [one for one in questions[slots[i]] if (one.slug, one.id) not in asked]
        least = min(chapters[one.slug] for one in free)
        question = rng.choice([one for one in free if chapters[one.slug] == least])
        asked.add((question.slug, question.id))
        chapters[question.slug] += 1
        drawn[i] = _drawn(question.slug, question.id, rng.randrange(DRAWS), language)
    return Exam(student, tuple(slots), tuple(drawn[i] for i in range(len(slots))))


@cache
def _by_id(slug: str) -> dict[str, Question]:
    return {question.id: question for question in load(slug).questions}


@cache
def _drawn(slug: str, id: str, seed: int, language: str) -> Drawn:
    """Draw a question, once for all students who get it."""
    return draw(_by_id(slug)[id], seed, language)
