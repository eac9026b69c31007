"""Checks for the exercises: run one on your own function and it says what is still missing.

A check compares a learner's function with the right answers on cases that tell the usual mistakes
apart. It never raises what the function raises: it prints *not yet*, the first case that differs,
and a hint.
"""

import operator
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

from lessons_lib.base.console import tell

__all__ = ["Case", "Exercise", "speak"]

_WORDS = {
    "en": {
        "right": "Right: {n} of {n} cases agree.",
        "not_yet": "Not yet: for {call} expected {expected}, got {got}.",
        "hint": "Hint: {hint}",
        "try": "Change the function and run this cell again; then there is a hint.",
        "raised": "an error ({error})",
        "no_function": "Not yet: expected a function, got {got}.",
        "nothing": "None (did you forget return?)",
    },
    "es": {
        "right": "Correcto: coinciden {n} de {n} casos.",
        "not_yet": "Todavía no: para {call} se esperaba {expected} y se obtuvo {got}.",
        "hint": "Pista: {hint}",
        "try": "Cambia la función y ejecuta otra vez esta celda; entonces habrá una pista.",
        "raised": "un error ({error})",
        "no_function": "Todavía no: se esperaba una función y se recibió {got}.",
        "nothing": "None (¿falta un return?)",
    },
}
_language = "en"
_first_tries: dict[str, object] = {}  # for each exercise, the function that was checked first


def speak(language: str) -> None:
    """Choose the language of all checks, "en" or "es"; `ValueError` for another."""
    global _language
    if language not in _WORDS:
        raise ValueError(f"expected one of {sorted(_WORDS)}, got {language!r}")
    _language = language


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
        words = _WORDS[_language]
        if not callable(function):
            return words["no_function"].format(got=_short(function))
        for case in self.cases:
            expected = self.solution(*deepcopy(case.arguments))
            try:
                answer = function(*deepcopy(case.arguments))
                answer = None if answer is None else self.read(answer)
                got = words["nothing"] if answer is None else _short(answer)
            except (Exception, SystemExit) as error:
                answer, got = None, words["raised"].format(error=f"{type(error).__name__}: {error}")
            right = answer is not None and self._agree(answer, expected)
            if not right:
                call = f"{self.name}({', '.join(_short(a) for a in case.arguments)})"
                fault = words["not_yet"].format(call=call, expected=_short(expected), got=got)
                more = words["hint"].format(hint=getattr(case, _language))
                return f"{fault}\n{more if hint else words['try']}"
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
        right = _WORDS[_language]["right"].format(n=len(self.cases))
        tell(self.find_fault(function, hint=tried) or right)


def _content(function: object) -> object:
    """Return what tells an edited function from the one before."""
    code = getattr(function, "__code__", None)
    return (code.co_code, code.co_consts, code.co_names) if code else function


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 90 else text[:60] + " … " + text[-25:]
