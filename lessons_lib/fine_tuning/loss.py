"""What counts: the answers alone; and several chats in one row that do not see each other."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.attention import causal_mask
from lessons_lib.base.validation import (
    MOST_NUMBERS,
    check_ids,
    check_integer,
    check_positions,
)
from lessons_lib.fine_tuning.apart import check_packed, logits_apart
from lessons_lib.fine_tuning.chat import ASSISTANT, USER, special_id
from lessons_lib.gpt import check_token_ids
from lessons_lib.llama import Llama
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import END, Windows


def last_role(token_ids: Tensor, roles: Sequence[int]) -> Tensor:
    """Return for each token (B, T) the last of some tokens before it; -1 where there is none."""
    check_token_ids(token_ids, MOST_NUMBERS, MOST_NUMBERS)
    is_role = torch.isin(token_ids, torch.tensor(roles, device=token_ids.device))
    places = torch.arange(token_ids.shape[1], device=token_ids.device)
    latest = torch.where(is_role, places, -1).cummax(1).values  # itself included
    before = torch.cat([torch.full_like(latest[:, :1], -1), latest[:, :-1]], dim=1)
    found = token_ids.gather(1, before.clamp(min=0))
    return torch.where(before >= 0, found, -1)


def answer_mask(token_ids: Tensor, tokenizer: BPETokenizer) -> Tensor:
    """Tell which tokens a model is to learn: the answers, each with the `END` that closes it.

    The ids alone say so. What follows `ASSISTANT` counts, what follows `USER` does not. A text
    without roles, such as a story from `END` to `END`, counts whole; an `END` behind another opens
    the next text or fills up a row, and does not.

    Args:
        token_ids: (B, T).
        tokenizer: knows the roles.

    Returns:
        Booleans (B, T).

    Raises:
        ValueError: ids that are none, or a tokenizer without roles.
    """
    end, user, assistant = (special_id(tokenizer, token) for token in (END, USER, ASSISTANT))
    check_token_ids(token_ids, max(tokenizer.vocab) + 1, MOST_NUMBERS)
    role = last_role(token_ids, (end, user, assistant))
    behind_end = F.pad(token_ids[:, :-1], (1, 0), value=end) == end
    text = (role == end) & (token_ids != user) & ~((token_ids == end) & behind_end)
    return (role == assistant) | text


def documents(token_ids: Tensor, end_id: int) -> Tensor:
    """Return for each token of packed rows (B, T) the number of its text.

    An `END` behind an `END` begins the next text.

    Raises:
        ValueError: ids that are none, or an end below 0.
    """
    check_token_ids(token_ids, MOST_NUMBERS, MOST_NUMBERS)
    is_end = token_ids == check_integer("end_id", end_id, 0)
    opens = is_end[:, 1:] & is_end[:, :-1]
    return F.pad(opens.long().cumsum(1), (1, 0))


def document_mask(numbers: Tensor) -> Tensor:
    """Let each position attend to those before it in its own text: booleans (B, 1, T, T).

    >>> document_mask(torch.tensor([[0, 0, 1]])).int()[0, 0]
    tensor([[1, 0, 0],
            [1, 1, 0],
            [0, 0, 1]], dtype=torch.int32)
    """
    check_token_ids(numbers, MOST_NUMBERS, MOST_NUMBERS)
    same = numbers[:, :, None] == numbers[:, None, :]
    return (same & causal_mask(numbers.shape[1]).to(numbers.device))[:, None]


def packed_logits(
    model: Llama, token_ids: Tensor, numbers: Tensor, wanted: Tensor | None = None
) -> Tensor:
    """Return the logits (B, T, V) of rows in which several texts stand, or (N, V) where wanted.

    Positions go on from text to text: a rotary position is only ever seen as a distance, so each
    text gets what it would get alone, up to rounding. A model with learned positions would have to
    begin each text at 0.

    Args:
        model: a Llama.
        token_ids: (B, T).
        numbers: of each token's text, as `documents` gives them: (B, T).
        wanted: booleans (B, T) of which N are true: where logits are computed; all by default.

    Raises:
        ValueError: see `check_packed`.
    """
    check_packed(model, token_ids, numbers, wanted)
    x, mask = model.token_embedding(token_ids), document_mask(numbers)
    for block in model.blocks:
        x = block(x, mask)
    if wanted is not None:
        x = x[wanted]  # (N, D): the head is the largest matrix of all
    return model.head(model.final_norm(x))


def pack(texts: Sequence[Sequence[int]], length: int, end_id: int) -> Tensor:
    """Put texts into rows of equal length, each into the first row with room: (N, length).

    Args:
        texts: token ids, each beginning and ending with `end_id`.
        length: of a row, in tokens.
        end_id: fills up what is left of a row.

    Raises:
        ValueError: no texts, one that is longer than a row, or one that begins or ends otherwise.
    """
    check_integer("length", length, 1)
    check_integer("end_id", end_id, 0)
    texts = [check_ids(text, MOST_NUMBERS) for text in texts]
    if not texts:
        raise ValueError("expected at least one text to pack, got none")
    rows, open_rows = [], []
    for number, text in enumerate(texts):
        if not 2 <= len(text) <= length or text[0] != end_id or text[-1] != end_id:
            raise ValueError(
                f"expected texts of 2 to {length} tokens between two ends ({end_id}), got "
                f"{len(text)} tokens in text {number}"
            )
        row = next((row for row in open_rows if len(row) + len(text) <= length), None)
        if row is None:
            row = []
            rows.append(row)
            open_rows = [*open_rows[-63:], row]  # a row that is nearly full is not asked for ever
        row += text
    return torch.tensor([row + [end_id] * (length - len(row)) for row in rows])


def packed_windows(texts: Sequence[Sequence[int]], length: int, end_id: int) -> Windows:
    """Return packed texts as data for `train`, in windows of `length` + 1 tokens.

    Raises:
        ValueError: see `pack`.
    """
    rows = pack(texts, check_integer("length", length, 1) + 1, end_id)
    starts = torch.arange(len(rows)) * (length + 1)
    return Windows(check_positions("token_ids", rows.flatten()), length, starts)


def chat_loss(model: Llama, token_ids: Tensor, tokenizer: BPETokenizer) -> tuple[Tensor, Tensor]:
    """Return the summed loss of the tokens that count, in nats, and how many these are.

    `train` divides by the number of all parts of a batch together, so that a token weighs the same
    in a short answer and in a long one: ``loss_fn=partial(chat_loss, tokenizer=tokenizer)``.

    Args:
        model: a Llama.
        token_ids: packed rows (B, T + 1), or rows of one chat each, filled up with `END`.
        tokenizer: knows the roles.

    Raises:
        ValueError: see `answer_mask` and `check_packed`.
    """
    numbers = documents(token_ids, special_id(tokenizer, END))
    counts = answer_mask(token_ids, tokenizer)[:, 1:]
    logits = logits_apart(model, token_ids[:, :-1], numbers[:, :-1], counts)  # as packed_logits
    losses = F.cross_entropy(logits, token_ids[:, 1:][counts].long(), reduction="sum")
    return losses, counts.sum()
