"""What a model learns from: pages of a web become texts, and texts become a mixture to train on.

The chapter `data`.
"""

from lessons_lib.data.shards import document_loss
from lessons_lib.data.tokenize import tokenize_files
from lessons_lib.training.shards import Shards

__all__ = ["Shards", "document_loss", "tokenize_files"]
