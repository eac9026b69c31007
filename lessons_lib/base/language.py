"""The language that a notebook has chosen, and how it writes numbers.

`practice.speak` chooses it once; checks and pictures follow.
"""

import re

__all__ = ["LANGUAGES", "chosen", "decimals", "speak"]

LANGUAGES = ("en", "es")
_chosen = "en"
# A decimal point, but not that of a version such as 1.2.3 or, after a model's name, Llama 3.1.
_POINT = re.compile(r"(?<!Llama )(?<![\w.])(\d+)\.(\d+)(?!\.?\d)")


def speak(language: str) -> None:
    """Choose the language of checks and pictures, "en" or "es"; `ValueError` for another."""
    global _chosen
    if language not in LANGUAGES:
        raise ValueError(f"expected one of {sorted(LANGUAGES)}, got {language!r}")
    _chosen = language


def chosen() -> str:
    """Return the language chosen last, "en" at the start."""
    return _chosen


def decimals(text: str) -> str:
    """Return an English text with its numbers as the chosen language writes them."""
    if _chosen == "en":
        return text
    comma = "{,}" if "$" in text else ","  # in a formula a bare comma is followed by a space
    return _POINT.sub(rf"\1{comma}\2", text)
