"""Training beside peers: speed of a step, and how good a model is after equal seconds.

    python -m benchmarks.training speed         tokens per second, beside transformers
    python -m benchmarks.training gpt2          the same for GPT-2 124M in plain PyTorch, 10 steps
    python -m benchmarks.training shakespeare   loss after 60, 120 and 180 s, beside GPT-2's recipe
    python -m benchmarks.training stories       distance from the floor after 60 and 120 s

Two threads (`OMP_NUM_THREADS` says otherwise), float32, everything in one run. `gpt2` counts the
processor's time, which other programs do not change much, and its steps take turns; it also has
both with the products in bfloat16 (`--precision bfloat16` of the training command), which pays
where the processor multiplies it itself. `shakespeare` needs the text (see
`lessons_lib.corpus.texts`).
"""

import argparse
import math
import os
import platform
import statistics
import time
from functools import partial

import torch
import torch.nn.functional as F
import transformers
from torch import nn

from lessons_lib.base import console
from lessons_lib.corpus.stories import sample
from lessons_lib.corpus.texts import load_text
from lessons_lib.gpt import GPT, GPTConfig, loss
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.tokens import CharTokenizer
from lessons_lib.training import (
    AdamW,
    Recipe,
    Windows,
    evaluate,
    story_data,
    story_losses,
    story_tokenizer,
    train,
)


def gpt2(vocab: int, context: int, width: int, heads: int, layers: int) -> nn.Module:
    """Return the GPT-2 of `transformers`, without dropout."""
    config = transformers.GPT2Config(
        vocab_size=vocab,
        n_positions=context,
        n_embd=width,
        n_head=heads,
        n_layer=layers,
        attn_pdrop=0.0,
        embd_pdrop=0.0,
        resid_pdrop=0.0,
        bos_token_id=None,
        eos_token_id=None,
    )
    return transformers.GPT2LMHeadModel(config)


class Logits(nn.Module):
    """A model of `transformers` that gives its logits, as ours do."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, token_ids):
        """Return logits (B, T, V)."""
        return self.model(token_ids).logits


def their_loss(model: nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """Return the loss as `transformers` computes it; the labels are shifted inside."""
    return model(ids[:, :-1], labels=ids[:, :-1]).loss


def speed(repeats: int = 10) -> None:
    """Compare whole training steps of equal shape and precision."""
    for vocab, context, width, heads, layers, batch in (
        (4096, 256, 384, 6, 6, 8),
        (1024, 192, 256, 4, 2, 16),
    ):
        ids = torch.randint(vocab, (batch, context + 1))
        ours = GPT(GPTConfig(vocab, context, width, heads, layers))
        theirs = gpt2(vocab, context, width, heads, layers)
        runs = {
            "ours": (partial(loss, ours, ids), AdamW(ours.parameters(), 1e-3)),
            "transformers": (
                partial(their_loss, theirs, ids),
                torch.optim.AdamW(theirs.parameters(), 1e-3),
            ),
        }
        seconds = {name: [] for name in runs}
        for turn in range(repeats + 1):
            for name, (compute, optimizer) in runs.items():
                start = time.perf_counter()
                compute().backward()
                optimizer.step()
                optimizer.zero_grad()
                if turn:  # the first turn warms up
                    seconds[name].append(time.perf_counter() - start)
        rates = {name: batch * context / statistics.median(s) for name, s in seconds.items()}
        print(
            f"width {width}, {layers} layers: ours {rates['ours']:,.0f} tokens/s, transformers "
            f"{rates['transformers']:,.0f}, ratio {rates['ours'] / rates['transformers']:.2f}"
        )


class PlainBlock(nn.Module):
    """A block of GPT-2, of PyTorch's own layers."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        """Map (B, T, D) to (B, T, D)."""
        q, k, v = (
            y.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for y in self.qkv(self.norms[0](x)).chunk(3, -1)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norms[1](x)), approximate="tanh"))


class PlainGPT(nn.Module):
    """GPT-2 as one writes it in plain PyTorch, without dropout; the table is used twice."""

    def __init__(self, vocab: int, context: int, width: int, heads: int, layers: int):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocab, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(PlainBlock(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        for table in (self.tokens, self.places):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, ids):
        """Return logits (B, T, V)."""
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.tokens.weight)


def plain_loss(model: nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of the next tokens."""
    return F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())


def gpt2_steps(batch: int = 4, length: int = 128, n_steps: int = 10) -> None:
    """Compare steps of the 124M shape, ours and plain PyTorch's, in turns and two precisions."""
    sizes = (50257, 1024, 768, 12, 12)
    ids = torch.randint(sizes[0], (batch, length + 1))
    ours, plain = GPT(GPTConfig(*sizes)), PlainGPT(*sizes)
    both = {
        "ours": (partial(loss, ours, ids), AdamW(ours.parameters(), 1e-4)),
        "plain": (partial(plain_loss, plain, ids), torch.optim.AdamW(plain.parameters(), 1e-4)),
    }
    seconds = {(name, half): [] for half in (False, True) for name in both}
    for turn in range(n_steps + 1):
        for name, half in seconds:
            compute, optimizer = both[name]
            start = time.process_time()
            with torch.autocast("cpu", torch.bfloat16, half):
                value = compute()
            value.backward()
            optimizer.step()
            optimizer.zero_grad()
            if turn:  # the first turn warms up
                seconds[name, half].append(time.process_time() - start)
    rates = {way: batch * length / statistics.median(s) for way, s in seconds.items()}
    print(f"GPT-2 124M, {batch} windows of {length}, {n_steps} steps; tokens per processor second:")
    for (name, half), rate in rates.items():
        print(
            f"{name:5} {'bfloat16' if half else 'float32 '} {rate:6,.0f}, "
            f"{rate / rates['plain', False]:.2f} of plain float32"
        )


def baseline(data: Windows, vocab: int, seconds: float) -> nn.Module:
    """Train a small GPT-2 with AdamW and a cosine, at nanoGPT's setting for a processor."""
    torch.manual_seed(0)
    model = Logits(gpt2(vocab, 64, 128, 4, 4))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, betas=(0.9, 0.99), weight_decay=0.1)
    start, step = time.perf_counter(), 0
    while (done := (time.perf_counter() - start) / seconds) < 1:
        cosine = 0.1 + 0.9 * (1 + math.cos(math.pi * done)) / 2
        optimizer.param_groups[0]["lr"] = 1e-3 * min(1, (step + 1) / 100) * cosine
        loss(model, data.batch(step, 12)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
    return model


def shakespeare(budgets: tuple[float, ...] = (60.0, 120.0, 180.0)) -> None:
    """Compare validation losses on Shakespeare's characters after equal seconds."""
    text = load_text("shakespeare")
    tokenizer = CharTokenizer(text)
    ids = torch.tensor(tokenizer.encode(text))
    cut = int(0.9 * len(ids))
    for seconds in budgets:
        theirs = baseline(Windows(ids[:cut], 64), tokenizer.vocab_size, seconds)
        before = evaluate(theirs, Windows(ids[cut:], 64), most=10_000)
        torch.manual_seed(0)
        sizes = LlamaConfig(tokenizer.vocab_size, 128, 128, 4, 4, 384, n_kv_heads=2, qk_norm=True)
        ours = Llama(sizes)
        recipe = Recipe(seconds=seconds, batch_size=16, lr=0.01, matrix_lr=0.03)
        train(ours, Windows(ids[:cut], 128), recipe)
        after = evaluate(ours, Windows(ids[cut:], 64), most=10_000)
        print(
            f"{seconds:.0f} s: GPT-2 with AdamW {before:.3f}, ours {after:.3f} nats per character "
            f"(both on windows of 64), {before - after:.3f} less",
            flush=True,
        )


def stories(budgets: tuple[float, ...] = (60.0, 120.0)) -> None:
    """Tell how far from the floor a model of the stories is after some seconds."""
    tokenizer = story_tokenizer()
    sizes = LlamaConfig(
        tokenizer.vocab_size, 256, 128, n_heads=4, n_layers=2, d_ff=384, qk_norm=True
    )
    for seconds in budgets:
        for language in ("en", "es"):
            data = story_data(language, tokenizer, 20_000, 128)
            tests = sample(300, seed=0, language=language)
            least = -sum(story.log_prob for story in tests) / len(tests)
            torch.manual_seed(0)
            model = Llama(sizes)
            nn.init.normal_(model.token_embedding.weight, std=0.5)  # as in `tools.story_models`
            recipe = Recipe(seconds=seconds, batch_size=8, lr=0.02, matrix_lr=0.02)
            record = train(model, data, recipe)
            ratio = story_losses(model, tokenizer, tests).mean().item() / least
            print(
                f"{language}, {seconds:.0f} s, {len(record)} steps: {ratio:.3f} of the floor",
                flush=True,
            )


def main() -> None:
    """Run one part, or all."""
    parts = {"speed": speed, "gpt2": gpt2_steps, "shakespeare": shakespeare, "stories": stories}
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("part", nargs="?", choices=list(parts), help="all by default")
    part = parser.parse_args().part
    torch.manual_seed(0)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for name in [part] if part else parts:
        parts[name]()


if __name__ == "__main__":
    console.run(main)
