"""What a small model learns from texts: how far above the floor it stays on tales not seen."""

import functools
from collections.abc import Sequence

import torch

from lessons_lib.base.validation import check_integer, check_text
from lessons_lib.corpus.stories import Story, sample
from lessons_lib.corpus.web import TALES
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import END, Recipe, Windows, story_losses, train

LENGTH = 80  # tokens of a window; a tale has about as many


@functools.cache
def tale_tokenizer() -> BPETokenizer:
    """Return a tokenizer of the short tales of both languages, with `END`."""
    tales = (tale for lang in ("en", "es") for tale in sample(400, 7, lang, world=TALES))
    text = "".join(tale.text for tale in tales)
    return BPETokenizer.train(text, 1024, special_tokens=[END], end=END)


def tale_model(texts: Sequence[str], seed: int = 0, n_steps: int = 250) -> Llama:
    """Train a small model on texts, from the beginning.

    However many texts there are, it reads as many tokens: ``640 * n_steps``.

    Args:
        texts: one after the other, with `END` between them.
        seed: of its first weights and of the order of the windows.
        n_steps: of 8 windows each.

    Raises:
        ValueError: one text in place of several, too few tokens for a window, or a number below 1.
    """
    if isinstance(texts, str | bytes):
        raise ValueError(f"expected several texts, got one: {texts!r:.40}")
    tokenizer = tale_tokenizer()
    text = "".join(END + check_text(text) for text in texts) + END
    ids = torch.tensor(tokenizer.encode(text, allowed_special=[END]))
    torch.manual_seed(check_integer("seed", seed, 0))
    model = Llama(LlamaConfig(tokenizer.vocab_size, 256, 64, 4, n_layers=1, d_ff=128, tied=True))
    recipe = Recipe(n_steps=n_steps, lr=0.01, matrix_lr=0.03, batch_size=8, seed=seed)
    train(model, Windows(ids, LENGTH), recipe)
    return model


def tale_gap(model: Llama, tales: Sequence[Story]) -> float:
    """Return how many nats a tale costs a model beyond what it must: its distance from the floor.

    Args:
        model: from `tale_model`.
        tales: of the world `TALES`, which the model should not have seen.

    Raises:
        ValueError: no tales.
    """
    if not tales:
        raise ValueError("expected at least one tale, got none")
    losses = story_losses(model, tale_tokenizer(), tales)
    return float(losses.mean()) + sum(tale.log_prob for tale in tales) / len(tales)
