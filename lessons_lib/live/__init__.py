"""Figures that are alive: in a notebook as a widget, in the built book without any kernel.

Each figure is one ES module (the ``.js`` file beside its Python class, with ``common.js`` in front
of it) that computes in the browser what `lessons_lib` computes in Python, with the files of
``engine`` where several need the same. In Jupyter, VS Code and Colab the class is an `anywidget`. A
notebook keeps it as a ``<figure>`` with the figure's properties as JSON and a plain table: the
book's pages bring the first to life; readers of paper or without scripts see the second.
"""

from importlib import import_module

_MODULES = {  # imported when asked for: some figures need PyTorch, most do not
    "AttentionMap": "attention_map",
    "BPEPlayground": "bpe_playground",
    "BlockCalculator": "block_calculator",
    "BudgetCalculator": "budget_calculator",
    "CaptionWall": "caption_wall",
    "Chat": "chat",
    "ErrorBars": "error_bars",
    "ExposedSecrets": "exposed_secrets",
    "GraphWalk": "graph_walk",
    "InjectionLab": "injection_lab",
    "LiveFigure": "figure",
    "LookInside": "look_inside",
    "MinHashLab": "min_hash_lab",
    "ModelInPage": "model_in_page",
    "NGramLab": "ngram_lab",
    "NextCharacter": "next_character",
    "NextToken": "next_token",
    "OptimizerRace": "optimizer_race",
    "Painter": "painter",
    "PlantedOdds": "planted_odds",
    "PreferenceOptimum": "preference_optimum",
    "Quantizer": "quantizer",
    "RotaryClock": "rotary_clock",
    "TrainInPage": "train_in_page",
}

__all__ = [*_MODULES]


def __getattr__(name: str) -> type:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
