"""Numbers are written as the chosen language writes them."""

import pytest

from lessons_lib.base import language
from lessons_lib.classroom import practice


@pytest.fixture(autouse=True)
def english_again():
    yield
    language.speak("en")


@pytest.mark.parametrize(
    ("english", "spanish"),
    [
        ("0.5", "0,5"),
        ("-0.25 and 1e-5, 43.7%", "-0,25 and 1e-5, 43,7%"),
        ("1.5M, 2.5x", "1,5M, 2,5x"),
        ("p=0.9.", "p=0,9."),
        ("$2.5 \\times 10^{3}$", "$2{,}5 \\times 10^{3}$"),
        ("version 1.2.3", "version 1.2.3"),
        ("Llama 3.1", "Llama 3.1"),
        ("Q4.K, a.b, 5. 6", "Q4.K, a.b, 5. 6"),
        ("", ""),
    ],
)
def test_decimals(english, spanish):
    assert language.decimals(english) == english
    language.speak("es")
    assert language.decimals(english) == spanish


def test_practice_chooses_for_all():
    practice.speak("es")
    assert language.chosen() == "es"
    with pytest.raises(ValueError, match=r"expected one of \['en', 'es'\], got 'fr'"):
        practice.speak("fr")
    assert language.chosen() == "es"
