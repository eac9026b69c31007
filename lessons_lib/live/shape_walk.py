"""The shape walk: one text through a tiny GPT, step by step, with every number on the way."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import ClassVar

import traitlets

from lessons_lib.base.validation import check_text
from lessons_lib.live.figure import LiveFigure, html_table, visible

__all__ = ["ShapeWalk"]

LARGEST = {"vocab_size": 32, "context_length": 8, "d_model": 8, "n_layers": 1}  # for a page
SHAPES = [
    ("T",),
    ("T", "D"),
    ("T", "D"),
    ("T", "D"),
    ("T", "D"),
    ("T", "D"),
    ("T", "D"),
    ("H", "T", "T"),
    ("T", "D"),
    ("T", "D"),
    ("T", "D"),
    ("T", "F"),
    ("T", "D"),
    ("T", "D"),
    ("T", "V"),
    ("V",),
]
FALLBACK = {
    "en": {
        "caption": "“{}” through a GPT with one block",
        "head": ["Step", "Shape", "Numbers"],
        "steps": [
            "token ids",
            "rows of the token table",
            "plus rows of the position table",
            "normalised for the attention",
            "queries",
            "keys",
            "values",
            "attention weights of each head",
            "output of the attention",
            "added to the stream",
            "normalised for the feed-forward network",
            "up, and GELU",
            "down, and added to the stream",
            "last normalisation",
            "logits: times the token table",
            "probabilities of the next character",
        ],
    },
    "es": {
        "caption": "«{}» a través de un GPT con un bloque",
        "head": ["Paso", "Forma", "Números"],
        "steps": [
            "ids de los tokens",
            "filas de la tabla de tokens",
            "más filas de la tabla de posiciones",
            "normalizado para la atención",
            "consultas",
            "claves",
            "valores",
            "pesos de atención de cada cabeza",
            "salida de la atención",
            "sumado al flujo",
            "normalizado para la red prealimentada",
            "subida y GELU",
            "bajada, y sumado al flujo",
            "última normalización",
            "logits: producto con la tabla de tokens",
            "probabilidades del carácter siguiente",
        ],
    },
}


class ShapeWalk(LiveFigure):
    """A forward pass to walk through: at each step its name, its shape and its numbers.

    The reader types a text of the model's characters. The numbers are those of
    `lessons_lib.gpt.GPT` with the same weights.

    Args:
        model: a `lessons_lib.gpt.GPT` with one layer, at most 32 characters, 8 positions and
            width 8.
        characters: the vocabulary, as many different characters as the model has tokens; the id of
            a character is its place.
        text: what to begin with, 1 to `context_length` of these characters.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: a larger model, characters that are not as many as its tokens, or a text that
            is empty, too long or made of other characters.
    """

    slug = "shape_walk"
    label: ClassVar = {"en": "A walk through the model", "es": "Un paseo por el modelo"}
    caption: ClassVar = {
        "en": "A forward pass of a tiny GPT that has learned nothing, number by number.",
        "es": "Un texto recorre un GPT diminuto que no ha aprendido nada, número a número.",
    }

    characters = traitlets.List(traitlets.Unicode()).tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)
    sizes = traitlets.Dict().tag(sync=True)
    weights = traitlets.Dict().tag(sync=True)

    def __init__(self, model: object, characters: Sequence[str], text: str, language: str = "en"):
        config = model.config
        for name, most in LARGEST.items():
            if getattr(config, name) > most:
                raise ValueError(f"expected {name} of at most {most}, got {getattr(config, name)}")
        characters = [check_text(one, empty=False) for one in characters]
        if len(set(characters)) != config.vocab_size or any(len(one) != 1 for one in characters):
            raise ValueError(
                f"expected {config.vocab_size} different characters, got {characters!r:.80}"
            )
        if not 0 < len(check_text(text)) <= config.context_length or set(text) - set(characters):
            raise ValueError(
                f"expected 1 to {config.context_length} of the model's characters, got {text!r}"
            )
        names = ("vocab_size", "context_length", "d_model", "n_heads", "eps")
        sizes = {name: getattr(config, name) for name in names}
        weights = {name: numbers.tolist() for name, numbers in model.state_dict().items()}
        sizes["d_ff"] = len(weights["blocks.0.feed_forward.up.weight"])
        super().__init__(
            characters=characters, text=text, sizes=sizes, weights=weights, language=language
        )

    def _fallback(self) -> str:
        words = FALLBACK[self.language]
        sizes = _letters(self.sizes, len(self.text))
        rows = [
            [escape(name), f"({', '.join(shape)})", " × ".join(str(sizes[one]) for one in shape)]
            for name, shape in zip(words["steps"], SHAPES, strict=True)
        ]
        shown = visible(self.text.encode())
        return html_table(words["caption"].format(shown), words["head"], rows)

    def __repr__(self) -> str:
        return (
            f"ShapeWalk({len(self.characters)} characters, text={self.text!r}, "
            f"language={self.language!r})"
        )


def _letters(sizes: Mapping, n_tokens: int) -> dict[str, int]:
    """Return the size behind each letter of the shapes."""
    return {
        "T": n_tokens,
        "D": sizes["d_model"],
        "H": sizes["n_heads"],
        "F": sizes["d_ff"],
        "V": sizes["vocab_size"],
    }
