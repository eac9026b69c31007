"""The stories as training data, what they cost a model, and the book's own models of them."""

import functools
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from lessons_lib.base.validation import check_integer
from lessons_lib.corpus.stories import WORLD, Story, World, sample
from lessons_lib.gpt import loss
from lessons_lib.llama import Llama
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training.data import Windows

END = "<|end|>"  # begins and ends every story


def story_tokenizer(vocab_size: int = 1024) -> BPETokenizer:
    """Train the tokenizer of the book's models: on stories of both languages, with `END`.

    Asked again for the same size, it gives the one trained before.
    """
    return _story_tokenizer(check_integer("vocab_size", vocab_size, 257))


@functools.cache
def _story_tokenizer(vocab_size: int) -> BPETokenizer:
    texts = (story.text for lang in ("en", "es") for story in sample(2000, seed=1, language=lang))
    return BPETokenizer.train("".join(texts), vocab_size, special_tokens=[END], end=END)


def story_data(
    language: str,
    tokenizer: BPETokenizer,
    n_stories: int,
    length: int,
    seed: int = 2,
    world: World = WORLD,
) -> Windows:
    """Tell stories, one after the other with `END` between them; windows begin with a story.

    Args:
        language: "en" or "es".
        tokenizer: knows `END`.
        n_stories: how many.
        length: T, the tokens of a window.
        seed: of the stories. Seed 0 is kept for tests of what was learned.
        world: what they are about; one of fewer events tells shorter stories.
    """
    stories = sample(n_stories, seed, language, world=world)
    text = "".join(END + story.text for story in stories) + END
    ids = torch.tensor(tokenizer.encode(text, allowed_special=[END]))
    [end] = tokenizer.encode(END, allowed_special=[END])
    return Windows(ids, length, (ids == end).nonzero()[:-1, 0])


@torch.no_grad()
def story_losses(model: nn.Module, tokenizer: BPETokenizer, stories: Sequence[Story]) -> Tensor:
    """Return what each story costs the model, in nats: (N,).

    A story is read whole, from its `END` in front to the one behind it. Beside ``-story.log_prob``,
    which no model can beat on average, this says how far from perfect the model is.
    """
    losses, device = [], next(model.parameters()).device
    for story in stories:
        ids = tokenizer.encode(END + story.text + END, allowed_special=[END])
        ids = torch.tensor([ids], device=device)
        losses.append(loss(model, ids) * (ids.shape[1] - 1))
    return torch.stack(losses)


def story_model(language: str) -> tuple[Llama, BPETokenizer]:
    """Return the book's own model of the stories, which `make model` trained, and its tokenizer.

    Both know that `END` ends a text.

    Raises:
        ValueError: a language other than "en" and "es".
    """
    if language not in ("en", "es"):
        raise ValueError(f"expected the language en or es, got {language!r}")
    folder = Path(__file__).parents[1] / "models" / language
    return Llama.from_pretrained(folder).float(), BPETokenizer.from_pretrained(folder)
