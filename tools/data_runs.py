"""Writes lessons_lib/models/data.json: what small models learn from the small web, step by step.

    python -m tools.data_runs

The same model reads as many tokens of the pages as they come, of their texts, of those that are
prose of the two languages, of those without copies, and of a mixture with as much of both
languages; each with five seeds. About four minutes of processor time.
"""

import json
from pathlib import Path

import torch

import lessons_lib
from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.corpus.stories import sample
from lessons_lib.corpus.web import TALES, make_web
from lessons_lib.data import (
    decode_page,
    draw_mixture,
    extract_text,
    find_leaks,
    identify_language,
    keep_first,
    mask_personal_data,
    near_duplicates,
    quality_flaws,
    tale_gap,
    tale_model,
)

FILE = Path(lessons_lib.__file__).parent / "models" / "data.json"
N_PAGES, N_STEPS, SEEDS, THRESHOLD, RUN = 1000, 500, (0, 1, 2, 3, 4), 0.5, 20
LANGUAGES = ("en", "es")


def stages() -> dict[str, list[str]]:
    """Return the texts to learn from after each step."""
    web = make_web(N_PAGES)
    texts = [extract_text(page.body) for page in web.pages]
    exam = [story.text for stories in web.exam.values() for story in stories]
    leaked = find_leaks(texts, exam, RUN)
    prose = [
        mask_personal_data(text)
        for text, leak in zip(texts, leaked, strict=True)
        if not leak and identify_language(text) in LANGUAGES and not quality_flaws(text)
    ]
    unique = [prose[i] for i in keep_first(len(prose), near_duplicates(prose, THRESHOLD))]
    by_language = {
        language: [text for text in unique if identify_language(text) == language]
        for language in LANGUAGES
    }
    return {
        "pages": [decode_page(page.body) for page in web.pages],
        "texts": texts,
        "prose": prose,
        "without copies": unique,
        "balanced": draw_mixture(by_language, (0.5, 0.5), len(unique)),
    }


def main() -> None:
    """Train and write the file."""
    torch.set_num_threads(1)
    tales = {language: sample(60, 99, language, world=TALES) for language in LANGUAGES}
    runs = {}
    for name, texts in stages().items():
        models = [tale_model(texts, seed, N_STEPS) for seed in SEEDS]
        gaps = {
            language: [round(tale_gap(model, told), 2) for model in models]
            for language, told in tales.items()
        }
        runs[name] = {"texts": len(texts), "characters": sum(map(len, texts)), "gaps": gaps}
        print(name, runs[name])
    settings = {
        "pages": N_PAGES, "steps": N_STEPS, "seeds": SEEDS, "threshold": THRESHOLD, "run": RUN,
    }  # fmt: skip
    found = {"settings": settings, "runs": runs}
    write_atomic(FILE, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    console.run(main)
