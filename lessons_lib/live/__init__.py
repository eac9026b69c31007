"""Figures that are alive: in a notebook as a widget, in the built book without any kernel.

Each figure is one ES module (the ``.js`` file beside its Python class) that computes in the
browser what `lessons_lib` computes in Python. In Jupyter, VS Code and Colab the class is an
`anywidget`. A notebook keeps it as a ``<figure>`` with the figure's properties as JSON and a plain
table: the book's pages bring the first to life; readers of paper or without scripts see the second.
"""

from lessons_lib.live.attention_map import AttentionMap
from lessons_lib.live.block_calculator import BlockCalculator
from lessons_lib.live.bpe_playground import BPEPlayground
from lessons_lib.live.budget_calculator import BudgetCalculator
from lessons_lib.live.figure import LiveFigure
from lessons_lib.live.model_in_page import ModelInPage
from lessons_lib.live.next_character import NextCharacter
from lessons_lib.live.next_token import NextToken
from lessons_lib.live.ngram_lab import NGramLab
from lessons_lib.live.optimizer_race import OptimizerRace
from lessons_lib.live.quantizer import Quantizer
from lessons_lib.live.rotary_clock import RotaryClock
from lessons_lib.live.shape_walk import ShapeWalk

__all__ = [
    "AttentionMap",
    "BPEPlayground",
    "BlockCalculator",
    "BudgetCalculator",
    "LiveFigure",
    "ModelInPage",
    "NGramLab",
    "NextCharacter",
    "NextToken",
    "OptimizerRace",
    "Quantizer",
    "RotaryClock",
    "ShapeWalk",
]
