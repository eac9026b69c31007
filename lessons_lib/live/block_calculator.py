"""The block calculator: where the parameters and the operations of a stack of blocks are."""

import re
from typing import ClassVar

import traitlets

from lessons_lib.base.validation import check_integer
from lessons_lib.live.figure import LiveFigure, html_table, plain

__all__ = ["BlockCalculator"]

WIDTHS = (
    *(64, 128, 256, 384, 512, 768, 1024, 1280, 1600, 2048, 2560, 3072, 4096, 5120, 6144, 8192),
    *(12288, 16384),
)
MAX_TOKENS = 2**20
MAX_LAYERS = 128
MAX_RATIO = 8
FALLBACK = {
    "en": {
        "caption": "Width D = {}, F / D = {}, {} tokens, {} layers",
        "head": ["Part", "Parameters", "FLOPs"],
        "parts": ["Attention: tables", "Attention: scores", "Feed-forward", "Norms", "Together"],
    },
    "es": {
        "caption": "Ancho D = {}, F / D = {}, {} tokens, {} capas",
        "head": ["Parte", "Parámetros", "FLOPs"],
        "parts": [
            *("Atención: tablas", "Atención: puntuaciones", "Red prealimentada"),
            *("Normalizaciones", "En total"),
        ],
    },
}


class BlockCalculator(LiveFigure):
    """A block whose tables are as large as their parameters, beside the square of scores.

    Sliders, and the corner of the square, set the sizes of the stack; bars and folded tables show
    its parameters and operations by part.

    The sums are those of `lessons_lib.block.count_parameters` and `block_flops`, exact integers of
    any size.

    Args:
        d_model: D at first, one of the widths of the slider.
        ratio: F / D at first, 1 to 8 in steps of one half.
        n_tokens: T at first, a power of two up to 2**20.
        n_layers: how many blocks at first, 1 to 128.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: a size that its slider does not have.

    Source: Kaplan et al., "Scaling Laws for Neural Language Models", 2020, arXiv:2001.08361,
    table 1, with biases and norms.
    """

    slug = "block_calculator"
    label: ClassVar = {"en": "What blocks cost", "es": "Lo que cuestan los bloques"}
    caption: ClassVar = {
        "en": "Parameters and floating-point operations of a stack of blocks, forward, one text.",
        "es": "Parámetros y operaciones en coma flotante de una pila de bloques: una pasada hacia "
        "delante con un texto.",
    }

    widths = traitlets.List(traitlets.Int()).tag(sync=True)
    d_model = traitlets.Int(768).tag(sync=True)
    ratio = traitlets.Float(4.0).tag(sync=True)
    n_tokens = traitlets.Int(1024).tag(sync=True)
    n_layers = traitlets.Int(12).tag(sync=True)

    def __init__(
        self,
        d_model: int = 768,
        ratio: float = 4.0,
        n_tokens: int = 1024,
        n_layers: int = 12,
        language: str = "en",
    ):
        if d_model not in WIDTHS:
            raise ValueError(f"expected d_model to be one of {WIDTHS}, got {d_model!r}")
        if ratio not in [half / 2 for half in range(2, 2 * MAX_RATIO + 1)]:
            raise ValueError(f"expected a ratio of 1, 1.5, ..., {MAX_RATIO}, got {ratio!r}")
        n_tokens = check_integer("n_tokens", n_tokens, 1)
        if n_tokens > MAX_TOKENS or n_tokens & (n_tokens - 1):
            raise ValueError(
                f"expected n_tokens to be a power of 2 to {MAX_TOKENS}, got {n_tokens}"
            )
        if check_integer("n_layers", n_layers, 1) > MAX_LAYERS:
            raise ValueError(f"expected at most {MAX_LAYERS} layers, got {n_layers}")
        super().__init__(
            widths=list(WIDTHS),
            d_model=d_model,
            ratio=float(ratio),
            n_tokens=n_tokens,
            n_layers=n_layers,
            language=language,
        )

    def parts(self) -> list[tuple[int, int]]:
        """Return parameters and operations of the parts.

        In this order: attention's tables, its scores and averages, the feed-forward network, the
        norms.
        """
        d, tokens, layers = self.d_model, self.n_tokens, self.n_layers
        f = int(self.ratio * d)
        one = [
            (4 * d * (d + 1), 8 * tokens * d * d),
            (0, 4 * tokens * tokens * d),
            (2 * d * f + f + d, 4 * tokens * d * f),
            (4 * d, 0),
        ]
        return [(layers * parameters, layers * flops) for parameters, flops in one]

    def _fallback(self) -> str:
        words, parts = FALLBACK[self.language], self.parts()
        parts.append(tuple(sum(column) for column in zip(*parts, strict=True)))
        rows = [
            [name, *(re.sub(r"\D", r"\g<0><wbr>", plain(n, self.language)) for n in numbers)]
            for name, numbers in zip(words["parts"], parts, strict=True)
        ]
        sizes = (self.d_model, self.ratio, self.n_tokens, self.n_layers)
        caption = words["caption"].format(*(plain(size, self.language) for size in sizes))
        return html_table(caption, words["head"], rows)

    def __repr__(self) -> str:
        return (
            f"BlockCalculator(d_model={self.d_model}, ratio={self.ratio:g}, "
            f"n_tokens={self.n_tokens}, n_layers={self.n_layers}, language={self.language!r})"
        )
