"""Every check accepts the model solution and rejects each of the usual wrong answers."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from lessons_lib.classroom import practice
from lessons_lib.classroom.practice import Case, Exercise

CHAPTERS = sorted(
    path.stem for path in Path(practice.__file__).parent.glob("*.py") if path.stem != "__init__"
)
EXERCISES, WRONG, FOUND_BY = {}, {}, {}
for chapter in CHAPTERS:
    checks = import_module(f"lessons_lib.classroom.practice.{chapter}")
    answers = import_module(f"tests.wrong_answers.{chapter}")
    EXERCISES |= {f"{chapter}.{name}": getattr(checks, name) for name in checks.__all__}
    WRONG |= {f"{chapter}.{name}": wrong for name, wrong in answers.WRONG.items()}
    FOUND_BY |= {(f"{chapter}.{n}", wrong): words for (n, wrong), words in answers.FOUND_BY.items()}


@pytest.fixture(autouse=True)
def english():
    practice.speak("en")
    yield
    practice.speak("en")


def test_each_exercise_has_wrong_answers():
    assert EXERCISES.keys() == WRONG.keys()
    assert all(len(answers) >= 4 for answers in WRONG.values())


@pytest.mark.parametrize("name", EXERCISES)
def test_the_solution_is_right(name):
    assert EXERCISES[name].find_fault(EXERCISES[name].solution) is None


@pytest.mark.parametrize(("name", "wrong"), [(n, w) for n, ws in WRONG.items() for w in ws])
def test_wrong_answers_are_found(name, wrong):
    fault = EXERCISES[name].find_fault(WRONG[name][wrong])
    assert fault is not None
    assert fault.startswith("Not yet: for ")
    hint = fault.split("Hint: ")[1]
    assert hint in {case.en for case in EXERCISES[name].cases}
    assert FOUND_BY.get((name, wrong), "") in hint


def test_every_expected_hint_belongs_to_a_wrong_answer():
    assert all(wrong in WRONG[name] for name, wrong in FOUND_BY)


@pytest.mark.parametrize("name", EXERCISES)
def test_hints_stand_in_both_languages(name):
    for case in EXERCISES[name].cases:
        assert min(len(case.en), len(case.es)) > 10
        assert case.en != case.es


def raises(*_):
    raise RuntimeError("boom")


def test_checks_print_and_never_raise(capsys):
    double = Exercise("double", lambda x: 2 * x, (Case((2,), "two times.", "dos veces."),))
    double(lambda x: 2 * x)
    assert capsys.readouterr().out == "Right: 1 of 1 cases agree.\n"
    double(lambda x: x)
    assert capsys.readouterr().out == (
        "Not yet: for double(2) expected 4, got 2.\nHint: two times.\n"
    )
    double(raises)
    assert "got an error (RuntimeError: boom)" in capsys.readouterr().out
    double(lambda x: None)
    assert "got None (did you forget return?)" in capsys.readouterr().out
    double(lambda x: exit())
    assert "got an error (SystemExit" in capsys.readouterr().out
    double(lambda x: type("Odd", (), {"__eq__": lambda *_: 1 / 0})())
    assert "Not yet: for double(2)" in capsys.readouterr().out
    double(...)
    assert capsys.readouterr().out == "Not yet: expected a function, got Ellipsis.\n"
    practice.speak("es")
    double(lambda x: x)
    assert capsys.readouterr().out == (
        "Todavía no: para double(2) se esperaba 4 y se obtuvo 2.\nPista: dos veces.\n"
    )
    double(lambda x: 2 * x)
    assert capsys.readouterr().out == "Correcto: coinciden 1 de 1 casos.\n"
    with pytest.raises(ValueError, match="got 'fr'"):
        practice.speak("fr")


def test_a_hint_comes_after_an_attempt(capsys):
    treble = Exercise("treble", lambda x: 3 * x, (Case((2,), "three times.", "tres veces."),))

    def first(x):
        return x  # what the notebook holds

    def second(x):
        return x + 1

    for language, hint, wait in (("en", "Hint: three", "Change the"), ("es", "Pista", "Cambia")):
        practice.speak(language)
        practice._first_tries.clear()
        for function, expected, other in (
            (first, wait, hint),
            (first, wait, hint),
            (second, hint, wait),
            (first, wait, hint),
        ):
            treble(function)
            said = capsys.readouterr().out
            assert expected in said
            assert other not in said


def test_lists_may_be_written_with_yield():
    exercise = EXERCISES["tokens.check_best_split"]
    assert exercise.find_fault(lambda *given: iter(exercise.solution(*given))) is None
    assert exercise.find_fault(lambda *given: tuple(exercise.solution(*given))) is None
    numbers = EXERCISES["tokens.check_bytes_per_token"]
    assert "got 'three'" in numbers.find_fault(lambda text, ids: "three")


def test_a_learner_cannot_spoil_the_cases():
    swap = Exercise("first", lambda xs: xs[0], (Case(([1, 2],), "a", "b"),) * 2)

    def spoil(xs):
        first = xs[0]
        xs.clear()
        return first

    assert swap.find_fault(spoil) is None


@pytest.mark.parametrize("seed", range(1, 20))
def test_rules_may_be_tried_with_any_slopes_that_differ(seed):
    answers = import_module("tests.wrong_answers.gradients")
    exercise = EXERCISES["gradients.check_is_right"]
    rng = np.random.default_rng(seed)
    tries = answers.tries(lambda x: rng.normal(size=x.shape))
    assert exercise.find_fault(tries) is None
