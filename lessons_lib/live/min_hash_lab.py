"""MinHash: two texts, their signatures, and the chance that bands make them candidates."""

from typing import ClassVar

import traitlets

from lessons_lib.base.validation import check_integer, check_text
from lessons_lib.data import candidate_pairs, estimate_jaccard, jaccard, lsh_probability, min_hash
from lessons_lib.data.duplicates import shingles
from lessons_lib.live.figure import LiveFigure, decimal, html_table, plain

__all__ = ["MinHashLab"]

MOST = 300  # characters of a text
HASHES, ROWS = (16, 32, 64), (1, 2, 4, 8)
TEXTS = {
    "en": (
        "Ana has a red ball and lives near the old mill with her brave brother.",
        "Ana has a red ball and lives near the old mill with her shy sister.",
    ),
    "es": (
        "Ana tiene una pelota roja y vive cerca del viejo molino con su hermano valiente.",
        "Ana tiene una pelota roja y vive cerca del viejo molino con su hermana tímida.",
    ),
}
FALLBACK = {
    "en": {
        "caption": "Two texts, {} hashes, {} numbers in a band",
        "head": ["Of the two texts", "Value"],
        "rows": (
            "Jaccard similarity",
            "Estimate",
            "Equal numbers",
            "Chance to be candidates",
            "Candidates here",
        ),
        "answers": ("no", "yes"),
        "of": "{} of {}",
    },
    "es": {
        "caption": "Dos textos, {} hashes, {} números en cada banda",
        "head": ["De los dos textos", "Valor"],
        "rows": (
            "Similitud de Jaccard",
            "Estimación",
            "Números iguales",
            "Probabilidad de ser candidatos",
            "Candidatos aquí",
        ),
        "answers": ("no", "sí"),
        "of": "{} de {}",
    },
}


class MinHashLab(LiveFigure):
    """Two texts with their signatures, number beside number, and the curve of the bands.

    The numbers are those of `lessons_lib.data`, with the seed 0.

    Args:
        one: a text of at most 300 characters; by default a sentence.
        other: another, by default one that differs in two words.
        words: of a shingle, 1 to 5.
        hashes: 16, 32 or 64.
        rows: numbers of a band: 1, 2, 4 or 8.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: an argument out of its range.
    """

    slug = "min_hash_lab"
    label: ClassVar = {"en": "MinHash", "es": "MinHash"}
    caption: ClassVar = {
        "en": "Each cell is a number of both signatures: filled where it is equal. A band with all "
        "its cells filled makes the two texts candidates.",
        "es": "Cada celda es un número de las dos firmas: rellena donde es igual. Una banda con "
        "todas sus celdas rellenas hace candidatos a los dos textos.",
    }

    one = traitlets.Unicode().tag(sync=True)
    other = traitlets.Unicode().tag(sync=True)
    words = traitlets.Int(3).tag(sync=True)
    hashes = traitlets.Int(32).tag(sync=True)
    rows = traitlets.Int(4).tag(sync=True)

    def __init__(
        self,
        one: str | None = None,
        other: str | None = None,
        words: int = 3,
        hashes: int = 32,
        rows: int = 4,
        language: str = "en",
    ):
        for name, number, allowed in (("hashes", hashes, HASHES), ("rows", rows, ROWS)):
            if check_integer(name, number, 1) not in allowed:
                raise ValueError(f"expected {name} to be one of {allowed}, got {number}")
        given = [
            check_text(default if text is None else text)
            for text, default in zip((one, other), TEXTS.get(language, TEXTS["en"]), strict=True)
        ]
        longest = max(map(len, given))
        if longest > MOST:
            raise ValueError(f"expected texts of at most {MOST} characters, got {longest}")
        super().__init__(
            one=given[0],
            other=given[1],
            words=check_integer("words", words, 1, 5),
            hashes=hashes,
            rows=rows,
            language=language,
        )

    def _fallback(self) -> str:
        say, bands = FALLBACK[self.language], self.hashes // self.rows
        similarity = jaccard(shingles(self.one, self.words), shingles(self.other, self.words))
        pair = [min_hash(text, self.hashes, 0, self.words) for text in (self.one, self.other)]
        estimate = estimate_jaccard(*pair)
        chance = lsh_probability(similarity, bands, self.rows)
        values = (
            decimal(similarity, 2, self.language),
            decimal(estimate, 2, self.language),
            say["of"].format(round(estimate * self.hashes), self.hashes),
            decimal(chance, 2, self.language),
            say["answers"][bool(candidate_pairs(pair, bands))],
        )
        caption = say["caption"].format(
            plain(self.hashes, self.language), plain(self.rows, self.language)
        )
        return html_table(
            caption, say["head"], [list(row) for row in zip(say["rows"], values, strict=True)]
        )

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={getattr(self, name)}" for name in ("words", "hashes", "rows"))
        return f"MinHashLab({numbers}, language={self.language!r})"
