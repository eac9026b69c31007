"""Making an assistant beside `transformers`: a step of fine-tuning, and sampling for rewards.

    python -m benchmarks.assistant sft         text tokens per second, packed and padded
    python -m benchmarks.assistant sampling    answers per second, 64 at a time, each to its end

The book's own chat model in float32, in both libraries with the same weights; the ways take turns
in one run, and medians are compared.
"""

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable

import torch
import transformers
from torch import Tensor, nn

from lessons_lib.base import console
from lessons_lib.corpus.tasks import meetings, sample
from lessons_lib.fine_tuning import (
    answer_mask,
    chat_loss,
    chat_model,
    encode_chat,
    packed_windows,
)
from lessons_lib.generation import Sampling, generate_batch
from lessons_lib.training import AdamW

N_CHATS, LENGTH = 48, 364  # of a step, and tokens of a packed row
N_ANSWERS, MOST = 64, 64


def in_transformers(model: nn.Module) -> nn.Module:
    """Return the same model as `transformers` has it."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        peer = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return peer


def in_turn(ways: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the median seconds of each way; the first turn warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def padded(chats: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
    """Return chats side by side, filled up to the longest, and where there is text."""
    longest = max(map(len, chats))
    ids = torch.tensor([ids + [end] * (longest - len(ids)) for ids in chats])
    return ids, torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in chats])


def sft(repeats: int) -> None:
    """Compare a step on the same chats: our rows are packed, those of the peer are padded."""
    model, tokenizer = chat_model()
    peer = in_transformers(model).train()
    tasks = sample(N_CHATS, 5, "en")
    chats = [
        encode_chat([*t.messages, {"role": "assistant", "content": t.answer}], tokenizer)
        for t in tasks
    ]
    data = packed_windows(chats, LENGTH, tokenizer.end_id)
    rows = data.token_ids.view(-1, LENGTH + 1)
    ids, mask = padded(chats, tokenizer.end_id)

    def labels_of(token_ids: Tensor) -> Tensor:
        return torch.where(answer_mask(token_ids, tokenizer), token_ids, -100)

    def ours() -> None:
        total, n = chat_loss(model, rows, tokenizer)
        (total / n).backward()
        own.step()
        own.zero_grad()

    def step_of_peer(token_ids: Tensor, attention: Tensor | None) -> None:
        labels = labels_of(token_ids)
        peer(token_ids, attention_mask=attention, labels=labels).loss.backward()
        theirs.step()
        theirs.zero_grad()

    own = AdamW(model.parameters(), 1e-5)
    theirs = torch.optim.AdamW(peer.parameters(), 1e-5)
    text = sum(map(len, chats))
    print(f"{text} tokens in {N_CHATS} chats: {rows.numel()} packed, {ids.numel()} padded")
    medians = in_turn(
        {
            "ours, packed": ours,
            "transformers, padded": lambda: step_of_peer(ids, mask),
            "transformers, our rows": lambda: step_of_peer(rows, None),  # which see each other
        },
        repeats,
    )
    for name, seconds in medians.items():
        print(
            f"{name:22} {text / seconds:8,.0f} text tokens/s; ours takes "
            f"{medians['ours, packed'] / seconds:.2f} of its time, {seconds * 1e3:.0f} ms"
        )


def sampling(repeats: int) -> None:
    """Compare answers drawn for groups of prompts, as reinforcement learning draws them."""
    model, tokenizer = chat_model()
    peer = in_transformers(model).eval()
    tasks = meetings(N_ANSWERS // 8, 3, "en", counts=(2, 3, 4))
    prompts = [
        encode_chat(task.messages, tokenizer, add_generation_prompt=True)
        for task in tasks
        for _ in range(8)
    ]
    longest, end = max(map(len, prompts)), tokenizer.end_id
    ids = torch.tensor([[end] * (longest - len(one)) + one for one in prompts])
    mask = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one in prompts])

    def theirs() -> list[int]:
        settings = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0}
        with torch.inference_mode():
            found = peer.generate(
                ids,
                attention_mask=mask,
                max_new_tokens=MOST,
                eos_token_id=end,
                pad_token_id=end,
                **settings,
            )
        written = found[:, longest:].tolist()
        return [len(one[: one.index(end)] if end in one else one) for one in written]

    def ours() -> list[int]:
        draws = Sampling(temperature=1.0)
        return [len(one) for one in generate_batch(model, prompts, MOST, draws, [end])]

    for name, way in (("ours", ours), ("transformers.generate", theirs)):
        lengths = way()
        mean = statistics.mean(lengths)
        print(f"{name:22} tokens in an answer: mean {mean:.1f}, most {max(lengths)}")
    medians = in_turn({"ours": ours, "transformers.generate": theirs}, repeats)
    for name, seconds in medians.items():
        ratio = medians["transformers.generate"] / seconds
        rate = N_ANSWERS / seconds
        print(f"{name:22} {rate:8,.0f} answers/s, {ratio:.2f} times transformers")


def main() -> None:
    """Run one part, or both."""
    parts = {"sft": sft, "sampling": sampling}
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("part", nargs="?", choices=list(parts), help="both by default")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    transformers.logging.disable_progress_bar()
    print(f"{platform.machine()}, {options.threads} threads, torch {torch.__version__}")
    for part in [options.part] if options.part else parts:
        parts[part](options.repeats)


if __name__ == "__main__":
    console.run(main)
