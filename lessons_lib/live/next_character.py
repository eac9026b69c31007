"""The next-character figure: what followed, in a text, the last characters written so far."""

from collections.abc import Sequence
from html import escape
from typing import ClassVar

import traitlets

from lessons_lib.base.validation import check_integer
from lessons_lib.intro import next_char_counts
from lessons_lib.live.figure import LiveFigure, check_prompts, decimal, html_table, plain, visible

__all__ = ["NextCharacter"]

MAX_CHARACTERS = 200_000  # enough to count in well under a frame, and short enough for a page
MAX_ROWS = 8
FALLBACK = {
    "en": {
        "caption": "After “{}” the model looks at “{}”",
        "head": ["Next character", "Probability", "Times"],
        "others": "others",
    },
    "es": {
        "caption": "Después de «{}» el modelo se fija en «{}»",
        "head": ["Carácter siguiente", "Probabilidad", "Veces"],
        "others": "otros",
    },
}


class NextCharacter(LiveFigure):
    """A text box whose text goes on with the characters that followed its end in a given text.

    The numbers are those of `lessons_lib.intro.next_char_probs`, and what it writes is what
    `lessons_lib.intro.continue_text` writes.

    Args:
        text: the text to count in, 1 to 200,000 characters (code points).
        prompts: beginnings to try; the first stands in the box. By default, how `text` begins.
        max_context: how many characters it may look back at first; a slider changes it.
        seed: of the random draws, 0 to 2**32 - 1; "Start again" returns to it.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: empty or too much text, no prompts, a negative `max_context`, a seed out of
            range, or something that is not text.
    """

    slug = "next_character"
    label: ClassVar = {"en": "What comes next?", "es": "¿Qué viene después?"}
    caption: ClassVar = {
        "en": "The next character, predicted by counting what followed before.",
        "es": "El carácter siguiente, predicho contando lo que vino después otras veces.",
    }

    text = traitlets.Unicode().tag(sync=True)
    prompts = traitlets.List(traitlets.Unicode()).tag(sync=True)
    max_context = traitlets.Int(12).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        text: str,
        prompts: Sequence[str] | None = None,
        max_context: int = 12,
        seed: int = 0,
        language: str = "en",
    ):
        prompts = check_prompts(text, prompts, MAX_CHARACTERS)
        check_integer("max_context", max_context, 0)
        if check_integer("seed", seed, 0) >= 2**32:
            raise ValueError(f"expected a seed from 0 to {2**32 - 1}, got {seed}")
        super().__init__(
            text=text,
            prompts=prompts,
            max_context=max_context,
            seed=seed,
            language=language,
        )

    def _fallback(self) -> str:
        words = FALLBACK[self.language]
        context, counts = next_char_counts(self.text, self.prompts[0], self.max_context)
        total = sum(counts.values())
        shown = [(visible(c.encode()), n) for c, n in counts.items()][:MAX_ROWS]
        if len(counts) > MAX_ROWS:
            shown.append((words["others"], total - sum(n for _, n in shown)))
        say = self.language
        rows = [[escape(c), decimal(n / total, 3, say), plain(n, say)] for c, n in shown]
        seen = (visible(part.encode()) for part in (self.prompts[0], context))
        return html_table(words["caption"].format(*seen), words["head"], rows)

    def __repr__(self) -> str:
        return (
            f"NextCharacter({len(self.text)} characters, prompts={self.prompts!r}, "
            f"max_context={self.max_context}, seed={self.seed}, language={self.language!r})"
        )
