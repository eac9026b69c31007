"""Models that chat: made from models that tell, and how to ask them."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from lessons_lib.base.validation import check_integer, check_number
from lessons_lib.corpus.tasks import Task
from lessons_lib.fine_tuning.chat import encode_chat, special_id
from lessons_lib.fine_tuning.lora import check_plain
from lessons_lib.generation import Sampling, generate_batch
from lessons_lib.llama import Llama
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import END

GREEDY = Sampling(temperature=0)


def widen(model: Llama, n_new: int) -> Llama:
    """Return a model that knows `n_new` more tokens; the new rows are the mean of the others.

    Raises:
        ValueError: a number of tokens below 1, or a model that is none or has thin matrices.
    """
    check_integer("n_new", n_new, 1)
    check_plain(model)
    wide = Llama(replace(model.config, vocab_size=model.config.vocab_size + n_new))
    wide.to(model.head.weight)
    state = model.state_dict()
    for name in ("token_embedding.weight", "head.weight"):
        mean = state[name].mean(0, keepdim=True)
        state[name] = torch.cat([state[name], mean.expand(n_new, -1)])
    wide.load_state_dict(state)
    return wide


@torch.no_grad()
def average(one: nn.Module, other: nn.Module, part: float = 0.5) -> nn.Module:
    """Return a model between two: ``(1 - part)`` of the weights of one, `part` of the other's.

    It knows what both know if one of them began as the other; else it knows nothing.

    Raises:
        ValueError: a part outside [0, 1], or weights of other names or shapes.

    Source: Wortsman et al., "Model soups", 2022, arXiv:2203.05482, section 2.
    """
    check_number("part", part, least=0, most=1)
    mixed, others = copy.deepcopy(one), dict(other.named_parameters())
    own = dict(mixed.named_parameters())
    shapes = [{name: p.shape for name, p in named.items()} for named in (own, others)]
    if shapes[0] != shapes[1]:
        raise ValueError("expected two models of the same shapes, got models that differ")
    for name, p in own.items():
        p.lerp_(others[name].to(p), part)
    return mixed


def chat_model() -> tuple[Llama, BPETokenizer]:
    """Return the book's own chat model, which answers in English and Spanish, and its tokenizer.

    `make model` trained it from the two models of the stories.
    """
    folder = Path(__file__).parents[1] / "models" / "chat"
    return Llama.from_pretrained(folder).float(), BPETokenizer.from_pretrained(folder)


def reply_batch(
    model: Llama,
    tokenizer: BPETokenizer,
    chats: Sequence[Sequence[Mapping[str, str]]],
    n_tokens: int = 200,
    sampling: Sampling = GREEDY,
    seed: int = 0,
) -> list[str]:
    """Answer the last message of several chats.

    Args:
        model: has learned to chat.
        tokenizer: knows the roles.
        chats: the messages of each, the last from the user.
        n_tokens: at most so many in an answer.
        sampling: the most probable tokens by default.
        seed: of what is drawn.

    Raises:
        ValueError: see `encode_chat`; a chat whose last message is not the user's, or one that
            leaves no room for an answer of `n_tokens` in the model's context.
    """
    most = model.config.context_length - check_integer("n_tokens", n_tokens, 0)
    prompts = []
    for messages in chats:
        ids = encode_chat(messages, tokenizer, add_generation_prompt=True)
        if messages[-1]["role"] != "user":
            raise ValueError("expected the user's message at the end of a chat")
        if len(ids) > most:
            raise ValueError(
                f"expected a chat of at most {most} tokens, which leaves {n_tokens} of the "
                f"{model.config.context_length} for the answer, got {len(ids)}"
            )
        prompts.append(ids)
    stop_ids = [special_id(tokenizer, END)]
    answers = generate_batch(model, prompts, n_tokens, sampling, stop_ids, seed)
    return [tokenizer.decode(ids) for ids in answers]


def reply(
    model: Llama,
    tokenizer: BPETokenizer,
    messages: Sequence[Mapping[str, str]],
    n_tokens: int = 200,
    sampling: Sampling = GREEDY,
    seed: int = 0,
) -> str:
    """Answer the last message of a chat; arguments and errors as for `reply_batch`."""
    return reply_batch(model, tokenizer, [messages], n_tokens, sampling, seed)[0]


def answer_tasks(
    model: Llama,
    tokenizer: BPETokenizer,
    tasks: Sequence[Task],
    n_tokens: int = 200,
    size: int = 50,
    sampling: Sampling = GREEDY,
    seed: int = 0,
) -> list[str]:
    """Answer tasks, `size` at a time and those of like length together; in their order.

    What is drawn for one part is not drawn again for the next.
    """
    check_integer("seed", seed, 0, 2**64 - 1)
    order = sorted(range(len(tasks)), key=lambda i: len(tasks[i].messages[0]["content"]))
    answers = [""] * len(tasks)
    for first in range(0, len(order), check_integer("size", size, 1)):
        part = order[first : first + size]
        chats = [tasks[i].messages for i in part]
        drawn = (seed + 1_000_003 * first) % 2**64
        found = reply_batch(model, tokenizer, chats, n_tokens, sampling, drawn)
        for i, text in zip(part, found, strict=True):
            answers[i] = text
    return answers
