"""Pictures for the chapters: plots of arrays, and diagrams of what is made of what.

`plots` draws arrays with Matplotlib, `diagrams` the structures of each chapter with the words of
`sketch`, `graphs` a computation with its slopes. Colours are those of `style`; texts and numbers
are written as the notebook's language writes them: 0.5, in Spanish 0,5.
"""

from lessons_lib.figures.diagrams.assistants import (
    alignment_diagram,
    chat_diagram,
    lora_diagram,
)
from lessons_lib.figures.diagrams.doors import security_diagram
from lessons_lib.figures.diagrams.exams import exam_diagram
from lessons_lib.figures.diagrams.learning import budget_diagram, memory_diagram, training_diagram
from lessons_lib.figures.diagrams.painting import (
    dit_block_diagram,
    guidance_diagram,
    latents_diagram,
    painting_diagram,
)
from lessons_lib.figures.diagrams.pictures import clip_diagram
from lessons_lib.figures.diagrams.responsible import responsibility_diagram
from lessons_lib.figures.diagrams.running import (
    cache_diagram,
    file_diagram,
    four_bits_diagram,
    speculative_diagram,
)
from lessons_lib.figures.diagrams.text import counting_diagram, path_diagram, tokens_diagram
from lessons_lib.figures.diagrams.transformer import (
    attention_diagram,
    block_diagram,
    gpt_diagram,
    heads_diagram,
    llama_diagram,
    mask_diagram,
)
from lessons_lib.figures.diagrams.web import data_diagram
from lessons_lib.figures.graphs import graph
from lessons_lib.figures.plots import (
    COLOURS,
    bars,
    boxes,
    curves,
    heat_map,
    loss_curve,
    panels,
    picture_grid,
    points,
    strips,
)
from lessons_lib.figures.sketch import Drawing

__all__ = [
    "COLOURS",
    "Drawing",
    "alignment_diagram",
    "attention_diagram",
    "bars",
    "block_diagram",
    "boxes",
    "budget_diagram",
    "cache_diagram",
    "chat_diagram",
    "clip_diagram",
    "counting_diagram",
    "curves",
    "data_diagram",
    "dit_block_diagram",
    "exam_diagram",
    "file_diagram",
    "four_bits_diagram",
    "gpt_diagram",
    "graph",
    "guidance_diagram",
    "heads_diagram",
    "heat_map",
    "latents_diagram",
    "llama_diagram",
    "lora_diagram",
    "loss_curve",
    "mask_diagram",
    "memory_diagram",
    "painting_diagram",
    "panels",
    "path_diagram",
    "picture_grid",
    "points",
    "responsibility_diagram",
    "security_diagram",
    "speculative_diagram",
    "strips",
    "tokens_diagram",
    "training_diagram",
]
