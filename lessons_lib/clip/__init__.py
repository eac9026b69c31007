"""CLIP: words and pictures as vectors of one space, where what belongs together is near.

The chapter `clip`. It adds to the Transformer a second sense: pictures become sequences of patches,
two towers learn from pairs of picture and caption alone, and a caption then finds its picture, or
names what is seen.

Shapes: N captions, M pictures, T tokens, P patches, D width of a tower, E width of the shared
space. Pictures are (M, H, W, 3), with numbers from 0 to 1.

Sources:
    Dosovitskiy et al., "An Image is Worth 16x16 Words", 2020, arXiv:2010.11929: patches, the class
        vector.
    Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021,
        arXiv:2103.00020: the two towers and their loss.
    van den Oord, Li and Vinyals, "Representation Learning with Contrastive Predictive Coding",
        2018, arXiv:1807.03748: the loss, there called InfoNCE.
    Zhai et al., "Sigmoid Loss for Language Image Pre-Training", 2023, arXiv:2303.15343: SigLIP.
    The `transformers` package: the names in the files.
"""

from lessons_lib.clip.learning import (
    Batch,
    contrastive_loss,
    picture_batch,
    sigmoid_loss,
    train_clip,
)
from lessons_lib.clip.measures import classify, recall, show
from lessons_lib.clip.models import picture_model, picture_words
from lessons_lib.clip.sizes import CLIPConfig, TowerConfig, quick_gelu
from lessons_lib.clip.towers import (
    CLIP,
    TextTower,
    VisionTower,
    caption_ends,
    check_pictures,
    make_blocks,
    patches,
    read_block,
    start,
)
from lessons_lib.clip.words import WordTokenizer

__all__ = [
    "CLIP",
    "Batch",
    "CLIPConfig",
    "TextTower",
    "TowerConfig",
    "VisionTower",
    "WordTokenizer",
    "caption_ends",
    "check_pictures",
    "classify",
    "contrastive_loss",
    "make_blocks",
    "patches",
    "picture_batch",
    "picture_model",
    "picture_words",
    "quick_gelu",
    "read_block",
    "recall",
    "show",
    "sigmoid_loss",
    "start",
    "train_clip",
]
