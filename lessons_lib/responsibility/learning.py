"""Learning short texts, one a row, so that each text is an example of its own."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.base.validation import check_integer
from lessons_lib.gpt import check_token_ids
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.responsibility.bias import scene_tokenizer
from lessons_lib.responsibility.privacy import check_texts
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import END, Recipe, clip_gradients, learning_rate, make_optimizers

IGNORED = -100  # a target that does not count


def text_rows(tokenizer: BPETokenizer, texts: Sequence[str]) -> Tensor:
    """Return texts as rows of token ids (N, T): `END`, the text, `END`, which also fills up.

    Windows over many texts would show a model the beginning of the next one too, so that nobody
    could say how often it has seen a text.

    Raises:
        ValueError: one text in place of several, none, or an empty one.
    """
    [end] = tokenizer.encode(END, allowed_special=[END])
    rows = [[end, *tokenizer.encode(text), end] for text in check_texts(texts)]
    longest = max(map(len, rows))
    return torch.tensor([row + [end] * (longest - len(row)) for row in rows])


def row_loss(model: nn.Module, rows: Tensor) -> Tensor:
    """Return the mean loss of rows (N, T), in nats per token; what fills up a row does not count.

    Args:
        model: gives logits (N, T, V) for token ids (N, T).
        rows: from `text_rows`; each begins with `END`.

    Raises:
        ValueError: ids that are none, or fewer than two in a row.
    """
    check_token_ids(rows, model.config.vocab_size, model.config.context_length + 1)
    if rows.shape[1] < 2:
        raise ValueError(f"expected rows of at least two tokens, got {tuple(rows.shape)}")
    end = rows[:, :1]
    counts = ~((rows[:, 1:] == end) & (rows[:, :-1] == end))
    width = int(counts.sum(1).max())
    targets = rows[:, 1:].masked_fill(~counts, IGNORED)[:, :width]
    logits = model(rows[:, :width])
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


def train_rows(model: nn.Module, rows: Tensor, recipe: Recipe) -> nn.Module:
    """Train a model on rows (N, T), each as often as the others, in an order of its own a round.

    Args:
        model: see `row_loss`; it is changed.
        rows: from `text_rows`. A text that stands in two rows is seen twice as often.
        recipe: of which `n_steps` is needed.

    Returns:
        The model.

    Raises:
        ValueError: see `row_loss`; a recipe without `n_steps`.
    """
    if recipe.n_steps is None:
        raise ValueError("expected a recipe with n_steps, got none")
    check_token_ids(rows, model.config.vocab_size, model.config.context_length + 1)
    optimizers = make_optimizers(model, recipe)
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    rates = [group["lr"] for group in groups]
    rng = torch.Generator().manual_seed(check_integer("seed", recipe.seed, 0, 2**63 - 1))
    rounds = -(-recipe.n_steps * recipe.batch_size // len(rows))
    order = torch.cat([torch.randperm(len(rows), generator=rng) for _ in range(rounds)])
    for step in range(recipe.n_steps):
        batch = rows[order[step * recipe.batch_size : (step + 1) * recipe.batch_size]]
        model.zero_grad()
        row_loss(model, batch).backward()
        clip_gradients(model.parameters(), recipe.clip)
        part = learning_rate(step / recipe.n_steps, recipe.warm_up, recipe.final)
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = part * rate
        for optimizer in optimizers:
            optimizer.step()
    return model


def scene_model(texts: Sequence[str], seed: int = 0, n_steps: int = 400) -> Llama:
    """Train a small model on texts of the small world, from the beginning.

    Args:
        texts: one for each example.
        seed: of its first weights and of the order of the texts.
        n_steps: of 32 texts each.

    Raises:
        ValueError: no texts, an empty one, or one of more than 40 tokens.
    """
    torch.manual_seed(check_integer("seed", seed, 0))
    tokenizer = scene_tokenizer()
    model = Llama(LlamaConfig(len(tokenizer.vocab), 40, 32, n_heads=4, n_layers=1, d_ff=64))
    recipe = Recipe(n_steps=n_steps, lr=0.01, matrix_lr=0.02, batch_size=32, seed=seed)
    return train_rows(model, text_rows(tokenizer, texts), recipe)
