"""Training on texts that stand one after the other, without looking from one into the next."""

import torch.nn.functional as F
from torch import Tensor

from lessons_lib.base.validation import check_integer
from lessons_lib.fine_tuning import packed_logits
from lessons_lib.llama import Llama

__all__ = ["document_loss"]


def document_loss(model: Llama, token_ids: Tensor, end_id: int) -> Tensor:
    """Return the mean loss of windows of several texts, each read as if it stood alone, in nats.

    An `END` begins a text, for what is seen: from it the first token is guessed, and nothing of
    the text before it counts. ``train(..., loss_fn=partial(document_loss, end_id=shards.end_id))``.

    Args:
        model: a Llama.
        token_ids: windows (B, T + 1), as those of `Shards`.
        end_id: the token between texts.

    Raises:
        ValueError: an end below 0; see `packed_logits`.

    Source: Grattafiori et al., "The Llama 3 Herd of Models", 2024, arXiv:2407.21783, section 3.2:
    a mask between the documents of a sequence.
    """
    numbers = (token_ids == check_integer("end_id", end_id, 0)).cumsum(1)
    logits = packed_logits(model, token_ids[:, :-1], numbers[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), token_ids[:, 1:].flatten().long())
