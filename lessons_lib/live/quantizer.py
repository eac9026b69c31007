"""The quantizer: a block of 32 weights, and where each lands in a format of few bits."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import traitlets

from lessons_lib.base.validation import check_integer
from lessons_lib.live.figure import LiveFigure, html_table, plain
from lessons_lib.quantization import FORMATS, dequantize, quantize, rmse

__all__ = ["Quantizer"]

TYPES = ("Q8_0", "Q5_0", "Q4_1", "Q4_0")
SIZE = 32  # weights of a block
WIDEST = 1000  # of any size: twenty times as much still has a scale of 16 bits
MOST = 20  # times the first weight
A_ROW = 4  # weights in a row of the fallback
FALLBACK = {
    "en": {
        "summary": "A block of 32 weights in {}, the first multiplied by {}",
        "what": ["What", "Value"],
        "d": "Scale d",
        "m": "Minimum m",
        "bits": "Bits per weight",
        "rmse": "Root mean square error",
        "bytes": "Bytes",
        "weights": "Each weight → where it lands",
        "head": ["Weights", "first", "second", "third", "fourth"],
    },
    "es": {
        "summary": "Un bloque de 32 pesos en {}, el primero multiplicado por {}",
        "what": ["Qué", "Valor"],
        "d": "Escala d",
        "m": "Mínimo m",
        "bits": "Bits por peso",
        "rmse": "Raíz del error cuadrático medio",
        "bytes": "Bytes",
        "weights": "Cada peso → dónde cae",
        "head": ["Pesos", "primero", "segundo", "tercero", "cuarto"],
    },
}


class Quantizer(LiveFigure):
    """A block of 32 weights before and after quantization, with its scale, error and bytes.

    The reader chooses the format and makes the first weight an outlier. The bytes and numbers are
    those of `lessons_lib.quantization.quantize` and `lessons_lib.quantization.dequantize`.

    Args:
        weights: 32 numbers, taken as float32; by default drawn, with standard deviation 0.05.
        type: the format at first: "Q8_0", "Q5_0", "Q4_1" or "Q4_0".
        outlier: by how much the first weight is multiplied at first, 1 to 20.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: not 32 numbers from -1000 to 1000, another type, or an outlier out of range.
    """

    slug = "quantizer"
    label: ClassVar = {"en": "The quantizer", "es": "El cuantizador"}
    caption: ClassVar = {
        "en": "A block of 32 weights that share a scale: one outlier takes the levels of all.",
        "es": "Un bloque de 32 pesos que comparten escala: un valor atípico quita niveles a todos.",
    }

    weights = traitlets.List(traitlets.Float()).tag(sync=True)
    type = traitlets.Unicode("Q4_0").tag(sync=True)
    outlier = traitlets.Int(1).tag(sync=True)

    def __init__(
        self,
        weights: Sequence[float] | np.ndarray | None = None,
        type: str = "Q4_0",
        outlier: int = 1,
        language: str = "en",
    ):
        if weights is None:
            weights = 0.05 * np.random.default_rng(24).normal(size=SIZE)
        try:
            x = np.asarray(weights, float)
        except (TypeError, ValueError):
            raise ValueError(f"expected {SIZE} numbers, got {weights!r:.80}") from None
        if x.shape != (SIZE,):
            raise ValueError(f"expected {SIZE} numbers, got shape {x.shape}")
        if not (within := abs(x) <= WIDEST).all():
            raise ValueError(f"expected numbers from -{WIDEST} to {WIDEST}, got {x[~within][0]}")
        if type not in TYPES:
            raise ValueError(f"expected one of {', '.join(TYPES)}, got {type!r}")
        if (outlier := check_integer("outlier", outlier, 1)) > MOST:
            raise ValueError(f"expected an outlier from 1 to {MOST}, got {outlier}")
        x = x.astype(np.float32).tolist()
        super().__init__(weights=x, type=type, outlier=outlier, language=language)

    def _fallback(self) -> str:
        words, format = FALLBACK[self.language], FORMATS[self.type]

        def short(number: float) -> str:
            """Write four digits that count."""
            return plain(float(f"{number:.4g}"), self.language)

        x = np.array(self.weights, np.float32)
        x[0] *= self.outlier
        data = quantize(x, self.type)
        landed = dequantize(data, self.type, x.shape)
        block = data.view(format.layout)
        rows = [
            [words[name], short(block[name].item())] for name in "dm" if name in block.dtype.names
        ]
        rows += [
            [words["bits"], plain(format.bits_per_weight, self.language)],
            [words["rmse"], short(rmse(x, landed))],
            [words["bytes"], f'<span class="live-ids">{data.tobytes().hex(" ")}</span>'],
        ]
        pairs = [f"{short(a)} → {short(b)}" for a, b in zip(x, landed, strict=True)]
        weights = [[f"{i}–{i + A_ROW - 1}", *pairs[i : i + A_ROW]] for i in range(0, SIZE, A_ROW)]
        summary = words["summary"].format(self.type, self.outlier)
        return html_table(summary, words["what"], rows) + html_table(
            words["weights"], words["head"], weights
        )

    def __repr__(self) -> str:
        return (
            f"Quantizer({SIZE} weights, type={self.type!r}, outlier={self.outlier}, "
            f"language={self.language!r})"
        )
