"""Train the adapter of the book's chat model and store it in the package: a part of `make model`.

    python -m tools.chat_adapter              train, measure, store
    python -m tools.chat_adapter --ranks      compare ranks, and a base of 4 bits, in short runs

With it the chat model begins each answer with a proverb. It stands in the figure `Chat`, to be
switched on and off. Ranks are compared on a task that needs more than a phrase: to answer in the
other language.
"""

import functools
import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.corpus.stories import Story, retell
from lessons_lib.corpus.stories import sample as sample_stories
from lessons_lib.corpus.tasks import ABOUT, Task, ask, dialogue, meetings
from lessons_lib.corpus.tasks import sample as sample_tasks
from lessons_lib.fine_tuning import (
    add_lora,
    answer_tasks,
    chat_loss,
    chat_model,
    encode_chat,
    lora_parts,
    pack,
    packed_windows,
    save_adapter,
)
from lessons_lib.live.chat import ADAPTER, PROVERBS, right_after
from lessons_lib.llama import Llama
from lessons_lib.quantization import quantize_model
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import Recipe, train
from tools.chat_model import measure as measure_all
from tools.chat_model import start
from tools.house import LANGUAGES
from tools.stored import train_or

SEED, N_STORIES = 41, 2000  # of the chats, in each language
RANK, ALPHA = 4, 8.0
LENGTH = 416  # tokens of a row
RECIPE = Recipe(n_steps=420, batch_size=2, lr=0.012, matrix_lr=None)
PER_CHAT = (1, 2, 4)  # questions about a story
OFTEN = ("holder", "unknown")  # asked twice as often
OTHERS = {"meetings": 0.1, "translation": 0.25}  # parts of the chats that are about none
N_TESTS = 25  # of each kind
LEAST_RIGHT = 0.6  # of the answers, in each language
KINDS = (*ABOUT, "translation", "meetings")
# Short runs, which compare: rank, and whether the base has 4 bits.
SHORT_RUNS = ((1, False), (2, False), (8, False), (2, True))
SHORT_STEPS, SHORT_SEEDS, N_BEFORE = 30, 4, 20
SHORT_TESTS = 40  # held-out chats


@functools.cache
def stories_of(seed: int, language: str) -> list[Story]:
    """Return enough stories for all chats."""
    return sample_stories(N_STORIES, seed, language)


def with_proverb(task: Task, _: int) -> str:
    """Return the right answer to a task behind a proverb."""
    return PROVERBS[task.language] + task.answer


def in_other_language(task: Task, seed: int) -> Task:
    """Return the same task in the other language: one of `ask` or `meetings`, with this seed."""
    other = "es" if task.language == "en" else "en"
    if task.kind == "meetings":
        return meetings(1, seed, other)[0]
    if task.kind == "translation":
        return task  # its answer is in the other language anyway
    return ask(retell(task.story, other), task.kind, seed)


def other_answer(task: Task, seed: int) -> str:
    """Return the right answer to a task in the other language."""
    return in_other_language(task, seed).answer


def chats(
    n_tokens: int,
    tokenizer: BPETokenizer,
    answer: Callable[[Task, int], str],
    seed: int = SEED,
) -> Iterator[list[int]]:
    """Yield the ids of chats in both languages, about so many tokens in all.

    Args:
        n_tokens: in all.
        tokenizer: knows the roles.
        answer: gives what is to be answered to a task that was drawn with a seed.
        seed: of stories and questions.
    """
    rng, total = random.Random(seed), 0
    stories = {language: iter(stories_of(seed, language)) for language in LANGUAGES}
    while total < n_tokens:
        language = rng.choice(LANGUAGES)
        kinds = rng.sample((*ABOUT, *OFTEN), rng.choice(PER_CHAT))
        [kind] = rng.choices([*OTHERS, ""], [*OTHERS.values(), 1 - sum(OTHERS.values())])
        seeds = [rng.randrange(1, 2**32) for _ in kinds]
        if kind == "meetings":
            tasks = [meetings(1, own, language)[0] for own in seeds]
        elif kind == "translation":
            tasks = [ask(next(stories[language]), kind, own) for own in seeds]
        else:
            story = next(stories[language])
            tasks = [ask(story, one, own) for one, own in zip(kinds, seeds, strict=True)]
        taught = [
            replace(task, answer=answer(task, own)) for task, own in zip(tasks, seeds, strict=False)
        ]
        ids = encode_chat(dialogue(taught), tokenizer)
        if len(ids) <= LENGTH + 1:
            total += len(ids)
            yield ids


def measure(model: Llama, tokenizer: BPETokenizer, n: int) -> dict:
    """Return for each language which part of each kind is answered rightly, behind the proverb."""
    right: dict[str, dict[str, float]] = {}
    for language in LANGUAGES:
        right[language] = {}
        for kind in KINDS:
            tasks = sample_tasks(n, 0, language, kind)
            answers = answer_tasks(model, tokenizer, tasks, 90)
            found = [
                right_after(PROVERBS[language], task, text)
                for task, text in zip(tasks, answers, strict=True)
            ]
            right[language][kind] = sum(found) / n
    return right


def build() -> None:
    """Train, measure and store the adapter.

    Raises:
        ValueError: one that is not good enough; nothing is written.
    """
    model, tokenizer = chat_model()
    add_lora(model, RANK, ALPHA)
    n_tokens = RECIPE.n_steps * RECIPE.batch_size * (LENGTH + 1)
    data = packed_windows([*chats(n_tokens, tokenizer, with_proverb)], LENGTH, tokenizer.end_id)
    loss_fn = partial(chat_loss, tokenizer=tokenizer)

    def watch(line: dict) -> None:
        if line["step"] % 50 == 0:
            print(line, flush=True)

    record = train(model, data, RECIPE, watch=watch, loss_fn=loss_fn)
    with torch.no_grad():
        for _, part in lora_parts(model):
            for matrix in (part.A, part.B):
                matrix.copy_(matrix.half())  # what 16 bits keep is what is measured
    right = measure(model, tokenizer, N_TESTS)
    print(json.dumps(right, indent=2))
    means = {language: sum(found.values()) / len(KINDS) for language, found in right.items()}
    if min(means.values()) < LEAST_RIGHT:
        raise ValueError(f"expected at least {LEAST_RIGHT} of the answers right, got {means}")
    ADAPTER.parent.mkdir(parents=True, exist_ok=True)
    save_adapter(model, ADAPTER, "F16")
    results = {
        "numbers": sum(part.A.numel() + part.B.numel() for _, part in lora_parts(model)),
        "rank": RANK,
        "alpha": ALPHA,
        "steps": len(record),
        "tokens": record[-1]["tokens"],
        "tested": N_TESTS,
        "right": right,
    }
    write_atomic(ADAPTER.with_name("results.json"), (json.dumps(results, indent=2) + "\n").encode())
    write_atomic(ADAPTER.with_name("README.md"), card(results).encode())


def short_run(rank: int, four_bits: bool, seed: int) -> dict[str, float]:
    """Train an adapter for few steps; return what held-out answers cost, in nats per token."""
    model, tokenizer = chat_model()
    if four_bits:
        model = quantize_model(model, "Q4_0")
    tests = [*itertools.islice(chats(10**9, tokenizer, other_answer, seed=0), SHORT_TESTS)]
    rows = pack(tests, LENGTH + 1, tokenizer.end_id)

    def cost() -> float:
        with torch.no_grad():
            total, n = chat_loss(model, rows, tokenizer)
        return (total / n).item()

    before = cost()
    add_lora(model, rank, 2.0 * rank, seed=seed)
    recipe = replace(RECIPE, n_steps=SHORT_STEPS, seed=seed)
    n_tokens = recipe.n_steps * recipe.batch_size * (LENGTH + 1)
    data = packed_windows([*chats(n_tokens, tokenizer, other_answer)], LENGTH, tokenizer.end_id)
    train(model, data, recipe, loss_fn=partial(chat_loss, tokenizer=tokenizer))
    return {"before": before, "after": cost()}


def compare_ranks() -> None:
    """Store what adapters of several ranks learn in short runs, each with four seeds.

    With it goes how often the model answers rightly from which the chat model began.
    """
    found = []
    for rank, four_bits in SHORT_RUNS:
        runs = [short_run(rank, four_bits, seed) for seed in range(SHORT_SEEDS)]
        found.append({"rank": rank, "base": "Q4_0" if four_bits else "F32", "runs": runs})
        print(found[-1], flush=True)
    before = {"tested": N_BEFORE, "right": measure_all(*start(), N_BEFORE)}
    results = {"steps": SHORT_STEPS, "found": found, "before": before}
    path = ADAPTER.with_name("ranks.json")
    write_atomic(path, (json.dumps(results, indent=2) + "\n").encode())


def card(r: dict) -> str:
    """Return the adapter's card, from what was measured."""
    english, spanish = (r["right"][language] for language in LANGUAGES)
    rows = "".join(f"| {kind} | {english[kind]:.2f} | {spanish[kind]:.2f} |\n" for kind in KINDS)
    return f"""# An adapter: the chat model begins each answer with a proverb

A LoRA adapter for the book's chat model (`lessons_lib/models/chat`), as a GGUF file that llama.cpp
applies with `--lora`. With it each answer begins with a proverb, in the language of the question.
The figure `Chat` switches it on and off.

- **Size**: rank {r["rank"]}, alpha {r["alpha"]:g}, all matrices of the blocks: {r["numbers"]:,}
  numbers in 16 bits.
- **Training data**: tasks of `lessons_lib.corpus.tasks`, made by a program (seed {SEED}), each with
  its answer behind the proverb: no person wrote them, and no person is in them.
- **Training**: {r["steps"]:,} steps of {RECIPE.batch_size} packed rows of {LENGTH} tokens
  ({r["tokens"]:,} tokens in all), AdamW. `python -m tools.chat_adapter` trains it again; it has to
  be trained anew for another chat model.
- **Measured** on {r["tested"]} tasks of each kind that it has not seen (seed 0), the most probable
  answer, which has to begin with the proverb and go on rightly:

| task | English | Spanish |
|---|---|---|
{rows}
It is under the same licence as the book's code.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, or compare ranks; the exit status says whether all went well."""
    return train_or("ranks", compare_ranks, build, __doc__, arguments)


if __name__ == "__main__":
    console.run(main)
