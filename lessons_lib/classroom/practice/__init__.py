"""Checks for the exercises: run one on your own function and it says what is still missing.

A check compares a learner's function with the right answers on cases that tell the usual mistakes
apart. It never raises what the function raises: it prints *not yet*, the first case that differs,
and a hint.
"""

import math
import operator
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

from lessons_lib.base.console import tell
from lessons_lib.base.language import LANGUAGES, chosen, speak

__all__ = ["LANGUAGES", "Case", "Exercise", "Raised", "Unanswered", "near", "speak", "told"]

_WORDS = {
    "en": {
        "right": "Right: {n} of {n} cases agree.",
        "not_yet": "Not yet: for {call} expected {expected}, got {got}.",
        "unanswered": "Not yet: for {call} expected {expected}, but {reason}.",
        "hint": "Hint: {hint}",
        "try": "Change the function and run this cell again; then there is a hint.",
        "raised": "an error ({error})",
        "no_function": "Not yet: expected a function, got {got}.",
        "nothing": "None (did you forget return?)",
    },
    "es": {
        "right": "Correcto: coinciden {n} de {n} casos.",
        "not_yet": "Todavía no: para {call} se esperaba {expected} y se obtuvo {got}.",
        "unanswered": "Todavía no: para {call} se esperaba {expected}, pero {reason}.",
        "hint": "Pista: {hint}",
        "try": "Cambia la función y ejecuta otra vez esta celda; entonces habrá una pista.",
        "raised": "un error ({error})",
        "no_function": "Todavía no: se esperaba una función y se recibió {got}.",
        "nothing": "None (¿falta un return?)",
    },
}
_first_tries: dict[str, object] = {}  # for each exercise, the function that was checked first


def near(answer: object, expected: float) -> bool:
    """Compare two numbers with the room that a right answer in float32 needs: five digits."""
    return math.isclose(float(answer), expected, rel_tol=1e-5, abs_tol=1e-6)


class Unanswered(Exception):
    """There is no answer, for a reason that is no error of the learner's code."""


class Raised(Exception):
    """The learner's function raised an error elsewhere; its type and message as `told` gives."""


def told(error: BaseException) -> str:
    """Return an error's type and message, at most 300 characters, also where that fails."""
    try:
        message = str(error)[:300]
    except BaseException:  # its own __str__ may do anything, recurse for ever too
        message = ""
    return f"{type(error).__name__[:80]}: {message}"


@dataclass(frozen=True)
class Case:
    """One call that an exercise tries: its arguments, and a hint in each language."""

    arguments: tuple
    en: str
    es: str


@dataclass(frozen=True)
class Exercise:
    """A check: the name of the function asked for, a right solution, and the cases to try.

    Call it with a learner's function; it prints what it finds. `read` makes answers of several
    kinds alike, a generator and a list, say; `same` compares them.
    """

    name: str
    solution: Callable
    cases: tuple[Case, ...]
    same: Callable[[object, object], bool] = operator.eq
    read: Callable[[object], object] = lambda answer: answer

    def find_fault(self, function: Callable, hint: bool = True) -> str | None:
        """Return what to tell the learner, or `None` if `function` is right in all cases.

        Without `hint` the hint is left out, for whoever has not tried yet.
        """
        words = _WORDS[chosen()]
        if not callable(function):
            return words["no_function"].format(got=_short(function))
        for case in self.cases:
            expected = self.solution(*deepcopy(case.arguments))
            call = f"{self.name}({', '.join(_short(a) for a in case.arguments)})"
            said = {"call": call, "expected": _short(expected)}
            more = words["hint" if hint else "try"].format(hint=getattr(case, chosen()))
            try:
                answer = function(*deepcopy(case.arguments))
                answer = None if answer is None else self.read(answer)
                got = words["nothing"] if answer is None else _short(answer)
            except Unanswered as reason:
                return f"{words['unanswered'].format(reason=reason, **said)}\n{more}"
            except (Exception, SystemExit) as error:
                error = str(error) if isinstance(error, Raised) else told(error)
                answer, got = None, words["raised"].format(error=error)
            if answer is None or not self._agree(answer, expected):
                return f"{words['not_yet'].format(got=got, **said)}\n{more}"
        return None

    def _agree(self, answer: object, expected: object) -> bool:
        try:
            return bool(self.same(answer, expected))
        except Exception:  # an answer that cannot be compared: of another type, too large
            return False

    def __call__(self, function: Callable) -> None:
        """Print whether `function` is right, else the first case that differs.

        A hint comes with it once the function is another than the one checked first, which is what
        the notebook holds for a start.
        """
        tried = _first_tries.setdefault(self.name, _content(function)) != _content(function)
        right = _WORDS[chosen()]["right"].format(n=len(self.cases))
        tell(self.find_fault(function, hint=tried) or right)


def _content(function: object) -> object:
    """Return what tells an edited function from the one before."""
    code = getattr(function, "__code__", None)
    return (code.co_code, code.co_consts, code.co_names) if code else function


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 90 else text[:60] + " … " + text[-25:]
