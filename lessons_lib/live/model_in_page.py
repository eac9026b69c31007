"""The model in the page: the book's own model tells stories in the browser, without a server."""

import functools
import tempfile
from html import escape
from pathlib import Path
from typing import ClassVar

import traitlets

from lessons_lib.base.validation import check_text
from lessons_lib.generation import Sampling, generate
from lessons_lib.gguf import write_gguf
from lessons_lib.live.figure import LiveFigure
from lessons_lib.training import END, story_model

__all__ = ["ModelInPage", "model_file", "stored_story"]

BEGINNING = {"en": "Once upon a time", "es": "Había una vez"}
MOST_TOLD = 200  # tokens of a story, as in the page
FALLBACK = {
    "en": "A story of the model that this book builds, always with the most probable token. "
    "With scripts switched on, the page runs the model itself.",
    "es": "Un cuento del modelo que este libro construye, siempre con el token más probable. "
    "Con los scripts activados, la propia página ejecuta el modelo.",
}


@functools.cache
def model_file(language: str) -> bytes:
    """Return the book's stored model and its tokenizer as a GGUF file in F16.

    Raises:
        ValueError: a language other than "en" and "es".
    """
    model, tokenizer = story_model(language)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        write_gguf(path, model, tokenizer, "F16")
        return path.read_bytes()


@functools.cache
def stored_story(beginning: str, language: str) -> str:
    """Return how the book's stored model goes on, always with its most probable token.

    In 64 bits, so that the order of additions, which differs between processors, does not matter.

    Raises:
        ValueError: a beginning that is no text or does not leave room in the model's context.
    """
    model, tokenizer = story_model(language)
    [end] = tokenizer.encode(END, allowed_special=[END])
    ids = [end, *tokenizer.encode(beginning)]
    n_tokens = min(MOST_TOLD, model.config.context_length - len(ids))
    if n_tokens < 1:
        expected = f"less than {model.config.context_length - 1} tokens"
        raise ValueError(f"expected a beginning of {expected}, got {len(ids) - 1}")
    greedy = Sampling(temperature=0)
    return tokenizer.decode(generate(model.double(), ids, n_tokens, greedy, stop_ids=[end]))


class ModelInPage(LiveFigure):
    """The book's stored model, run by the page itself; the reader may open a GGUF file of theirs.

    The weights are no part of the figure. When the reader asks for them, a page of the book loads
    them from the script that `tools.site` puts beside it, and Jupyter from the kernel.

    Args:
        beginning: how the story begins that stands there first; "Once upon a time" by default.
        language: ``"en"`` or ``"es"``, of the words and of the model.

    Raises:
        ValueError: another language, or a beginning that is no text or too long.
    """

    slug = "model_in_page"
    label: ClassVar = {"en": "The model in the page", "es": "El modelo en la página"}
    caption: ClassVar = {
        "en": "The model of this book, calculated in your browser, token by token.",
        "es": "El modelo de este libro, calculado en tu navegador, token a token.",
    }

    beginning = traitlets.Unicode().tag(sync=True)
    story = traitlets.Unicode().tag(sync=True)
    size = traitlets.Int().tag(sync=True)

    def __init__(self, beginning: str | None = None, language: str = "en"):
        if language not in BEGINNING:
            raise ValueError(f"expected language 'en' or 'es', got {language!r}")
        beginning = BEGINNING[language] if beginning is None else check_text(beginning)
        super().__init__(
            beginning=beginning,
            story=stored_story(beginning, language),
            size=len(model_file(language)),
            language=language,
        )
        self.on_msg(self._answer)

    def _answer(self, _: LiveFigure, content: dict, __: list) -> None:
        """Send the file to a front end that asks for it."""
        if content == {"type": "load"}:
            self.send({"type": "model"}, buffers=[model_file(self.language)])

    def _fallback(self) -> str:
        return (
            f"<p>{FALLBACK[self.language]}</p>"
            f'<p class="live-story"><b>{escape(self.beginning)}</b>{escape(self.story)}</p>'
        )

    def __repr__(self) -> str:
        return f"ModelInPage({self.beginning!r}, language={self.language!r})"
