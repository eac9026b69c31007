"""The page trains: a small model learns the stories in the reader's browser."""

import functools
import json
import math
import zlib
from collections import Counter
from html import escape
from pathlib import Path
from typing import ClassVar

import traitlets

from lessons_lib.base.validation import check_integer
from lessons_lib.corpus.stories import Story, sample
from lessons_lib.live.figure import LiveFigure, decimal, html_table
from lessons_lib.tokens import split_words

__all__ = ["TrainInPage", "held_stories", "pack_stories", "stored_run", "word_stories"]

STORED = Path(__file__).parents[1] / "models" / "page_training.json"  # by tools.page_training
SETTINGS = {"dModel": 48, "nLayers": 1, "optimizer": "muon"}  # of the run to begin with
N_STORIES = 5000  # to learn from: those that the chapter on n-grams counts in
N_HELD = 50  # new ones, the first of the chapter on training


def held_stories(language: str) -> list[Story]:
    """Return the stories on which the page measures what was learned; it never trains on them."""
    return sample(N_HELD, seed=0, language=language)


@functools.cache
def word_stories(language: str) -> tuple[list[str], list[list[int]]]:
    """Return the words of the stories, and each story as places in that list.

    Each word is one token. Word 0 is the line end that closes every story, the others follow by how
    often they come. The last `N_HELD` stories are `held_stories`.

    Raises:
        ValueError: a language other than "en" and "es".
    """
    told = [*sample(N_STORIES, seed=1, language=language), *held_stories(language)]
    stories = [split_words(story.text) for story in told]
    counts = Counter(word for story in stories for word in story)
    words = ["\n", *sorted(counts.keys() - {"\n"}, key=lambda word: (-counts[word], word))]
    places = {word: i for i, word in enumerate(words)}
    return words, [[places[word] for word in story] for story in stories]


@functools.cache
def pack_stories(language: str) -> bytes:
    """Return the stories as a file for the page, in the format of zlib.

    First a line of JSON: the words, and how many stories at the end are held out. Then the low
    bytes of all ids, then their high bytes; where word 0 stands, a story ends.

    Raises:
        ValueError: a language other than "en" and "es".
    """
    words, stories = word_stories(language)
    head = json.dumps({"words": words, "held": N_HELD}, ensure_ascii=False) + "\n"
    ids = [place for story in stories for place in story]
    low, high = bytes(place % 256 for place in ids), bytes(place // 256 for place in ids)
    return zlib.compress(head.encode() + low + high, level=9)


@functools.cache
def stored_run(language: str) -> dict:
    """Return the run that `tools.page_training` stored, and what n-grams and the exact cost are.

    Raises:
        ValueError: a language other than "en" and "es".
    """
    exact = -sum(story.log_prob for story in held_stories(language)) / N_HELD
    stored = json.loads(STORED.read_text(encoding="utf-8"))[language]
    return {**stored, "exact": round(exact, 1)}


LAST = 3000  # steps
WORDS = {
    "en": {
        "text": "In a run that is stored with the book, a model of {parameters} numbers read four "
        "stories at each of {steps} steps. With scripts switched on, it trains in the page itself.",
        "caption": "What a new story costs, in nats",
        "head": ["After steps", "Nats"],
        "ngram": "the best n-gram",
        "exact": "what must be paid",
        "alt": "A falling curve from {first} nats for a new story to {last} after {steps} steps: "
        "it crosses the line of the best n-gram at {ngram} and flattens above the {exact} that "
        "must be paid.",
        "story": "A story that it makes up at the end",
    },
    "es": {
        "text": "En un entrenamiento guardado con el libro, un modelo de {parameters} números leyó "
        "cuatro cuentos en cada uno de {steps} pasos. Con los scripts activados, entrena en la "
        "propia página.",
        "caption": "Lo que cuesta un cuento nuevo, en nats",
        "head": ["Tras los pasos", "Nats"],
        "ngram": "el mejor n-grama",
        "exact": "lo que hay que pagar",
        "alt": "Una curva que baja de {first} nats por cuento nuevo a {last} tras {steps} pasos: "
        "cruza la línea del mejor n-grama, en {ngram}, y se aplana por encima de los {exact} que "
        "hay que pagar.",
        "story": "Un cuento que inventa al final",
    },
}
SHOWN = (0, 50, 100, 200, 500, 1000, 1500)  # steps, in the table
WIDE, HIGH = 640, 220  # the picture without scripts, in its own units
LOW_NATS, HIGH_NATS = 30, 900


class TrainInPage(LiveFigure):
    """A small model that learns the stories in the page, against the exact floor and n-grams.

    The stories are no part of the figure. When the reader asks for them, a page of the book loads
    them from the script that `tools.site` puts beside it, and Jupyter from the kernel.

    Args:
        last: the step at which a run ends.
        language: ``"en"`` or ``"es"``, of the words and of the stories.

    Raises:
        ValueError: another language, or a last step below 1.
    """

    slug = "train_in_page"
    label: ClassVar = {"en": "The page trains", "es": "La página entrena"}
    caption: ClassVar = {
        "en": "A small model learns the stories in your browser.",
        "es": "Un modelo pequeño aprende los cuentos en tu navegador.",
    }

    stored = traitlets.List().tag(sync=True)
    story = traitlets.Unicode().tag(sync=True)
    ngram = traitlets.Float().tag(sync=True)
    exact = traitlets.Float().tag(sync=True)
    parameters = traitlets.Int().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    size = traitlets.Int().tag(sync=True)
    last = traitlets.Int().tag(sync=True)

    def __init__(self, last: int = LAST, language: str = "en"):
        if language not in WORDS:
            raise ValueError(f"expected language 'en' or 'es', got {language!r}")
        run = stored_run(language)
        super().__init__(
            stored=run["measured"],
            story=run["story"],
            ngram=run["ngram"],
            exact=run["exact"],
            parameters=run["parameters"],
            settings=SETTINGS,
            size=len(pack_stories(language)),
            last=check_integer("last", last, 1),
            language=language,
        )
        self.on_msg(self._answer)

    def _answer(self, _: LiveFigure, content: dict, __: list) -> None:
        """Send the stories to a front end that asks for them."""
        if content == {"type": "load"}:
            self.send({"type": "stories"}, buffers=[pack_stories(self.language)])

    def _written(self, nats: float) -> str:
        return decimal(nats, 1, self.language)

    def _picture(self) -> str:
        """Return the stored curve as SVG."""
        words, steps = WORDS[self.language], self.stored[-1][0]

        def height(nats: float) -> int:
            share = math.log(max(nats, LOW_NATS) / LOW_NATS) / math.log(HIGH_NATS / LOW_NATS)
            return round(HIGH * (1 - share))

        points = " ".join(f"{round(WIDE * s / steps)} {height(nats)}" for s, nats in self.stored)
        lines = "".join(
            f'<line class="live-{kind}" x1="0" x2="{WIDE}" y1="{y}" y2="{y}"/>'
            f'<text class="live-end" x="{WIDE}" y="{y + down}">{words[kind]}: {shown}</text>'
            for kind, nats, down in (("ngram", self.ngram, -5), ("exact", self.exact, 16))
            for y, shown in [(height(nats), self._written(nats))]
        )
        alt = words["alt"].format(
            first=self._written(self.stored[0][1]),
            last=self._written(self.stored[-1][1]),
            steps=decimal(steps, 0, self.language),
            ngram=self._written(self.ngram),
            exact=self._written(self.exact),
        )
        return (
            f'<svg class="live-drawing live-losses" viewBox="0 0 {WIDE} {HIGH}" role="img"'
            f' aria-label="{escape(alt)}">{lines}'
            f'<polyline class="live-measured" points="{points}"/></svg>'
        )

    def _fallback(self) -> str:
        words = WORDS[self.language]
        counts = {"parameters": self.parameters, "steps": self.stored[-1][0]}
        text = words["text"].format(
            **{name: decimal(count, 0, self.language) for name, count in counts.items()}
        )
        rows = [
            [decimal(step, 0, self.language), self._written(nats)]
            for step, nats in self.stored
            if step in SHOWN
        ]
        rows += [[words[kind], self._written(getattr(self, kind))] for kind in ("ngram", "exact")]
        return (
            f"<p>{text}</p>{self._picture()}{html_table(words['caption'], words['head'], rows)}"
            f"<p>{words['story']}:</p>"
            f'<p class="live-story">{escape(self.story.strip())}</p>'
        )

    def __repr__(self) -> str:
        return f"TrainInPage(last={self.last}, language={self.language!r})"
