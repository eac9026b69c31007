"""Writes tests/oracles/data.json: what other programs make of the same pages and texts.

It is not needed to read or to test the book; run it where datasketch, py3langid and trafilatura are
installed:

    python -m tools.data_oracle
"""

import json
import random
import zlib
from importlib.metadata import version
from pathlib import Path

import py3langid
import trafilatura
from datasketch import MinHash
from datasketch.lsh import _optimal_param

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.corpus.web import LANGUAGES, make_web
from lessons_lib.corpus.web.words import DAYS, PLACES, SENTENCES, THINGS
from lessons_lib.data import decode_page, hash_orders, shingles

FILE = Path(__file__).parents[1] / "tests" / "oracles" / "data.json"
TEXTS = (
    "Ana has a red ball and lives near the old mill with her brave brother.",
    "Ana has a red ball and lives near the old mill with her shy brother.",
    "¿Dónde está la pelota roja? La tiene Hugo, que vive detrás del molino.",
    "one two three",
)


def filled(language: str, rng: random.Random) -> list[str]:
    """Return a language's sentences with their gaps filled."""
    return [
        sentence.format(
            place=rng.choice(PLACES),
            day=rng.choice(DAYS[language]),
            thing=rng.choice(THINGS[language]),
            n=rng.randrange(12, 400),
        )
        for sentence in SENTENCES[language]
    ]


def signatures() -> dict[str, list[int]]:
    """Return datasketch's signatures, with this library's orders and hash function."""
    found = {}
    for text in TEXTS:
        one = MinHash(64, hashfunc=zlib.crc32, permutations=hash_orders(64, 7), scheme="affine32")
        one.update_batch([shingle.encode() for shingle in sorted(shingles(text))])
        found[text] = [int(x) for x in one.hashvalues]
    return found


def main() -> None:
    """Write the file."""
    rng = random.Random(0)
    py3langid.set_languages(list(LANGUAGES))
    texts = {language: filled(language, rng) for language in LANGUAGES}
    pages = [decode_page(page.body) for page in make_web(60).pages]
    thresholds = [(t, n) for t in (0.3, 0.5, 0.7, 0.8, 0.9) for n in (16, 64, 128)]
    made_with = ("datasketch", "py3langid", "trafilatura")
    found = {
        "made_with": {name: version(name) for name in made_with},
        "signatures": signatures(),
        "bands": [[t, n, *map(int, _optimal_param(t, n, 0.1, 0.9))] for t, n in thresholds],
        "languages": {
            language: [[text, py3langid.classify(text)[0]] for text in said]
            for language, said in texts.items()
        },
        "pages": [trafilatura.extract(page, include_tables=True) or "" for page in pages],
    }
    write_atomic(FILE, (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    console.run(main)
