"""The command: train a small model and write it as a folder that others can open."""

import argparse
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from lessons_lib.base.files import write_atomic
from lessons_lib.base.parallel import process_group, rank_and_size, same_for_all
from lessons_lib.base.validation import check_integer, check_logits, check_number
from lessons_lib.corpus.texts import load_text
from lessons_lib.gpt import GPT, GPTConfig
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training.data import Windows
from lessons_lib.training.recipe import Recipe
from lessons_lib.training.run import read_record, train
from lessons_lib.training.shards import split_shards
from lessons_lib.training.speed import clock, compile_blocks, measure_peak, recompute_blocks
from lessons_lib.training.state import saved_weights
from lessons_lib.training.stopping import Stopping
from lessons_lib.training.stories import END, story_data, story_tokenizer
from lessons_lib.training.sweep import best_rate, rates_of, sweep
from lessons_lib.training.watching import tensorboard_watch, write_page

STOPPING = (
    "SIGTERM and Ctrl-C let the step end, save the run and end with the exit status 143 or 130, "
    "without a model; --resume goes on from there, with any number of processes."
)
PRECISION = (
    "of the products; with bfloat16 (torch.autocast) weights, gradients and the optimizers' states "
    "stay float32, so that no small step is lost"
)


@torch.no_grad()
def write_text(
    model: nn.Module, tokenizer: BPETokenizer, start: str, n_tokens: int, seed: int = 0
) -> str:
    """Go on with `start` by up to `n_tokens` tokens, each drawn as the model says; stop at `END`.

    The chapter `generation` does this with more choice, and fast.

    Raises:
        ValueError: a negative number of tokens or seed, or logits without a largest one.
    """
    rng = torch.Generator().manual_seed(check_integer("seed", seed, 0, 2**64 - 1))
    special = [END] if END in tokenizer.special_tokens else []
    ids = torch.tensor([tokenizer.encode(start, allowed_special=special)])
    n_given = ids.shape[1]
    device = next(model.parameters()).device
    for _ in range(check_integer("n_tokens", n_tokens, 0)):
        window = ids[:, -model.config.context_length :].to(device)
        probabilities = check_logits(model(window)[0, -1]).float().softmax(-1).cpu()
        new = torch.multinomial(probabilities, 1, generator=rng)
        if tokenizer.decode([new.item()]) == END:
            break
        ids = torch.cat([ids, new[None]], dim=1)
    return tokenizer.decode(ids[0, n_given:].tolist())


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m lessons_lib.training",
        description="Train a small language model and write it as a folder that others can open.",
        epilog=STOPPING,
    )
    add = parser.add_argument
    known = "stories, quijote, shakespeare, a file of text, or a folder of shards"
    add("--text", required=True, help=known)
    add("--language", choices=("en", "es"), default="en", help="of the stories")
    add("--stories", type=int, default=20_000, help="how many stories to tell")
    add("--out", required=True, type=Path, help="the folder to write")
    add("--minutes", type=float, help="how long to train")
    add("--steps", type=int, help="how many steps to train; at the end of a run that repeats")
    add("--resume", action="store_true", help="go on where the run in --out stopped")
    add("--model", choices=("llama", "gpt"), default="llama", help="llama has norms as in Qwen3")
    add("--d-model", type=int, default=128)
    add("--n-layers", type=int, default=2)
    add("--n-heads", type=int, default=4)
    add("--context", type=int, default=160, help="tokens in a window")
    add("--batch", type=int, default=16, help="windows in a step")
    add("--accumulate", type=int, default=1, help="parts of a batch, one after the other")
    add("--vocab-size", type=int, default=1024, help="tokens to learn from a text")
    add("--lr", type=float, default=Recipe.lr, help="learning rate of AdamW")
    add("--matrix-lr", type=float, default=Recipe.matrix_lr, help="of Muon; 0: AdamW for all")
    add("--precision", choices=("float32", "bfloat16"), default="float32", help=PRECISION)
    add("--every", type=int, default=100, help="steps from one report and checkpoint to the next")
    add("--seed", type=int, default=0)
    add("--fsdp", action="store_true", help="under torchrun: split the weights too")
    add("--sharded-checkpoints", action="store_true", help="each process writes its own part")
    add("--sweep", metavar="RATES", help="learning rates to compare, such as 1e-3,3e-3,1e-2")
    add("--tensorboard", action="store_true", help="write files for TensorBoard too")
    add("--compile", action="store_true", help="let PyTorch compile the blocks")
    add("--checkpoint-blocks", action="store_true", help="less memory, a third more computing")
    add("--peak-tflops", type=float, help="of each machine, for the MFU; measured by default")
    found = parser.parse_args(arguments)
    if found.minutes is None and found.steps is None:
        parser.error("expected --minutes or --steps, got neither")
    found.sweep = found.sweep and rates_of(found.sweep)
    return found


def read_data(options: argparse.Namespace) -> tuple[BPETokenizer, Windows, Windows, float]:
    """Return tokenizer, training and validation windows, and the validation's bytes per token."""
    if options.text == "stories":
        tokenizer = story_tokenizer()
        data = story_data(options.language, tokenizer, options.stories, options.context)
        validation = story_data(options.language, tokenizer, 200, options.context, seed=0)
    elif Path(options.text).is_dir():
        data, validation = split_shards(options.text, options.context)
        tokenizer = data.tokenizer()
    else:
        text = load_text(options.text)
        cut = int(0.9 * len(text))
        tokenizer = BPETokenizer.train(text[:cut], options.vocab_size)
        data = Windows(tokenizer.encode(text[:cut]), options.context)
        validation = Windows(tokenizer.encode(text[cut:]), options.context)
    n_bytes = len(tokenizer.decode_bytes(validation.all_tokens.tolist()))
    return tokenizer, data, validation, n_bytes / validation.n_tokens


def new_model(options: argparse.Namespace, vocab_size: int) -> Llama | GPT:
    """Return an untrained model of the sizes asked for."""
    torch.manual_seed(options.seed)
    sizes = options.d_model, options.n_heads, options.n_layers
    context = max(512, options.context)
    if options.model == "gpt":
        return GPT(GPTConfig(vocab_size, options.context, *sizes))
    d_ff = 256 * math.ceil(options.d_model * 8 / 3 / 256)
    shared = max(1, options.n_heads // 2)
    config = LlamaConfig(vocab_size, context, *sizes, d_ff, shared, qk_norm=True, tied=True)
    return Llama(config)


def write_facts(options: argparse.Namespace) -> None:
    """Write down for the model card what was learned from, if nobody has yet."""
    path = options.out / "facts.json"
    if not path.exists():
        told = {"language": options.language} if options.text == "stories" else {}
        # On a console of ASCII, Python holds the bytes of a file's name that are none.
        facts = {"source": os.fsencode(options.text).decode("utf-8", "replace")} | told
        write_atomic(path, (json.dumps(facts, ensure_ascii=False, indent=1) + "\n").encode())


def write_model(options: argparse.Namespace, tokenizer: BPETokenizer) -> None:
    """Write the weights of the last checkpoint as a folder that others can open."""
    done = new_model(options, tokenizer.vocab_size)
    weights = saved_weights(options.out / "checkpoint.pt")
    with torch.no_grad():
        for name, p in done.named_parameters():
            p.copy_(weights[name])
    done.save_pretrained(options.out, tokenizer)
    write_facts(options)


def describe_machine(found: dict) -> str:
    """Say in a line what `Meter` reports."""
    parts = [f"{found['tokens_per_second']:,.0f} tokens/s"]
    if "mfu" in found:
        parts.append(f"MFU {found['mfu']:.0%}")
    if "memory_bytes" in found:
        parts.append(f"{found['memory_bytes'] / 1e9:.2f} GB")
    if "seconds_left" in found:
        parts.append(f"{clock(found['seconds_left'])} left")
    return ", ".join(parts)


def find_peak(options: argparse.Namespace, device: torch.device) -> float:
    """Return the operations a second of this machine, as told or as measured."""
    if options.peak_tflops is not None:
        return 1e12 * check_number("--peak-tflops", options.peak_tflops, above=0)
    return same_for_all(measure_peak(device, options.precision), mean=True)


class Job:
    """What the command does: the data read once, and runs on them."""

    def __init__(self, options: argparse.Namespace, device: torch.device):
        self.options, self.device = options, device
        self.first = rank_and_size()[0] == 0
        self.tell = print if self.first else lambda *_: None
        self.tell(f"reading {options.text}")
        self.tokenizer, self.data, self.validation, self.width = read_data(options)
        self.peak = find_peak(options, device)
        self.stopping = Stopping()

    def model(self) -> Llama | GPT:
        """Return an untrained model on the device, prepared as the options say."""
        model = new_model(self.options, self.tokenizer.vocab_size).to(self.device)
        if self.options.checkpoint_blocks:
            recompute_blocks(model)
        if self.options.compile:
            compile_blocks(model)
        n_parameters = sum(p.numel() for p in model.parameters())
        sizes = f"{self.data.n_tokens:,} tokens, {n_parameters:,} parameters"
        self.tell(f"{sizes}, {self.device}, {self.peak / 1e12:.2g} TFLOP/s")
        return model

    def recipe(self, rate: float) -> Recipe:
        """Return the settings; the rate of Muon keeps its ratio to that of AdamW."""
        options = self.options
        scale = 1 if rate == options.lr else rate / options.lr
        return Recipe(
            n_steps=options.steps,
            seconds=options.minutes and 60 * options.minutes,
            batch_size=options.batch,
            accumulate=options.accumulate,
            lr=rate,
            matrix_lr=options.matrix_lr * scale or None,
            precision=options.precision,
            seed=options.seed,
            evaluate_every=options.every,
            save_every=options.every,
        )

    def report(self, model: Llama | GPT, line: dict) -> None:
        """Print what a report says, and some text of the model."""
        if "validation" not in line:
            return
        bits = line["validation"] / self.width / math.log(2)
        self.tell(
            f"\nstep {line['step']}, {line['seconds']:.0f} s, loss {line['loss']:.3f}; "
            f"validation {line['validation']:.3f} nats per token, {bits:.3f} bits per byte"
        )
        self.tell("  " + describe_machine(line["machine"]))
        start = END if END in self.tokenizer.special_tokens else "\n"
        text = write_text(model, self.tokenizer, start, 60)
        self.tell("  " + text.strip().replace("\n", "\n  "))

    def run(self, rate: float, folder: Path, resume: bool) -> list[dict]:
        """Train once and return the record, which a page in the folder shows."""
        options, model = self.options, self.model()
        board = options.tensorboard and self.first and tensorboard_watch(folder / "tensorboard")

        def show(done: bool) -> None:
            name, path = folder.resolve().name, "record.jsonl"
            write_page(folder, {name: read_record(folder / path)}, {name: path}, done)

        def watch(line: dict) -> None:
            self.report(model, line)
            if board:
                board(line)
            if self.first and "machine" in line:
                show(False)

        with self.stopping:
            found = train(
                *(model, self.data, self.recipe(rate), self.validation, folder, resume),
                sharded=options.fsdp,
                watch=watch,
                stop=self.stopping,
                parts=options.sharded_checkpoints,
                peak=self.peak,
            )
        if self.first:
            show(True)
        return found

    def sweep(self) -> None:
        """Train with each rate of `--sweep`, and say which was best."""
        out = self.options.out
        out.mkdir(parents=True, exist_ok=True)

        def one(rate: float, folder: Path) -> list[dict] | None:
            self.tell(f"\nlearning rate {rate:g}")
            resume = self.options.resume and (folder / "checkpoint.pt").exists()
            record = self.run(rate, folder, resume)
            return None if self.stopping.number else record

        rows = sweep(self.options.sweep, out, one)
        for row in rows or ():
            loss = "diverged" if row["validation"] is None else f"{row['validation']:.3f}"
            self.tell(f"learning rate {row['lr']:g}: {loss}")
        if rows and best_rate(rows) is not None:
            best = self.recipe(best_rate(rows))
            self.tell(f"best: --lr {best.lr:g} --matrix-lr {best.matrix_lr or 0:g}")
            self.tell(f"its picture: python -m lessons_lib.figures.sweep {out}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train as the command line says, and write the model, its tokenizer and the run's record.

    Returns:
        The exit status: 0, or after a signal to stop the one of `Stopping`.
    """
    options = read_arguments(arguments)
    with process_group() as device:
        job = Job(options, device)
        if options.sweep:
            job.sweep()
        else:
            job.run(options.lr, options.out, options.resume)
        if job.stopping.number:
            job.tell(f"\nstopped by {job.stopping.name}, the run is saved: go on with --resume")
            return job.stopping.status
        if job.first and not options.sweep:
            write_model(options, job.tokenizer)
            job.tell(f"\nwritten: {options.out}")
        return 0
