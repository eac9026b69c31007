"""The picture of a sweep: how the loss depends on the learning rate.

    python -m lessons_lib.figures.sweep FOLDER --language es

reads the `sweep.json` that `python -m lessons_lib.training --sweep` wrote, and draws `sweep.svg`.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from lessons_lib.base import console, language
from lessons_lib.base.files import write_atomic
from lessons_lib.figures.ink import svg_of
from lessons_lib.figures.plots import Figure, curves

__all__ = ["main", "sweep_figure"]

_LABELS = {
    "en": ("learning rate", "validation loss, nats per token", "runs", "best: {:g}"),
    "es": (
        "tasa de aprendizaje",
        "pérdida de validación, nats por token",
        "ejecuciones",
        "la mejor: {:g}",
    ),
}


def sweep_figure(rows: Sequence[dict]) -> Figure:
    """Draw the validation loss of each run over its learning rate, in the chosen language.

    Args:
        rows: for each run its lr and its validation loss, None if it diverged.

    Raises:
        ValueError: all runs diverged.
    """
    xlabel, ylabel, runs, best = _LABELS[language.chosen()]
    seen = [(row["lr"], row["validation"]) for row in rows if row["validation"] is not None]
    if not seen:
        raise ValueError("expected a run that did not diverge, got none")
    rates, losses = zip(*seen, strict=True)
    figure = curves(rates, {runs: losses}, xlabel, ylabel)
    [axes] = figure.axes
    axes.set_xscale("log")
    axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axes.minorticks_off()
    axes.axvline(
        rates[losses.index(min(losses))],
        color="#333333",
        linestyle=":",
        label=best.format(rates[losses.index(min(losses))]),
    )
    axes.legend(frameon=False)
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the sweep in a folder.

    Raises:
        ValueError: no sweep there.
    """
    parser = argparse.ArgumentParser(
        prog="python -m lessons_lib.figures.sweep", description="Draw a sweep of learning rates."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--language", choices=language.LANGUAGES, default="en")
    options = parser.parse_args(arguments)
    path = options.folder / "sweep.json"
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError(f"expected a sweep's table in {path}, got none") from None
    language.speak(options.language)
    write_atomic(options.folder / "sweep.svg", svg_of(sweep_figure(rows)).encode())
    console.tell(f"drawn: {options.folder / 'sweep.svg'}")


if __name__ == "__main__":
    console.run(main, ValueError, OSError)
