"""Examines the assistant at each stage of its making, on every kind of task and in both languages.

    python -m tools.stages                    # all stages
    python -m tools.stages dpo rl             # some of them

The stages: before (the average of the two models of the stories), after fine-tuning (the stored
chat model), and what comes of that model in less than a minute on one thread: LoRA (more chats,
learned by thin matrices), DPO (pairs of answers, half of which prefer to refuse) and RL (groups of
answers about meetings, paid by the world's truth). The last three run four times, with other seeds,
other data and another fifty of 200 held-out tasks of each kind; the model from which they start
takes them all.

`lessons_lib/models/stages.json` keeps how many tasks of each kind were answered rightly in each
run, what its stories cost over the floor, and the processor's seconds that the training took. Other
processors round differently, and the numbers then differ a little.
"""

import argparse
import json
import random
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch

from lessons_lib.alignment import Pair, draw_answers, prefer, reinforce
from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.corpus.stories import sample as sample_stories
from lessons_lib.corpus.tasks import KINDS, NOT_SAID, meetings, sample
from lessons_lib.fine_tuning import (
    add_lora,
    answer_tasks,
    chat_loss,
    chat_model,
    merge_lora,
    packed_windows,
)
from lessons_lib.fine_tuning.models import GREEDY
from lessons_lib.generation import Sampling
from lessons_lib.llama import Llama
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import Recipe, story_losses, train
from tools.chat_adapter import LENGTH, chats
from tools.chat_model import start
from tools.house import LANGUAGES, ROOT

STORED = ROOT / "lessons_lib" / "models" / "stages.json"
SEEDS = range(4)
N_TESTS, N_BEFORE, N_STORIES = 50, 25, 25  # held out: of each kind, language and seed
DATA = 7000  # added to a run's seed: of what it learns from
LORA = Recipe(n_steps=140, batch_size=2, lr=0.002, matrix_lr=None)
RANK, ALPHA = 8, 16.0
ASKED = ("person", "trait", "holder", "unknown")  # of the pairs
N_ASKED, N_PAIRS = 30, 160
N_STEPS, N_TASKS, GROUP = 20, 4, 8  # of RL: tasks of each language in a step, answers to each
Learn = Callable[[Llama, BPETokenizer, int], None]


def examine(model: Llama, tokenizer: BPETokenizer, n: int, seed: int) -> dict:
    """Return how many of n held-out tasks of each kind are answered rightly, for each language.

    The answers are the most probable ones; those about meetings are drawn too, as "drawn". Beside
    that stands what the model's stories cost, in nats over the floor.
    """
    found: dict[str, dict] = {}
    for language in LANGUAGES:
        found[language] = {"n": n}
        for kind in (*KINDS, "drawn"):
            drawn = kind == "drawn"
            tasks = sample(n, seed, language, "meetings" if drawn else kind)
            most, sampling = 200 if kind == "order" else 80, Sampling() if drawn else GREEDY
            answers = answer_tasks(model, tokenizer, tasks, most, 50, sampling, seed)
            pairs = zip(tasks, answers, strict=True)
            found[language][kind] = sum(task.check(text) for task, text in pairs)
        stories = sample_stories(N_STORIES, seed, language)
        least = torch.tensor([story.log_prob for story in stories])
        excess = (story_losses(model, tokenizer, stories) + least).mean().item()
        found[language]["excess"] = round(excess, 2)
    return found


def learn_lora(model: Llama, tokenizer: BPETokenizer, seed: int) -> None:
    """Teach thin matrices more chats, and merge them."""
    add_lora(model, RANK, ALPHA, seed=seed)
    n_tokens = LORA.n_steps * LORA.batch_size * (LENGTH + 1)
    texts = chats(n_tokens, tokenizer, lambda task, _: task.answer, DATA + seed)
    data = packed_windows([*texts], LENGTH, tokenizer.end_id)
    train(model, data, replace(LORA, seed=seed), loss_fn=partial(chat_loss, tokenizer=tokenizer))
    merge_lora(model)


def draw_pairs(model: Llama, tokenizer: BPETokenizer, seed: int) -> list[Pair]:
    """Return pairs in both languages: half prefer a refusal to something false, half the truth."""
    refuse, answer = [], []
    for language in LANGUAGES:
        no = NOT_SAID[language]
        refusal = [*tokenizer.encode(no), tokenizer.end_id]
        for number, kind in enumerate(ASKED):
            tasks = sample(N_ASKED, DATA + 10 * seed + number, language, kind)
            drawn = draw_answers(model, tokenizer, tasks, 4, 24, seed)
            for i, (prompt, said, text) in enumerate(zip(*drawn, strict=True)):
                if text.strip() == no:
                    continue
                if tasks[i // 4].check(text):
                    answer.append(Pair(prompt, said, refusal))
                else:
                    refuse.append(Pair(prompt, refusal, said))
    rng, half = random.Random(seed), N_PAIRS // 2
    pairs = rng.sample(refuse, half) + rng.sample(answer, half)
    rng.shuffle(pairs)
    return pairs


def learn_dpo(model: Llama, tokenizer: BPETokenizer, seed: int) -> None:
    """Learn from pairs of answers."""
    prefer(model, draw_pairs(model, tokenizer, seed), beta=0.1, lr=1e-4)


def learn_rl(model: Llama, tokenizer: BPETokenizer, seed: int) -> None:
    """Learn from one's own answers about meetings, in both languages; a true one is paid 1."""
    batches = [
        [
            task
            for language in LANGUAGES
            for task in meetings(N_TASKS, DATA + N_STEPS * seed + step, language, (2, 3, 4))
        ]
        for step in range(N_STEPS)
    ]
    reinforce(model, tokenizer, batches, lambda task, text: task.check(text), GROUP, seed=seed)


LEARN: dict[str, Learn] = {"lora": learn_lora, "dpo": learn_dpo, "rl": learn_rl}
STAGES = ("before", "sft", *LEARN)


def run(stage: str, seed: int) -> dict:
    """Return what an exam of one stage finds, and the seconds of its training."""
    if stage == "before":
        return examine(*start(), N_BEFORE, seed)
    model, tokenizer = chat_model()
    if stage == "sft":
        return examine(model, tokenizer, N_TESTS, seed)
    begun = time.process_time()
    LEARN[stage](model, tokenizer, seed)
    seconds = time.process_time() - begun
    return {**examine(model, tokenizer, N_TESTS, seed), "seconds": round(seconds, 1)}


def note(stage: str, runs: list[dict]) -> None:
    """Write one stage's runs beside those of the others."""
    stored = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    stored[stage] = runs
    ordered = {name: stored[name] for name in STAGES if name in stored}
    write_atomic(STORED, (json.dumps(ordered, indent=1) + "\n").encode())


def main() -> int:
    """Run the stages asked for; the exit status says whether all went well."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("stages", nargs="*", help=f"of {', '.join(STAGES)}; all by default")
    stages = parser.parse_args().stages or STAGES
    if unknown := set(stages) - set(STAGES):
        parser.error(f"expected stages among {', '.join(STAGES)}, got {', '.join(unknown)}")
    torch.set_num_threads(1)
    for stage in stages:
        seeds = SEEDS[:1] if stage == "before" else SEEDS
        runs = []
        for seed in seeds:
            runs.append(run(stage, seed))
            print(stage, seed, json.dumps(runs[-1]), flush=True)
        note(stage, runs)
    return 0


if __name__ == "__main__":
    console.run(main)
